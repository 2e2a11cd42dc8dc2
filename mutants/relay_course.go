package mutants

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayCourseMutants err where the course of a delivery begins, turns and ends: at its first and its last attempt, at the
// timeout, and at a redirect.
func relayCourseMutants() []Mutant {
	return []Mutant{
		{
			Name: "one-a-second", Defect: "a subscription gets one event a second, and those above that wait for their first retry",
			// Where the clock stands still they never come, which costs each spec the time of an arrival.
			Breaks: []string{"relay.retry.first"}, Filter: "relay.retry.first", relay: oneASecond,
		},
		{
			Name: "exhausted-stays-pending", Defect: "a delivery whose last attempt failed is listed as pending for ever",
			Breaks: []string{"relay.retry.eight-attempts", "relay.replay.status-dead"}, Filter: "retry || relay.replay.status-dead",
			relay: exhausted("dead", "pending"),
		},
		{
			Name: "exhausted-has-its-own-word", Defect: "a delivery whose last attempt failed is called exhausted, and failed where a 4xx ended it",
			Edition: "kirim.chat", Breaks: []string{"relay.replay.status-failed"}, Filter: "replay", relay: exhausted("failed", "exhausted"),
		},
		{
			Name: "last-attempt-again", Defect: "when the last attempt has failed, one more is made at once to be sure",
			Breaks: []string{"relay.retry.no-ninth"}, Filter: retryAreas, relay: onceMore,
		},
		{
			Name: "timeout-ends-at-the-head", Defect: "the timeout is for the head of an answer, and its body may take for ever",
			Breaks: []string{"relay.retry.timeout-whole-exchange"}, Filter: retryAreas, relay: headInTime,
		},
		{
			Name: "moves-permanently", Defect: "a 301 or a 308 gives the subscription another URL from then on",
			Breaks: []string{"relay.outcome.redirect", "relay.outcome.3xx"}, Filter: retryAreas, relay: movesPermanently,
		},
	}
}

// oneASecond makes no attempt at a URL within a second of another one.
func oneASecond(p *server.Parts) {
	var last memory[string, time.Time]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		now := time.Now()
		if before, known := last.swap(r.URL, now); known && now.Sub(before) < time.Second {
			return pipeline.Response{Err: errors.New("above the rate of the subscription"), Trouble: pipeline.Other}
		}
		return next.Send(ctx, r)
	})(p)
}

// attemptsInAll is the number of attempts that the editions have.
const attemptsInAll = 8

// exhausted replaces the word for deliveries that had all their attempts.
func exhausted(word, other string) func(*server.Parts) {
	rename := func(data any) {
		if row, ok := data.(map[string]any); ok && row["status"] == word && fmt.Sprint(row["attempts"]) == strconv.Itoa(attemptsInAll) {
			row["status"] = other
		}
	}
	return answering(func(_ *http.Request, a *answer) {
		a.members(func(doc map[string]any) {
			rename(doc["data"])
			if rows, ok := doc["data"].([]any); ok {
				for _, row := range rows {
					rename(row)
				}
			}
		})
	})
}

// onceMore makes a ninth attempt of what failed at the eighth.
func onceMore(p *server.Parts) {
	name := p.Relay.Edition.Headers.Attempt
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		resp := next.Send(ctx, r)
		if get(&r, name) != strconv.Itoa(attemptsInAll) || (resp.Err == nil && resp.Status < 300) {
			return resp
		}
		again := r
		again.Header = slices.Clone(r.Header)
		for i, f := range again.Header {
			if f.Name == name {
				again.Header[i] = wire.Field{Name: name, Value: strconv.Itoa(attemptsInAll + 1)}
			}
		}
		return next.Send(ctx, again)
	})(p)
}

// longExchange is a timeout for the whole exchange that nothing runs into.
const longExchange = time.Hour

// headInTime ends an exchange at the timeout only where nothing of its answer has come.
func headInTime(p *server.Parts) {
	limit := p.Relay.Rules.Timeout
	p.Relay.Rules.Timeout = longExchange
	headWithin(p, limit)
}

// headWithin ends an exchange when nothing of its answer has come within some time of the relay's clock.
func headWithin(p *server.Parts, limit time.Duration) {
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		head, stop := p.Relay.Clock.Timeout(ctx, limit)
		defer stop()
		exchange, giveUp := context.WithCancel(ctx)
		defer giveUp()
		var answered atomic.Bool
		defer context.AfterFunc(head, func() {
			if !answered.Load() {
				giveUp()
			}
		})()
		trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { answered.Store(true) }}
		resp := next.Send(httptrace.WithClientTrace(exchange, trace), r)
		if resp.Err != nil && errors.Is(head.Err(), context.DeadlineExceeded) {
			resp.Trouble = pipeline.TimedOut
		}
		return resp
	})(p)
}

// movesPermanently sends to where an answer said that the subscriber has moved to.
func movesPermanently(p *server.Parts) {
	var moved memory[string, string]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		if place, known := moved.get(r.URL); known {
			r.URL = place
			return next.Send(ctx, r)
		}
		resp := next.Send(ctx, r)
		if resp.Err == nil && (resp.Status == http.StatusMovedPermanently || resp.Status == http.StatusPermanentRedirect) {
			if place, err := url.Parse(resp.Header.Get("Location")); err == nil && place.IsAbs() {
				moved.swap(r.URL, place.String())
			}
		}
		return resp
	})(p)
}

// looksWhereto asks the place that a redirect names for its head, to tell the subscription's owner whether it is there.
func looksWhereto(p *server.Parts) {
	unchecked := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: unchecked, DisableKeepAlives: true}}
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		resp := next.Send(ctx, r)
		place := resp.Header.Get("Location")
		if resp.Err != nil || resp.Status < 300 || resp.Status > 399 || place == "" {
			return resp
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, place, nil)
		if err != nil {
			return resp
		}
		if there, err := client.Do(req); err == nil {
			// What closing says changes nothing.
			_ = there.Body.Close()
		}
		return resp
	})(p)
}
