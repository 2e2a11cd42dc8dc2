package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// one makes one attempt and returns its record. change may add to the configuration.
func one(t *testing.T, s pipeline.Subscriber, send sender, change func(*pipeline.Config)) (r pipeline.Record) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		c := pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: send}
		if change != nil {
			change(&c)
		}
		e := engine(t, c)
		e.Put(s)
		e.Enqueue(deliveries(1, 1, s.ID))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		records, stops := journal.taken()
		if len(records) != 1 || len(stops) != 0 {
			t.Fatalf("%d records and %d stops, want 1 and 0", len(records), len(stops))
		}
		r = records[0]
	})
	return r
}

func TestNothingIsSentUnsigned(t *testing.T) {
	expired := subscriber("wbs_a")
	// The bubble's time begins in the year 2000.
	expired.Secrets[0].ExpiresAt = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	none := subscriber("wbs_a")
	none.Secrets = nil
	for name, s := range map[string]pipeline.Subscriber{"all expired": expired, "none": none} {
		t.Run(name, func(t *testing.T) {
			r := one(t, s, func(context.Context, pipeline.Request) pipeline.Response {
				t.Error("something was sent")
				return pipeline.Response{Status: 200}
			}, nil)
			if r.Trouble != pipeline.Unsigned || r.Outcome != pipeline.Retry || r.HeaderID != "" ||
				!strings.Contains(r.Error, "no active secret") {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestLateAnswersAreNone(t *testing.T) {
	for name, send := range map[string]sender{
		"the sender gives up": hangs,
		"the sender does not notice": func(context.Context, pipeline.Request) pipeline.Response {
			time.Sleep(11 * time.Second)
			return pipeline.Response{Status: 200, Body: []byte("fine")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, subscriber("wbs_a"), send, nil)
			if r.Trouble != pipeline.TimedOut || r.Outcome != pipeline.Retry || r.HTTPStatus != 0 || r.ResponseBody != nil ||
				r.Error != "no complete answer within 10s" {
				t.Errorf("%+v", r)
			}
		})
	}
	r := one(t, subscriber("wbs_a"), func(context.Context, pipeline.Request) pipeline.Response {
		time.Sleep(10*time.Second - 1)
		return pipeline.Response{Status: 200}
	}, nil)
	if r.Outcome != pipeline.Delivered || r.Took != 10*time.Second-1 || r.EndedAt.Sub(r.StartedAt) != r.Took {
		t.Errorf("an answer in time: %+v", r)
	}
}

func TestFaultIsAFailedAttemptAndNoMore(t *testing.T) {
	noVerdict := func(r *pipeline.Rules) { r.Verdict = func(pipeline.Response) pipeline.Outcome { panic("no verdict") } }
	for name, c := range map[string]struct {
		send   sender
		change func(*pipeline.Rules)
	}{
		"in the sender":  {func(context.Context, pipeline.Request) pipeline.Response { panic("oops") }, nil},
		"in signing":     {always(200), func(r *pipeline.Rules) { r.Sign = func(pipeline.Signing) string { panic("oops") } }},
		"in the verdict": {always(200), noVerdict},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			r := one(t, subscriber("wbs_a"), c.send, func(config *pipeline.Config) {
				config.Logger = slog.New(slog.NewTextHandler(&log, nil))
				if c.change != nil {
					config.Rules = rules(t, c.change)
				}
			})
			if r.Outcome != pipeline.Retry || r.NextAt.IsZero() {
				t.Errorf("%+v, want a failed attempt that is made again", r)
			}
			if name != "in the verdict" && r.Trouble != pipeline.Internal {
				t.Errorf("trouble %q", r.Trouble)
			}
			if !strings.Contains(log.String(), "attempt_test.go") {
				t.Errorf("the log does not say where: %s", log.String())
			}
		})
	}
}

func TestFaultTakesNoOtherDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Concurrency: 1,
			Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
				if string(r.Body) == string(bodyOf(2)) {
					panic("oops")
				}
				return pipeline.Response{Status: 200}
			}),
		})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 4, "wbs_a"))
		synctest.Wait()
		records, _ := journal.taken()
		var got []pipeline.Outcome
		for _, r := range records {
			got = append(got, r.Outcome)
		}
		if fmt.Sprint(got) != "[delivered retry delivered delivered]" {
			t.Errorf("%v", got)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsAreFitToBeKept(t *testing.T) {
	const token = "https://wbs_a.example/hook?token=hidden"
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"URL": {
			&url.Error{Op: "Post", URL: token, Err: errRefused}, "connection refused",
		},
		"wrapped URL":       {fmt.Errorf("sending: %w", &url.Error{Op: "Post", URL: token, Err: io.EOF}), "EOF"},
		"secret":            {errors.New("cannot parse whsec_of_wbs_a here"), "cannot parse [secret] here"},
		"several lines":     {errors.New("malformed \"HTTP/9\r\nx\x00\""), `malformed "HTTP/9  x "`},
		"invalid UTF-8":     {errors.New("a\xff\xfeb"), "a  b"},
		"200 bytes":         {errors.New(strings.Repeat("a", 200)), strings.Repeat("a", 200)},
		"longer":            {errors.New(strings.Repeat("a", 5000)), strings.Repeat("a", 200)},
		"longer, not ASCII": {errors.New("a" + strings.Repeat("é", 5000)), "a" + strings.Repeat("é", 99)},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, subscriber("wbs_a"), func(context.Context, pipeline.Request) pipeline.Response {
				return pipeline.Response{Err: c.err}
			}, nil)
			if r.Error != c.want || r.Trouble != pipeline.Other || !utf8.ValidString(r.Error) {
				t.Errorf("%q (%s), want %q (other)", r.Error, r.Trouble, c.want)
			}
		})
	}
}

