package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// memory is a journal in memory.
type memory struct {
	mu      sync.Mutex
	records []pipeline.Record
	stops   []pipeline.Stop
	flushed int
	// body, if set, answers for Body.
	body func(ctx context.Context, event int64) ([]byte, error)
	// attempted, if set, is called first.
	attempted func(pipeline.Record)
}

func (m *memory) Attempted(r pipeline.Record) {
	if m.attempted != nil {
		m.attempted(r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, r)
}

func (m *memory) Stopped(s []pipeline.Stop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stops = append(m.stops, s...)
}

func (m *memory) Body(ctx context.Context, event int64) ([]byte, error) {
	if m.body != nil {
		return m.body(ctx, event)
	}
	return bodyOf(event), nil
}

func (m *memory) Flush(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushed++
	return ctx.Err()
}

// taken returns what the journal holds by now.
func (m *memory) taken() ([]pipeline.Record, []pipeline.Stop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records), slices.Clone(m.stops)
}

func bodyOf(event int64) []byte { return fmt.Appendf(nil, `{"event":%d}`, event) }

// sender is a Sender made of a function.
type sender func(ctx context.Context, r pipeline.Request) pipeline.Response

func (s sender) Send(ctx context.Context, r pipeline.Request) pipeline.Response { return s(ctx, r) }

// always answers with a status.
func always(status int) sender {
	return func(context.Context, pipeline.Request) pipeline.Response { return pipeline.Response{Status: status} }
}

// hangs until its time is up.
func hangs(ctx context.Context, _ pipeline.Request) pipeline.Response {
	<-ctx.Done()
	return pipeline.Response{Err: ctx.Err()}
}

var errRefused = errors.New("connection refused")

func refuses(context.Context, pipeline.Request) pipeline.Response {
	return pipeline.Response{Err: errRefused, Trouble: pipeline.Refused}
}

// field returns the value of a header field as it was sent.
func field(r pipeline.Request, name string) string {
	for _, f := range r.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func edition(t testing.TB, id string) contract.Edition {
	t.Helper()
	ed, err := contract.LoadEdition(id)
	if err != nil {
		t.Fatal(err)
	}
	return ed
}

// newIDs returns a source of ids that can be told from those of deliveries.
func newIDs() func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprintf("wbd_new%022d", n.Add(1)) }
}

// engine makes an engine; fields of c that are needed and missing are filled in.
func engine(t testing.TB, c pipeline.Config) *pipeline.Engine {
	t.Helper()
	if c.Edition.ID == "" {
		c.Edition = edition(t, "")
	}
	if c.NewID == nil {
		c.NewID = newIDs()
	}
	e, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func subscriber(id string) pipeline.Subscriber {
	return pipeline.Subscriber{
		ID: id, URL: "https://" + id + ".example/hook",
		Secrets: []pipeline.Secret{{ID: "sec_1", Value: "whsec_of_" + id}},
	}
}

// delivery makes the n-th delivery, of the n-th event.
func delivery(n int64, subscription string) pipeline.Delivery {
	return pipeline.Delivery{
		Seq: n, ID: fmt.Sprintf("wbd_%026d", n), Subscription: subscription,
		Event: pipeline.Event{
			Seq: n, ID: fmt.Sprintf("evt_%026d", n), Name: "contact.created", Source: contract.SourceKirim,
		},
	}
}

func deliveries(from, to int64, subscription string) []pipeline.Delivery {
	var all []pipeline.Delivery
	for n := from; n <= to; n++ {
		all = append(all, delivery(n, subscription))
	}
	return all
}

// rules returns the default edition's rules with changes.
func rules(t testing.TB, change func(*pipeline.Rules)) *pipeline.Rules {
	t.Helper()
	r := pipeline.RulesOf(edition(t, ""))
	change(&r)
	return &r
}

func retryAfter(status int, value string) pipeline.Response {
	return pipeline.Response{Status: status, Header: http.Header{"Retry-After": {value}}}
}

func expectTimes(t *testing.T, records []pipeline.Record, start time.Time, offsets ...time.Duration) {
	t.Helper()
	var got []time.Duration
	for _, r := range records {
		got = append(got, r.StartedAt.Sub(start))
	}
	if !slices.Equal(got, offsets) {
		t.Errorf("attempts began after %v, want %v", got, offsets)
	}
}
