package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/target/program"
)

// Runner runs cases, each in a process of its own: Ginkgo runs specs once in a process.
type Runner struct {
	// Command makes the process that runs the case with this key by Serve, and writes to its standard output.
	Command func(ctx context.Context, key string) *exec.Cmd
	// Jobs is how many of them work at a time. Most of a run is waiting, so it may well be more than there are processors.
	Jobs int
	// Limit is how long one may take.
	Limit time.Duration
	// Done, where set, is told each observation as it comes, one at a time.
	Done func(Observation)
}

// DefaultLimit is far above what any case takes, so that whoever does not come to an end is hanging.
const DefaultLimit = 3 * time.Minute

// maxOutput bounds what a process may write.
const maxOutput = 16 << 20

// Run runs the cases and returns what was seen, in their order. What went wrong with one is in its observation; the error is
// that of the context.
func (r Runner) Run(ctx context.Context, cases []Case) ([]Observation, error) {
	seen := make([]Observation, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	var telling sync.Mutex
	for range max(r.Jobs, 1) {
		workers.Go(func() {
			for i := range next {
				seen[i] = r.one(ctx, cases[i].Key())
				if r.Done != nil && ctx.Err() == nil {
					telling.Lock()
					r.Done(seen[i])
					telling.Unlock()
				}
			}
		})
	}
	for i := range cases {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return seen, ctx.Err()
}

// one runs a case.
func (r Runner) one(ctx context.Context, key string) Observation {
	limited, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	cmd := r.Command(limited, key)
	// The collector has little to do in a process that ends after a second, and the memory is there.
	cmd.Env = append(cmd.Environ(), "GOGC=400")
	// An interrupt of the terminal goes to all processes in the foreground; a child that ends early for it is no finding.
	program.Separate(cmd)
	var stdout, stderr bounded
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	failed := func(format string, args ...any) Observation {
		return Observation{Key: key, Failed: fmt.Sprintf(format, args...)}
	}
	switch {
	case ctx.Err() != nil:
		return failed("interrupted")
	case limited.Err() != nil:
		return failed("it did not end within %s", r.Limit)
	case err != nil:
		return failed("%v: %s", err, strings.TrimSpace(stderr.kept.String()))
	}
	var seen Observation
	if err := json.Unmarshal(stdout.kept.Bytes(), &seen); err != nil {
		return failed("its output is none of an observation: %v", err)
	}
	seen.Key = key
	seen.DurationMS = float64(time.Since(began)) / float64(time.Millisecond)
	seen.CPUMS = float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / float64(time.Millisecond)
	return seen
}

// bounded keeps what is written, up to maxOutput.
type bounded struct{ kept bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("more than %d bytes of output", maxOutput)
	}
	return b.kept.Write(p)
}

// Serve is what a process does that a Runner starts: it runs the case and writes the observation. Specs of blunt pass
// whatever they see.
func Serve(ctx context.Context, key string, w io.Writer, blunt ...string) error {
	c, err := Find(key)
	if err != nil {
		return err
	}
	seen, err := c.Run(ctx, blunt...)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(seen)
}

// Self returns a Command for programs that answer to these arguments, followed by the key, with Serve.
func Self(args ...string) (func(ctx context.Context, key string) *exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, key string) *exec.Cmd {
		return exec.CommandContext(ctx, exe, slices.Concat(args, []string{key})...)
	}, nil
}