func TestOnlyTheBeginningOfAnAnswerIsKept(t *testing.T) {
	buffer := bytes.Repeat([]byte("x"), 1<<20)
	r := one(t, subscriber("wbs_a"), func(context.Context, pipeline.Request) pipeline.Response {
		return pipeline.Response{Status: 500, Body: buffer}
	}, nil)
	if len(r.ResponseBody) != 1024 || cap(r.ResponseBody) > 2048 || &r.ResponseBody[0] == &buffer[0] {
		t.Errorf("%d bytes of %d are kept", len(r.ResponseBody), cap(r.ResponseBody))
	}
}

func TestBodiesComeFromTheJournalWhereTheBacklogIsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		journal := &memory{body: func(_ context.Context, event int64) ([]byte, error) {
			asked.Add(1)
			return bodyOf(event), nil
		}}
		var status atomic.Int64
		status.Store(200)
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Concurrency: 1,
			Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
				time.Sleep(time.Second)
				return pipeline.Response{Status: int(status.Load())}
			}),
		})
		e.Put(subscriber("wbs_a"))
		const backlog = 100
		enqueue := func(from, to int64) {
			all := deliveries(from, to, "wbs_a")
			for i := range all {
				all[i].Body = bodyOf(all[i].Seq)
			}
			e.Enqueue(all)
		}
		enqueue(1, backlog)
		time.Sleep((backlog + 1) * time.Second)
		if want := int64(backlog - 1 - pipeline.KeptBodies); asked.Load() != want {
			t.Errorf("%d bodies were asked for, want %d", asked.Load(), want)
		}
		asked.Store(0)
		enqueue(201, 201)
		time.Sleep(2 * time.Second)
		if asked.Load() != 0 {
			t.Error("the body of a delivery that did not wait was asked for")
		}
		status.Store(500)
		enqueue(301, 301)
		time.Sleep(2 * time.Second)
		status.Store(200)
		time.Sleep(time.Minute)
		if asked.Load() != 1 {
			t.Errorf("%d bodies were asked for, want that of the retry", asked.Load())
		}
	})
}

func TestBodyThatCannotBeReadIsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var failing atomic.Bool
		failing.Store(true)
		journal := &memory{body: func(_ context.Context, event int64) ([]byte, error) {
			switch {
			case event == 2:
				return nil, fmt.Errorf("event 2: %w", pipeline.ErrEventGone)
			case failing.Load():
				return nil, errors.New("disk I/O error")
			default:
				return bodyOf(event), nil
			}
		}}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: always(200)})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 2, "wbs_a"))
		time.Sleep(35 * time.Second)
		records, stops := journal.taken()
		if len(records) != 0 || len(stops) != 1 || stops[0].Delivery != 2 || stops[0].Reason != pipeline.EventGone {
			t.Errorf("records %+v, stops %+v; want only delivery 2 stopped", records, stops)
		}
		failing.Store(false)
		time.Sleep(10 * time.Second)
		records, _ = journal.taken()
		expectTimes(t, records, start, 40*time.Second)
		if records[0].Number != 1 {
			t.Errorf("attempt %d, want the first", records[0].Number)
		}
	})
}

// The body may take long to read; what was decided meanwhile holds.
func TestNothingStartsAfterDisablingWhileABodyIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{body: func(_ context.Context, event int64) ([]byte, error) {
			time.Sleep(time.Minute)
			return bodyOf(event), nil
		}}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: always(404),
			Rules: rules(t, func(r *pipeline.Rules) { r.DisableAfter = 1 })})
		e.Put(subscriber("wbs_a"))
		d := delivery(1, "wbs_a")
		d.Body = bodyOf(1)
		e.Enqueue(append(deliveries(2, 2, "wbs_a"), d))
		time.Sleep(time.Hour)
		records, stops := journal.taken()
		if len(records) != 1 || len(stops) != 1 || stops[0].Delivery != 2 {
			t.Errorf("records %+v, stops %+v; want delivery 2 stopped", records, stops)
		}
	})
}
