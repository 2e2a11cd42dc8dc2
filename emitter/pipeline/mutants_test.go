package pipeline_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// The model is worth something only if it turns red. Each of these engines breaks one promise.
func TestModelCatchesMutants(t *testing.T) {
	const seeds = 40
	type mutant struct {
		name   string
		change func(*pipeline.Rules)
	}
	verdict := func(change func(pipeline.Response) (pipeline.Outcome, bool)) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) {
			right := r.Verdict
			r.Verdict = func(a pipeline.Response) pipeline.Outcome {
				if o, ok := change(a); ok {
					return o
				}
				return right(a)
			}
		}
	}
	status := func(from, to int, o pipeline.Outcome) func(*pipeline.Rules) {
		return verdict(func(a pipeline.Response) (pipeline.Outcome, bool) {
			return o, a.Err == nil && a.Status >= from && a.Status <= to
		})
	}
	delay := func(change func(attempt int, right time.Duration, ok bool) (time.Duration, bool)) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) {
			right := r.Delay
			r.Delay = func(attempt int, unit float64) (time.Duration, bool) {
				wait, ok := right(attempt, unit)
				return change(attempt, wait, ok)
			}
		}
	}
	retryAfter := func(change func(a pipeline.Response, right time.Duration, ok bool) (time.Duration, bool)) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) {
			right := r.RetryAfter
			r.RetryAfter = func(a pipeline.Response, now time.Time) (time.Duration, bool) {
				wait, ok := right(a, now)
				return change(a, wait, ok)
			}
		}
	}
	failures := func(change func(before int, o pipeline.Outcome) int) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) { r.Failures = change }
	}
	isDate := func(a pipeline.Response) bool { return strings.HasSuffix(a.Header.Get("Retry-After"), "GMT") }
	secrets := func(change func(all []pipeline.Secret, now time.Time) []pipeline.Secret) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) { r.ActiveSecrets = change }
	}
	sign := func(change func(s *pipeline.Signing)) func(*pipeline.Rules) {
		return func(r *pipeline.Rules) {
			right := r.Sign
			r.Sign = func(s pipeline.Signing) string { change(&s); return right(s) }
		}
	}
	mutants := []mutant{
		{"nine attempts", delay(func(attempt int, d time.Duration, ok bool) (time.Duration, bool) {
			return d, ok || attempt == 9
		})},
		{"seven attempts", delay(func(attempt int, d time.Duration, ok bool) (time.Duration, bool) {
			return d, ok && attempt < 8
		})},
		{"no jitter", func(r *pipeline.Rules) {
			right := r.Delay
			r.Delay = func(attempt int, _ float64) (time.Duration, bool) { return right(attempt, 0.5) }
		}},
		{"4xx retried", status(400, 499, pipeline.Retry)},
		{"404 retried", status(404, 404, pipeline.Retry)},
		{"410 retried", status(410, 410, pipeline.Retry)},
		{"408 dead", status(408, 408, pipeline.Terminal)},
		{"429 dead", status(429, 429, pipeline.Terminal)},
		{"3xx is success", status(300, 399, pipeline.Delivered)},
		{"3xx dead", status(300, 399, pipeline.Terminal)},
		{"5xx dead", status(500, 599, pipeline.Terminal)},
		{"5xx is success", status(500, 599, pipeline.Delivered)},
		{"201 is no success", status(201, 201, pipeline.Retry)},
		{"refused is dead", verdict(func(a pipeline.Response) (pipeline.Outcome, bool) {
			return pipeline.Terminal, a.Trouble == pipeline.Refused
		})},
		{"refused is lost in silence", verdict(func(a pipeline.Response) (pipeline.Outcome, bool) {
			return pipeline.Delivered, a.Trouble == pipeline.Refused
		})},
		{"timeout is dead", verdict(func(a pipeline.Response) (pipeline.Outcome, bool) {
			return pipeline.Terminal, a.Trouble == pipeline.TimedOut
		})},
		{"timeout is success", verdict(func(a pipeline.Response) (pipeline.Outcome, bool) {
			return pipeline.Delivered, a.Trouble == pipeline.TimedOut
		})},
		{"Retry-After ignored", retryAfter(func(pipeline.Response, time.Duration, bool) (time.Duration, bool) { return 0, false })},
		{"Retry-After in seconds only", retryAfter(func(a pipeline.Response, d time.Duration, ok bool) (time.Duration, bool) {
			return d, ok && !isDate(a)
		})},
		{"Retry-After as a date only", retryAfter(func(a pipeline.Response, d time.Duration, ok bool) (time.Duration, bool) {
			return d, ok && isDate(a)
		})},
		{"Retry-After without bound", retryAfter(func(_ pipeline.Response, d time.Duration, ok bool) (time.Duration, bool) {
			if d >= modelLongest {
				d *= 2
			}
			return d, ok
		})},
		{"Retry-After on 503", retryAfter(func(a pipeline.Response, d time.Duration, ok bool) (time.Duration, bool) {
			if a.Status == 503 {
				seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
				return min(time.Duration(seconds)*time.Second, modelLongest), err == nil
			}
			return d, ok
		})},
		{"timeout of 60 s", func(r *pipeline.Rules) { r.Timeout = time.Minute }},
		{"timeout of 9 s", func(r *pipeline.Rules) { r.Timeout = 9 * time.Second }},
		{"expired secrets sign", secrets(func(all []pipeline.Secret, now time.Time) []pipeline.Secret {
			return pipeline.NewestFirst(all, time.Time{})
		})},
		{"secrets expire an hour early", secrets(func(all []pipeline.Secret, now time.Time) []pipeline.Secret {
			return pipeline.NewestFirst(all, now.Add(time.Hour))
		})},
		{"only the newest secret signs", secrets(func(all []pipeline.Secret, now time.Time) []pipeline.Secret {
			active := pipeline.NewestFirst(all, now)
			return active[:min(len(active), 1)]
		})},
		{"the oldest secret first", secrets(pipeline.OldestFirst)},
		{"t of the delivery's enqueueing", sign(func(s *pipeline.Signing) { s.At = s.At.Add(-time.Duration(s.Attempt-1) * time.Second) })},
		{"another's secret on retries", sign(func(s *pipeline.Signing) {
			if s.Attempt > 1 {
				s.Secrets = []pipeline.Secret{{Value: "whsec_another"}}
			}
		})},
		{"signs another body", sign(func(s *pipeline.Signing) { s.Body = append([]byte(" "), s.Body...) })},
		{"one delivery id for all attempts", func(r *pipeline.Rules) { r.DeliveryID = pipeline.IDPerDelivery }},
		{"a new delivery id on the first attempt", func(r *pipeline.Rules) {
			r.DeliveryID = func(_ pipeline.Delivery, _ int, newID func() string) string { return newID() }
		}},
		{"an event id per attempt", func(r *pipeline.Rules) {
			r.EventID = func(d pipeline.Delivery, attempt int) string { return fmt.Sprint(d.Event.ID, attempt) }
		}},
		{"disables one early", func(r *pipeline.Rules) { r.DisableAfter-- }},
		{"disables one late", func(r *pipeline.Rules) { r.DisableAfter++ }},
		{"never disables", func(r *pipeline.Rules) { r.DisableAfter = 0 }},
		{"counts attempts", failures(func(before int, o pipeline.Outcome) int {
			if o == pipeline.Delivered {
				return 0
			}
			return before + 1
		})},
		{"success does not reset", failures(func(before int, o pipeline.Outcome) int {
			if o == pipeline.Terminal {
				return before + 1
			}
			return before
		})},
		{"a retry resets", failures(func(before int, o pipeline.Outcome) int {
			if o == pipeline.Terminal {
				return before + 1
			}
			return 0
		})},
		{"delivers while disabled", func(r *pipeline.Rules) { r.DeliversTo = func(pipeline.State) bool { return true } }},
		{"keeps what is pending while disabled", func(r *pipeline.Rules) { r.KeepPending = true }},
	}
	for step := 2; step <= len(modelDelays); step++ {
		mutants = append(mutants, mutant{fmt.Sprintf("wrong step %d", step),
			delay(func(attempt int, d time.Duration, ok bool) (time.Duration, bool) {
				if attempt == step {
					d += d / 100
				}
				return d, ok
			})})
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			ed := edition(t, "")
			for seed := range uint64(seeds) {
				rules := pipeline.RulesOf(ed)
				m.change(&rules)
				if difference, _ := compare(t, ed, rules, seed); difference != "" {
					t.Logf("seed %d: %s", seed, difference)
					return
				}
			}
			t.Errorf("the model sees nothing wrong in %d worlds", seeds)
		})
	}
}
