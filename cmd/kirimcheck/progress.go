package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/kirimcheck/kirimcheck/reports"
)

// progress shows a run as it goes: a bar on a terminal, and nothing elsewhere, where the summary is enough.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar
	bad int
}

func newProgress(out io.Writer) *progress { return &progress{out: out} }

func (p *progress) begin(specs int) {
	if !isTerminal(p.out) {
		return
	}
	p.bar = progressbar.NewOptions(specs,
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("checking"), progressbar.OptionClearOnFinish())
}

func (p *progress) spec(r reports.SpecResult) {
	if p.bar == nil {
		return
	}
	if r.Verdict == reports.Fail {
		p.bad++
		p.bar.Describe(fmt.Sprintf("checking, %d failed", p.bad))
	}
	p.step()
}

// step counts one more.
func (p *progress) step() {
	if p.bar == nil {
		return
	}
	// The bar is decoration: a terminal that went away must not end the run.
	_ = p.bar.Add(1)
}

func (p *progress) end() {
	if p.bar != nil {
		// See spec.
		_ = p.bar.Finish()
	}
}
