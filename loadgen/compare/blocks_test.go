package compare

import (
	"math"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// blocked is a run of so many blocks, whose level wanders slowly as that of a real target does.
func (m machine) blocked(t *testing.T, n, perBlock int) load.Report {
	t.Helper()
	g := NewWithT(t)
	r := head()
	r.Result = &load.Result{}
	block, whole := load.NewHistogram(), load.NewHistogram()
	for i := range n {
		block.Reset()
		b := load.Block{StartMS: float64(i) * 3000, LengthMS: 3000}
		drift := 0.0
		for range perBlock {
			// Within a block deliveries resemble their neighbours; over a block that averages out.
			drift = 0.9*drift + 0.1*m.random.NormFloat64()
			load.Record(block, time.Duration(m.median*math.Exp(drift+0.4*m.random.NormFloat64())*float64(time.Millisecond)))
			if m.random.Float64() < m.errors {
				b.Failed++
			} else {
				b.Succeeded++
			}
			b.Sent++
		}
		text, err := load.Encode(block)
		g.Expect(err).NotTo(HaveOccurred())
		b.Corrected, b.Service = text, text
		whole.Merge(block)
		r.Result.Blocks = append(r.Result.Blocks, b)
		r.Result.Counts.Succeeded, r.Result.Counts.Failed = r.Result.Counts.Succeeded+b.Succeeded, r.Result.Counts.Failed+b.Failed
	}
	l, err := load.Summarise(whole)
	g.Expect(err).NotTo(HaveOccurred())
	r.Result.Latency = load.Latencies{Corrected: l, Service: l}
	return r
}

func TestOneRunASideIsComparedByItsBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("two hundred comparisons take seconds, and have no concurrency to show")
	}
	const trials = 200
	wrong := 0
	for seed := range uint64(trials) {
		m := machine{median: 4, errors: 0.01, random: seeded(seed)}
		a, b := Side{Name: "a", Runs: []load.Report{m.blocked(t, 10, 300)}}, Side{Name: "b", Runs: []load.Report{m.blocked(t, 10, 300)}}
		c := compared(t, a, b)
		NewWithT(t).Expect(c.Spread).To(Equal(load.SpreadBlocks))
		NewWithT(t).Expect(c.A.Blocks).To(Equal(10))
		if c.Verdict != load.NoDifference {
			wrong++
		}
	}
	// 5 % of 200 is 10, and chance makes at most 20 of it in 999 of 1000 cases.
	NewWithT(t).Expect(wrong).To(BeNumerically("<=", 20))
}

func TestARealChangeIsSeenInTheBlocks(t *testing.T) {
	g := NewWithT(t)
	for seed := range uint64(10) {
		a, b := machine{median: 4, random: seeded(seed)}, machine{median: 5, random: seeded(seed + 1000)}
		c := compared(t, Side{Name: "a", Runs: []load.Report{a.blocked(t, 20, 500)}}, Side{Name: "b", Runs: []load.Report{b.blocked(t, 20, 500)}})
		g.Expect(c.Verdict).To(Equal(load.Slower))
		g.Expect(c.Regression).To(BeTrue())
		r, err := Report(c, Side{Name: "b", Runs: []load.Report{b.blocked(t, 1, 1)}})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Notes).To(ContainElement(ContainSubstring("inside of single runs")))
	}
}

// One stall in twenty blocks makes the tail of a run ten times as long, and is no proof that the next run has one.
func TestOneStallIsNoProof(t *testing.T) {
	g := NewWithT(t)
	m := machine{median: 4, random: seeded(3)}
	a, b := m.blocked(t, 20, 500), m.blocked(t, 20, 500)
	h := load.NewHistogram()
	for range 500 {
		load.Record(h, 2*time.Second)
	}
	text, err := load.Encode(h)
	g.Expect(err).NotTo(HaveOccurred())
	b.Result.Blocks[7].Corrected = text
	c := compared(t, Side{Name: "a", Runs: []load.Report{a}}, Side{Name: "b", Runs: []load.Report{b}})
	for _, f := range c.Figures {
		if f.Figure == "p99" {
			g.Expect(*f.Change).To(BeNumerically(">", 50), "the figure is told")
			g.Expect(f.Verdict).To(Equal(load.NoDifference), "and its interval is as wide as it must be")
		}
	}
}

func TestTheFiguresOfTheBlocksAreThoseOfTheRun(t *testing.T) {
	g := NewWithT(t)
	r := machine{median: 4, errors: 0.01, random: seeded(5)}.blocked(t, 20, 500)
	b, err := newBlocks([]load.Report{r})
	g.Expect(err).NotTo(HaveOccurred())
	for _, f := range figures() {
		if f.unit != load.Milliseconds {
			continue
		}
		g.Expect(*b.of(f, -1)).To(BeNumerically("~", *value(f, r.Result), 0.0011), f.name)
	}
	g.Expect(*b.of(figure{unit: load.Share}, -1)).To(Equal(*value(figure{unit: load.Share}, r.Result)))
}

func TestBlocksThatAreTooFewGiveNoVerdict(t *testing.T) {
	g := NewWithT(t)
	m := machine{median: 4, random: seeded(3)}
	short := Side{Name: "a", Runs: []load.Report{m.blocked(t, 4, 500)}}
	c := compared(t, short, short)
	g.Expect(c.Verdict).To(Equal(load.NoData))
	g.Expect(c.Figures[0].Reason).To(Equal("A: the run has 4 blocks, and at least 5 are needed; let it last longer or repeat it"))
	broken := m.blocked(t, 5, 500)
	broken.Result.Blocks[2].Service = "x"
	_, err := Compare(short, Side{Name: "b", Runs: []load.Report{broken}}, Defaults())
	g.Expect(err).To(MatchError(ContainSubstring("b: block 3: histogram cannot be decoded")))
}
