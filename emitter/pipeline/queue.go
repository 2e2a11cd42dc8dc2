package pipeline

import (
	"container/heap"
	"time"
	"unique"

	"github.com/kirimcheck/kirimcheck/contract"
)

// pending is a delivery that waits, kept small because there may be very many: what many of them share is interned,
// and the ids stand in one string of their own, which holds on to nothing of the caller's.
type pending struct {
	seq   int64
	event int64
	// ids is the delivery's id and the event's, one after the other.
	ids  string
	kind unique.Handle[kind]
	// due is in nanoseconds since 1970, UTC.
	due int64
	// split is where the event's id begins in ids.
	split    uint32
	attempts uint32
}

// kind is what all events of a name have in common.
type kind struct {
	name   string
	source contract.Source
}

func newPending(d Delivery) *pending {
	return &pending{
		seq: d.Seq, event: d.Event.Seq, ids: d.ID + d.Event.ID, split: uint32(len(d.ID)),
		kind: unique.Make(kind{d.Event.Name, d.Event.Source}), due: d.Due.UnixNano(), attempts: uint32(d.Attempts),
	}
}

func (p *pending) id() string { return p.ids[:p.split] }

// delivery is the pending delivery in full, without its body.
func (p *pending) delivery(subscription string) Delivery {
	k := p.kind.Value()
	return Delivery{
		Seq: p.seq, ID: p.id(), Subscription: subscription,
		Event:    Event{Seq: p.event, ID: p.ids[p.split:], Name: k.name, Source: k.source},
		Attempts: int(p.attempts), Due: time.Unix(0, p.due).UTC(),
	}
}

// ready is a delivery whose attempt may be made now; its body may be nil.
type ready struct {
	*pending
	body []byte
}

// fifo is a queue in a ring.
type fifo struct {
	ring []ready
	// head is the place of the first, n how many there are.
	head, n int
}

func (q *fifo) push(r ready) {
	if q.n == len(q.ring) {
		grown := make([]ready, max(2*len(q.ring), 8))
		copied := copy(grown, q.ring[q.head:])
		copy(grown[copied:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.n)%len(q.ring)] = r
	q.n++
}

func (q *fifo) pop() ready {
	r := q.ring[q.head]
	q.ring[q.head] = ready{}
	q.head = (q.head + 1) % len(q.ring)
	if q.n--; q.n == 0 && len(q.ring) > keptRing {
		// A backlog that is over gives its memory back.
		*q = fifo{}
	}
	return r
}

// keptRing is the size of ring that an empty queue keeps, so that a lane that hovers about empty does not allocate.
const keptRing = 64

// byDue is a heap, the earliest first, those of one instant by their number.
type byDue []*pending

func (h byDue) Len() int           { return len(h) }
func (h byDue) Less(i, j int) bool { return h[i].before(h[j]) }
func (h byDue) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byDue) Push(x any)        { *h = append(*h, x.(*pending)) }

func (h *byDue) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	(*h)[last] = nil
	if *h = (*h)[:last]; last == 0 {
		*h = nil
	}
	return p
}

func (p *pending) before(other *pending) bool {
	if p.due != other.due {
		return p.due < other.due
	}
	return p.seq < other.seq
}

// byFirst is a heap of the lanes that have something due later, the earliest first.
type byFirst []*lane

func (h byFirst) Len() int           { return len(h) }
func (h byFirst) Less(i, j int) bool { return h[i].future[0].before(h[j].future[0]) }

func (h byFirst) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *byFirst) Push(x any) {
	l := x.(*lane)
	l.place = len(*h)
	*h = append(*h, l)
}

func (h *byFirst) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	l.place = -1
	return l
}

var (
	_ heap.Interface = (*byDue)(nil)
	_ heap.Interface = (*byFirst)(nil)
)
