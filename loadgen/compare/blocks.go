package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// minBlocks is the number of blocks from which on their spread can be measured.
const minBlocks = 5

// blocks estimates from the blocks of one run or two: each figure is that of all blocks together, and its spread comes
// from leaving one out at a time (the jackknife over groups, which also holds for percentiles because a block has many
// values).
type blocks struct {
	n                       int
	corrected, service      view
	succeeded, failed       []int64
	seconds                 []float64
	allSucceeded, allFailed int64
	allSeconds              float64
}

// view is one kind of latency over the blocks: the values that occur, in their order, with how often they do in all and in each block.
type view struct {
	values []int64
	total  []int64
	each   [][]int64
	counts []int64
	count  int64
}

func newBlocks(all []load.Report) (*blocks, error) {
	b := &blocks{}
	var corrected, service []string
	for _, r := range all {
		for _, block := range r.Result.Blocks {
			b.n++
			corrected, service = append(corrected, block.Corrected), append(service, block.Service)
			b.succeeded, b.failed = append(b.succeeded, block.Succeeded), append(b.failed, block.Failed)
			b.seconds = append(b.seconds, block.LengthMS/1000)
			b.allSucceeded, b.allFailed = b.allSucceeded+block.Succeeded, b.allFailed+block.Failed
			b.allSeconds += block.LengthMS / 1000
		}
	}
	var err error
	if b.corrected, err = newView(corrected); err != nil {
		return nil, err
	}
	b.service, err = newView(service)
	return b, err
}

func newView(encoded []string) (view, error) {
	var v view
	type cell struct{ value, count int64 }
	var cells [][]cell
	seen := map[int64]bool{}
	for i, text := range encoded {
		cells = append(cells, nil)
		if text == "" {
			continue
		}
		h, err := load.Decode(text)
		if err != nil {
			return v, fmt.Errorf("block %d: %w", i+1, err)
		}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				cells[i] = append(cells[i], cell{bar.To, bar.Count})
				seen[bar.To] = true
			}
		}
	}
	for value := range seen {
		v.values = append(v.values, value)
	}
	slices.Sort(v.values)
	v.total = make([]int64, len(v.values))
	for _, block := range cells {
		counts, n := make([]int64, len(v.values)), int64(0)
		for _, c := range block {
			at, _ := slices.BinarySearch(v.values, c.value)
			counts[at] += c.count
			v.total[at] += c.count
			n += c.count
		}
		v.each, v.counts = append(v.each, counts), append(v.counts, n)
		v.count += n
	}
	return v, nil
}

// percentile is that of all blocks but one, in milliseconds; without is -1 for all. It is nil where there are too few values.
func (v view) percentile(percent float64, without int) *float64 {
	n := v.count
	if without >= 0 {
		n -= v.counts[without]
	}
	if n < load.Needed(percent) {
		return nil
	}
	wanted, passed := load.Rank(percent, n), int64(0)
	for i, value := range v.values {
		passed += v.total[i]
		if without >= 0 {
			passed -= v.each[without][i]
		}
		if passed >= wanted {
			ms := float64(value) / 1e6
			return &ms
		}
	}
	return nil
}

// of is a figure over all blocks but one.
func (b *blocks) of(f figure, without int) *float64 {
	succeeded, failed, seconds := b.allSucceeded, b.allFailed, b.allSeconds
	if without >= 0 {
		succeeded, failed, seconds = succeeded-b.succeeded[without], failed-b.failed[without], seconds-b.seconds[without]
	}
	switch f.unit {
	case load.Share:
		return share(succeeded, failed)
	case load.PerSecond:
		if seconds <= 0 {
			return nil
		}
		v := float64(succeeded) / seconds
		return &v
	}
	if f.service {
		return b.service.percentile(f.percent, without)
	}
	return b.corrected.percentile(f.percent, without)
}

func (b *blocks) estimate(f figure) estimate {
	if b.n < minBlocks {
		return estimate{missing: fmt.Sprintf("the run has %d blocks, and at least %d are needed; let it last longer or repeat it", b.n, minBlocks)}
	}
	whole := b.of(f, -1)
	if whole == nil || f.unit != load.Share && *whole <= 0 {
		return estimate{missing: "the run has too few values for it"}
	}
	var left []float64
	for i := range b.n {
		v := b.of(f, i)
		if v == nil || f.unit != load.Share && *v <= 0 {
			return estimate{missing: "the run has too few values for it"}
		}
		x := *v
		if f.unit != load.Share {
			x = math.Log(x)
		}
		left = append(left, x)
	}
	_, deviation := moments(left)
	// The jackknife's standard error: the deviation of the figures, each of which differs by one block alone, scaled up.
	n := float64(b.n)
	return estimate{value: *whole, spread: deviation * (n - 1) / math.Sqrt(n), n: b.n, counted: float64(b.allSucceeded + b.allFailed)}
}
