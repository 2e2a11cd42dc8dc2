package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
)

// calls counts how often something was carried out.
type calls struct{ n atomic.Int32 }

func (c *calls) run(text string) func(context.Context) (Answer, error) {
	return func(context.Context) (Answer, error) {
		c.n.Add(1)
		return Answer{Status: 201, Header: map[string]string{"X-Request-Id": "req_1"}, Body: []byte(text)}, nil
	}
}

var (
	one = [32]byte{1}
	two = [32]byte{2}
)

func TestAKeyIsCarriedOutOnceWithinADay(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	var c calls
	call := func(org Org, key string, fingerprint [32]byte, text string) (string, bool, string) {
		answer, replayed, err := r.Idempotent(r.ctx, org, key, fingerprint, c.run(text))
		if err == nil {
			is.Expect(answer.Status).To(Equal(201))
			is.Expect(answer.Header).To(HaveKeyWithValue("X-Request-Id", "req_1"))
		}
		return string(answer.Body), replayed, code(err)
	}
	for _, step := range []struct {
		what        string
		org         Org
		key         string
		fingerprint [32]byte
		wait        time.Duration
		answer      string
		replayed    bool
		code        string
	}{
		{"the first call", r.first, "k", one, 0, "0", false, ""},
		{"the same", r.first, "k", one, 0, "0", true, ""},
		{"another body", r.first, "k", two, 0, "", false, "idempotency_key_reuse"},
		{"another key", r.first, "l", two, 0, "3", false, ""},
		{"another organisation", r.other, "k", two, 0, "4", false, ""},
		{"just before a day", r.first, "k", one, 24*time.Hour - time.Nanosecond, "0", true, ""},
		{"a day later", r.first, "k", two, time.Nanosecond, "6", false, ""},
		{"and from then on", r.first, "k", two, 24*time.Hour - 1, "6", true, ""},
	} {
		r.advance(step.wait)
		text := map[string]string{"the first call": "0", "another key": "3", "another organisation": "4", "a day later": "6"}[step.what]
		answer, replayed, refused := call(step.org, step.key, step.fingerprint, text)
		is.Expect([]any{answer, replayed, refused}).To(Equal([]any{step.answer, step.replayed, step.code}), step.what)
	}
	is.Expect(c.n.Load()).To(Equal(int32(4)))
}

func TestAnErrorIsNotKept(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	var c calls
	for _, failed := range []error{Invalid("invalid_field_value", "url", "wrong"), errors.New("the disk is full")} {
		_, _, err := r.Idempotent(r.ctx, r.first, "k", one, func(context.Context) (Answer, error) { return Answer{}, failed })
		is.Expect(err).To(Equal(failed))
	}
	// A fault of the call must not keep others with its key waiting for ever.
	is.Expect(func() {
		_, _, _ = r.Idempotent(r.ctx, r.first, "k", one, func(context.Context) (Answer, error) { panic("fault") })
	}).To(Panic())
	answer, replayed, err := r.Idempotent(r.ctx, r.first, "k", two, c.run("right"))
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(replayed).To(BeFalse())
	is.Expect(string(answer.Body)).To(Equal("right"))
}

// slow is a first call that is being carried out until leave is closed.
func (r *rig) slow(key string) (leave chan struct{}, ended chan error) {
	r.Helper()
	entered := make(chan struct{})
	leave, ended = make(chan struct{}), make(chan error, 1)
	go func() {
		_, _, err := r.Idempotent(r.ctx, r.first, key, one, func(context.Context) (Answer, error) {
			close(entered)
			<-leave
			return Answer{Status: 201, Body: []byte("first")}, nil
		})
		ended <- err
	}()
	<-entered
	return leave, ended
}

func TestACallWaitsForTheFirstWithItsKey(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	leave, ended := r.slow("k")
	var c calls
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			fingerprint, want := one, ""
			if i%2 == 1 {
				fingerprint, want = two, "idempotency_key_reuse"
			}
			answer, replayed, err := r.Idempotent(r.ctx, r.first, "k", fingerprint, c.run("twice"))
			if code(err) != want || (want == "" && (!replayed || string(answer.Body) != "first")) {
				t.Errorf("%q %v %v", answer.Body, replayed, err)
			}
		})
	}
	// Meanwhile another key, and another organisation's same key, are free.
	for _, free := range []struct {
		org Org
		key string
	}{{r.first, "l"}, {r.other, "k"}} {
		_, replayed, err := r.Idempotent(r.ctx, free.org, free.key, one, func(context.Context) (Answer, error) { return Answer{}, nil })
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(replayed).To(BeFalse())
	}
	close(leave)
	is.Expect(<-ended).To(Succeed())
	group.Wait()
	is.Expect(c.n.Load()).To(Equal(int32(0)))
	is.Expect(r.answers.running).To(BeEmpty())
}

// told is a clock that tells of the timers that are set.
type told struct {
	clock.Clock
	set chan<- time.Duration
}

func (c told) AfterFunc(d time.Duration, f func()) clock.Timer {
	timer := c.Clock.AfterFunc(d, f)
	c.set <- d
	return timer
}

func TestACallThatWaitedTooLongIsAConflict(t *testing.T) {
	is := NewWithT(t)
	set := make(chan time.Duration, 10)
	r := newRig(t, func(c *Config) { c.Clock = told{c.Clock, set} })
	leave, ended := r.slow("k")
	waited := make(chan error, 1)
	is.Expect(<-set).To(Equal(purgeEvery))
	is.Expect(<-set).To(Equal(answerAwaited), "the first call's")
	go func() {
		_, _, err := r.Idempotent(r.ctx, r.first, "k", one, nil)
		waited <- err
	}()
	is.Expect(<-set).To(Equal(answerAwaited))
	r.advance(answerAwaited - time.Nanosecond)
	is.Consistently(waited, "20ms").ShouldNot(Receive())
	r.advance(time.Nanosecond)
	err := <-waited
	is.Expect(code(err)).To(Equal("idempotency_in_progress"))
	is.Expect(err.(*Error).Status).To(Equal(409))
	// A caller that goes away waits no longer.
	gone, leaves := context.WithCancel(r.ctx)
	leaves()
	_, _, err = r.Idempotent(gone, r.first, "k", one, nil)
	is.Expect(err).To(MatchError(context.Canceled))
	close(leave)
	is.Expect(<-ended).To(Succeed())
}
