package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
)

// NotReadyError is a target that did not acknowledge the one delivery that goes ahead of a run.
type NotReadyError struct {
	// Reached says that there was an answer of HTTP.
	Reached bool
	// Problem says what was wrong, in a line.
	Problem string
}

// Error returns the problem.
func (e *NotReadyError) Error() string { return e.Problem }

// Preflight sends one delivery, and returns a *NotReadyError where the target does not acknowledge it: loading a target
// that refuses everything, or is not there, would measure nothing. The context's error comes back as it is.
func (s *Session) Preflight(ctx context.Context) error {
	way, encode, err := s.transport(ctx)
	if err != nil {
		return err
	}
	defer way.Close()
	// A genuine delivery, whatever the shares of the run; and one that the run itself does not send.
	config := s.builders(encode)
	config.Options.WrongSignatures = 0
	config.Options.Seed = ^config.Options.Seed
	builder, err := payload.NewBuilder(config, 0)
	if err != nil {
		return err
	}
	d, err := builder.Build(0, 0, time.Now(), "")
	if err != nil {
		return err
	}
	answer := way.Exchange(ctx, &d)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case answer.Class != "":
		return &NotReadyError{Problem: fmt.Sprintf("the target did not answer the first delivery (%s): %s", answer.Class, oneLine(answer.Err))}
	case !s.sender.Taken(answer.Status):
		problem := fmt.Sprintf("the target answered the first delivery, a genuine %s, with %d and so acknowledged nothing", d.Event, answer.Status)
		if answer.Status == 401 || answer.Status == 403 {
			problem += "; is the secret the one that the target verifies with?"
		}
		return &NotReadyError{Reached: true, Problem: problem}
	}
	return nil
}
