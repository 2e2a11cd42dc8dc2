package program

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
)

// Running is a program whose output is read while it runs.
type Running struct {
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr lockedTail
	done   chan struct{}

	mu  sync.Mutex
	err error
}

// Start starts the program. Its standard output is given to the function by one goroutine, in pieces as they come and
// with no regard to lines. The program's end, whatever its exit status, is an error that Err tells; Close ends it and
// whatever it started in its process group.
func (p Program) Start(output func([]byte)) (*Running, error) {
	// It runs for as long as its Running, and not for as long as the context of whoever started it.
	cmd := p.command(context.Background())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r := &Running{cmd: cmd, stdout: stdout, done: make(chan struct{})}
	cmd.Stderr = &r.stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go r.read(output)
	return r, nil
}

// pieceSize is how much output is read at once, in bytes.
const pieceSize = 32 << 10

func (r *Running) read(output func([]byte)) {
	defer close(r.done)
	piece := make([]byte, pieceSize)
	for {
		n, err := r.stdout.Read(piece)
		if n > 0 {
			output(piece[:n])
		}
		if err != nil {
			break
		}
	}
	err := ended(r.cmd.Wait())
	if err == nil {
		err = errors.New("it ended with exit status 0")
	}
	killGroup(r.cmd)
	r.mu.Lock()
	r.err = told(err, r.stderr.text())
	r.mu.Unlock()
}

// Err is why the program ended; nil while it runs.
func (r *Running) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Done is closed when the program has ended and its output was given to the function.
func (r *Running) Done() <-chan struct{} { return r.done }

// Close kills the program, if it still runs, with what it started in its process group, and waits for its end.
func (r *Running) Close() error {
	select {
	case <-r.done:
		// Its number may be another's by now.
		return nil
	default:
	}
	killGroup(r.cmd)
	// A process that left the group may still hold the other end. The reading is over all the same.
	err := r.stdout.Close()
	<-r.done
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// lockedTail is a tail that is read while it is written.
type lockedTail struct {
	mu   sync.Mutex
	tail tail
}

func (t *lockedTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tail.Write(p)
}

func (t *lockedTail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tail.text()
}
