package payload

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

const secret = "whsec_ofThePayloadTests"

func config(t testing.TB, edition string, role contract.Role, o Options) BuilderConfig {
	t.Helper()
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	c := BuilderConfig{Edition: ed, Role: role, Meta: meta, Options: o, Sender: NewKirim(ed, secret)}
	if role == contract.RoleMetaReceiver {
		c.Sender = NewMeta(meta, "http://127.0.0.1/webhooks", secret)
	}
	return c
}

func constant(t testing.TB, rate string, d time.Duration) *schedule.Schedule {
	t.Helper()
	r, err := schedule.ParseRate(rate)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(schedule.Spec{Shape: schedule.Constant, Rate: r, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// take builds a whole schedule and takes it out.
func take(t testing.TB, c BuilderConfig, s *schedule.Schedule, began time.Time) []*Delivery {
	t.Helper()
	q, err := NewQueue(t.Context(), c, s, began, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var out []*Delivery
	for {
		d, err := q.Take(t.Context())
		if errors.Is(err, ErrEnd) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
}

// What goes out is what the emitter would send, header for header and byte for byte.
func TestComposedAsTheEmitterDoes(t *testing.T) {
	c := config(t, "", contract.RoleReceiver, Options{})
	g, err := fixtures.NewGenerator(c.Edition, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 999_999_999)
	for _, event := range c.Edition.Events {
		e, err := g.Event(event.Name, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, forged := range []bool{false, true} {
			plan := emitter.Plan{Event: e, DeliveryID: "wbd_1", Attempt: 3}
			if forged {
				plan.Signature = "t={t},v1={mac key=wrong}"
			}
			want, err := emitter.Build(c.Edition, "http://127.0.0.1/", secret, now, plan)
			if err != nil {
				t.Fatal(err)
			}
			header, body, err := c.Sender.Compose(Parcel{Event: e, DeliveryID: "wbd_1", Attempt: 3, Forged: forged}, now)
			if err != nil || !reflect.DeepEqual(header, want.Header) || string(body) != string(want.Body) {
				t.Errorf("%s, forged %t: error %v, header\n%v, want\n%v", event.Name, forged, err, header, want.Header)
			}
		}
	}
}

// Over minutes of a run, each delivery comes in its turn, has an id and a body of its own, and is signed for its second.
func TestEveryDeliveryIsUniqueAndSignedForItsOwnMoment(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	for _, role := range []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver} {
		c := config(t, "kirim.chat", role, Options{Seed: 7})
		s := constant(t, "20/s", 3*time.Minute)
		deliveries := take(t, c, s, began)
		if uint64(len(deliveries)) != s.Total() {
			t.Fatalf("%d deliveries for %d starts", len(deliveries), s.Total())
		}
		verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: 0}
		ids, bodies := map[string]bool{}, map[string]bool{}
		for n, d := range deliveries {
			at, _ := s.At(uint64(n))
			if d.Number != uint64(n) || d.At != at {
				t.Fatalf("%s: delivery %d at %s came as number %d at %s", role, d.Number, d.At, n, at)
			}
			bodies[string(d.Body)] = true
			header := map[string]string{}
			for _, f := range d.Header {
				header[f.Name] = f.Value
			}
			if role == contract.RoleMetaReceiver {
				continue
			}
			ids[header["X-Kirim-Event-Id"]+header["X-Kirim-Delivery-Id"]] = true
			if err := verifier.Verify(header["X-Kirim-Signature"], d.Body, began.Add(at)); err != nil {
				t.Fatalf("delivery %d at %s: %v", n, at, err)
			}
			if header["X-Kirim-Event"] != d.Event || header["X-Kirim-Attempt"] != "1" {
				t.Fatalf("delivery of %s has the header %v", d.Event, header)
			}
		}
		if len(bodies) != len(deliveries) || role == contract.RoleReceiver && len(ids) != len(deliveries) {
			t.Errorf("%s: %d deliveries have %d bodies and %d ids", role, len(deliveries), len(bodies), len(ids))
		}
	}
}

func TestSameSeedBuildsTheSame(t *testing.T) {
	s := constant(t, "1000/s", time.Second)
	o := Options{Seed: 3, Duplicates: 0.1, Retries: 0.1, WrongSignatures: 0.1, Batched: 0.1}
	c := config(t, "", contract.RoleReceiver, o)
	a, b := take(t, c, s, time.Unix(1, 0)), take(t, c, s, time.Unix(1, 0))
	for i := range a {
		if !reflect.DeepEqual(a[i].Header, b[i].Header) || string(a[i].Body) != string(b[i].Body) {
			t.Fatalf("delivery %d differs", i)
		}
	}
}

// The shares come out within five standard deviations, and each kind is what its name says.
func TestSharesOfWhatIsNotPlain(t *testing.T) {
	o := Options{Seed: 5, Mix: Mix{messageReceived: 50, messageStatus: 50}, Duplicates: 0.02, Retries: 0.04, WrongSignatures: 0.06, Batched: 0.08, BatchItems: 3}
	c := config(t, "", contract.RoleReceiver, o)
	deliveries := take(t, c, constant(t, "20000/s", time.Second), time.Now())
	counts, events := map[Kind]float64{}, map[string]bool{}
	genuine := signature.Verifier{Secrets: []string{secret}, Tolerance: time.Minute}
	for _, d := range deliveries {
		counts[d.Kind]++
		id, attempt, items := d.parcel.Event.ID, d.parcel.Attempt, len(d.parcel.Event.Items)
		seen := events[id]
		events[id] = true
		err := genuine.Verify(d.Header[len(d.Header)-1].Value, d.Body, d.Signed)
		if (err != nil) != (d.Kind == Forged) {
			t.Fatalf("kind %d: verified with %v", d.Kind, err)
		}
		again := d.Kind == Duplicate || d.Kind == Retry
		if seen != again || (attempt > 1) != (d.Kind == Retry) || !again && (items == 3) != (d.Kind == Batched) {
			t.Fatalf("kind %d: seen before %t, attempt %d, %d items", d.Kind, seen, attempt, items)
		}
	}
	n := float64(len(deliveries))
	for kind, share := range map[Kind]float64{Plain: 0.8, Duplicate: 0.02, Retry: 0.04, Forged: 0.06, Batched: 0.08} {
		if limit := 5 * math.Sqrt(n*share*(1-share)); math.Abs(counts[kind]-n*share) > limit {
			t.Errorf("kind %d: %g of %g, want %g ± %g", kind, counts[kind], n, n*share, limit)
		}
	}
}

// Kirim makes no ninth attempt, so a run of retries has none either.
func TestRetriesEndWithTheLastAttempt(t *testing.T) {
	c := config(t, "", contract.RoleReceiver, Options{Retries: 0.99, Seed: 1})
	last := 0
	for _, d := range take(t, c, constant(t, "5000/s", time.Second), time.Now()) {
		last = max(last, d.parcel.Attempt)
	}
	if want := len(c.Edition.Delivery.Delays); last != want {
		t.Errorf("the highest attempt is %d, want %d", last, want)
	}
}

func TestBodySizeIsExact(t *testing.T) {
	c := config(t, "", contract.RoleReceiver, Options{Mix: Mix{messageReceived: 100}, BodySize: 64 << 10})
	for _, d := range take(t, c, constant(t, "20/s", time.Second), time.Now()) {
		if len(d.Body) != 64<<10 {
			t.Errorf("a body has %d bytes", len(d.Body))
		}
	}
}

func TestMixesThatCannotBeMeant(t *testing.T) {
	c := config(t, "", contract.RoleReceiver, Options{})
	for text, say := range map[string]string{
		"message.received=70,message.status=25":                      "add up to 95",
		"message.created=100":                                        "message.received, message.status, conversation.assigned",
		"message.received":                                           "not a share",
		"message.received=NaN":                                       "not a share",
		"message.received=-1,message.status=101":                     "not a share",
		"message.received=50,message.received=50,message.status=100": "twice",
		"": "unknown event",
	} {
		if mix, err := ParseMix(text, Events(c.Edition, c.Role)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q gives %v; error %v does not say %q", text, mix, err, say)
		}
	}
	if _, err := ParseMix("conversation.closed=100", Events(c.Edition, contract.RoleMetaReceiver)); err == nil {
		t.Error("Meta is made to send an event of Kirim's")
	}
	for _, o := range []Options{
		{Duplicates: -0.1}, {Retries: 1.1}, {Duplicates: 0.6, Retries: 0.6}, {WrongSignatures: math.NaN()}, {BatchItems: 1}, {BatchItems: 1001},
		{BodySize: 10}, {BodySize: 4 << 20}, {BodySize: 2000, Mix: Mix{messageStatus: 100}}, {Batched: 0.1, Mix: Mix{"contact.created": 100}},
	} {
		if _, err := NewBuilder(config(t, "", contract.RoleReceiver, o), 0); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// Meta's own figures: three statuses for a message to a customer, and replies to three in ten.
func TestDefaultMixFollowsMetasFigures(t *testing.T) {
	for edition, created := range map[string]float64{"kckit": 0, "kirim.chat": 1} {
		c := config(t, edition, contract.RoleReceiver, Options{})
		shares := DefaultMix(Events(c.Edition, c.Role), c.Meta).Shares()
		sum := 0.0
		for _, share := range shares {
			sum += share
		}
		if math.Abs(sum-1) > 1e-9 || len(shares) != len(c.Edition.Events) ||
			math.Abs(shares[messageStatus]/shares[messageReceived]-10) > 1e-9 ||
			math.Abs(shares[messageCreated]/shares[messageStatus]-created/3) > 1e-9 {
			t.Errorf("%s: %v", edition, shares)
		}
	}
}

// A delivery that comes long after its time carries a signature of the moment at which it leaves.
func TestSignedAgainWhenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, "", contract.RoleReceiver, Options{})
		q, err := NewQueue(t.Context(), c, constant(t, "1/s", 3*time.Second), time.Now(), 300*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		first, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		second, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		value := second.Header[len(second.Header)-1].Value
		verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: 300 * time.Second}
		if err := verifier.Verify(value, second.Body, time.Now()); err != nil || q.Resigned() != 1 || !first.Signed.Before(second.Signed.Add(-9*time.Minute)) {
			t.Errorf("signed at %s and %s, %d again: %v", first.Signed, second.Signed, q.Resigned(), err)
		}
	})
}

// slowSender takes a second to sign.
type slowSender struct{ Sender }

func (s slowSender) Compose(p Parcel, t time.Time) ([]wire.Field, []byte, error) {
	time.Sleep(time.Second)
	return s.Sender.Compose(p, t)
}

// Builders that fall behind are counted, and whoever waits for them gives up when the run does.
func TestQueueMissesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, "", contract.RoleReceiver, Options{})
		c.Sender = slowSender{c.Sender}
		q, err := NewQueue(t.Context(), c, constant(t, "1000/s", 10*time.Second), time.Now(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		if err := q.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Two chunks are ready; a third takes each builder half a minute more.
		for n := range 3 * perChunk {
			if n == 2*perChunk && q.Misses() != 0 {
				t.Errorf("%d misses while there was something to take", q.Misses())
			}
			if _, err := q.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if q.Misses() != 1 {
			t.Errorf("%d misses, want 1", q.Misses())
		}
		for range perChunk {
			if _, err := q.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := q.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a take that nothing is ready for ends with %v", err)
		}
	})
}

func BenchmarkBuildAndSign(b *testing.B) {
	for _, role := range []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver} {
		b.Run(string(role), func(b *testing.B) {
			c := config(b, "", role, Options{})
			builder, err := NewBuilder(c, 0)
			if err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				if _, err := builder.Build(n, 0, now, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
