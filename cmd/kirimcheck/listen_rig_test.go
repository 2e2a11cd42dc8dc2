package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// listening is kirimcheck listen, running within the test.
type listening struct {
	t     *testing.T
	url   string
	out   <-chan string
	notes <-chan string
	stop  func()
	done  chan error
	code  int
}

// listenTo starts listen on a free port; the secret is in the environment unless it is empty.
func listenTo(t *testing.T, secret string, args ...string) *listening {
	t.Helper()
	t.Setenv(secretVar, secret)
	ctx, stop := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	notes, stderr := io.Pipe()
	l := &listening{t: t, out: lines(out), notes: lines(notes), stop: stop, done: make(chan error, 1)}
	cmd := newListen(&l.code)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append([]string{"--address", "127.0.0.1:0"}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	go func() {
		err := cmd.ExecuteContext(ctx)
		_, _ = stdout.Close(), stderr.Close()
		l.done <- err
	}()
	t.Cleanup(stop)
	first, ok := <-l.notes
	if !ok {
		t.Fatalf("listen ended at once: %v", <-l.done)
	}
	l.url = address(first)
	return l
}

// address takes the URL out of listen's first note.
func address(note string) string {
	return strings.TrimPrefix(strings.TrimSuffix(note, "; Ctrl-C ends it"), "listening on ")
}

// lines reads lines as they come, so that no writer waits for the test.
func lines(r io.Reader) <-chan string {
	const many = 1000
	out := make(chan string, many)
	go func() {
		defer close(out)
		for s := bufio.NewScanner(r); s.Scan(); {
			out <- s.Text()
		}
	}()
	return out
}

// line returns the next line that was printed.
func (l *listening) line() string {
	l.t.Helper()
	line, ok := <-l.out
	if !ok {
		l.t.Fatal("there is no further line")
	}
	return line
}

// note returns the next line of notes.
func (l *listening) note() string {
	l.t.Helper()
	line, ok := <-l.notes
	if !ok {
		l.t.Fatal("there is no further note")
	}
	return line
}

// end interrupts listen and returns its last note.
func (l *listening) end() string {
	l.t.Helper()
	l.stop()
	last := ""
	for note := range l.notes {
		last = note
	}
	if err := <-l.done; err != nil || l.code != exitConformant {
		l.t.Errorf("exit code %d: %v", l.code, err)
	}
	return last
}

// deliver sends one delivery as Kirim does.
func deliver(t *testing.T, url, ca, secret, name string, change func(*emitter.Plan)) wire.Exchange {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	g, err := fixtures.NewGenerator(edition, 7, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	event, err := g.Event(name, "")
	if err != nil {
		t.Fatal(err)
	}
	plan := emitter.Plan{Event: event, DeliveryID: g.ID("wbd")}
	if change != nil {
		change(&plan)
	}
	a, err := emitter.Build(edition, url, secret, time.Now(), plan)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wire.NewClient(30*time.Second, ca, false)
	if err != nil {
		t.Fatal(err)
	}
	return client.Send(t.Context(), a.Request)
}
