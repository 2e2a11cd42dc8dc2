package relay

import (
	"context"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// What an Idempotency-Key means (documentation: concepts/idempotency).
const (
	// answersKept is how long an answer is repeated.
	answersKept = 24 * time.Hour
	// answerAwaited is how long a call waits for the first one with its key.
	answerAwaited = 30 * time.Second
)

// answers are the calls with an Idempotency-Key that are being carried out.
type answers struct {
	mu      sync.Mutex
	running map[answerKey]chan struct{}
}

type answerKey struct {
	org int64
	key string
}

// begin says whether the call is the first with its key; otherwise it returns what closes when that one has ended.
func (a *answers) begin(key answerKey) (first bool, ended <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if running, ok := a.running[key]; ok {
		return false, running
	}
	if a.running == nil {
		a.running = map[answerKey]chan struct{}{}
	}
	a.running[key] = make(chan struct{})
	return true, nil
}

func (a *answers) end(key answerKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.running[key])
	delete(a.running, key)
}

// Idempotent carries a call out once for each Idempotency-Key of an organisation. The same call again, within 24 hours,
// gets the same answer, with replayed true. Another call with the key is refused, and so is one that waited too long for
// the first. What run returns as an error is not kept.
func (r *Relay) Idempotent(
	ctx context.Context, org Org, key string, fingerprint [32]byte, run func(context.Context) (Answer, error),
) (answer Answer, replayed bool, err error) {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	late := r.clock.AfterFunc(answerAwaited, stop)
	defer late.Stop()
	at := answerKey{org.Seq, key}
	for {
		first, ended := r.answers.begin(at)
		if !first {
			select {
			case <-ended:
				continue
			case <-waiting.Done():
				if ctx.Err() != nil {
					return Answer{}, false, ctx.Err()
				}
				return Answer{}, false, Conflict("idempotency_in_progress", "a call with this Idempotency-Key is still being carried out")
			}
		}
		defer r.answers.end(at)
		return r.answer(ctx, at, fingerprint, run)
	}
}

// answer repeats the answer that is kept, or carries the call out and keeps its answer.
func (r *Relay) answer(
	ctx context.Context, at answerKey, fingerprint [32]byte, run func(context.Context) (Answer, error),
) (answer Answer, replayed bool, err error) {
	var kept store.Answer
	var ok bool
	err = r.store.View(ctx, func(tx *store.Tx) error {
		kept, ok, err = tx.Answer(at.org, at.key)
		return err
	})
	if err != nil {
		return answer, false, err
	}
	now := r.clock.Now()
	if ok && now.Before(kept.CreatedAt.Add(answersKept)) {
		if kept.Fingerprint != fingerprint {
			return answer, false, &Error{
				Status: 422, Type: TypeInvalidRequest, Code: "idempotency_key_reuse", Param: "Idempotency-Key",
				Message: "this Idempotency-Key was used with another request",
			}
		}
		return Answer{Status: kept.Status, Header: kept.Header, Body: kept.Body}, true, nil
	}
	if answer, err = run(ctx); err != nil {
		return answer, false, err
	}
	err = r.update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		return tx.PutAnswer(store.Answer{
			Org: at.org, Key: at.key, Fingerprint: fingerprint, Status: answer.Status, Header: answer.Header, Body: answer.Body, CreatedAt: now,
		})
	})
	// The call was carried out; that its answer could not be kept must not make the caller repeat it.
	if err != nil {
		r.log.Error("an answer could not be kept for its Idempotency-Key", "error", err)
	}
	return answer, false, nil
}
