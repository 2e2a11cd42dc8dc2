package reports

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// sampleUnreachable is the report of a run that never got an answer.
func sampleUnreachable() Redacted {
	in := sampleInput()
	in.Results, in.Facts, in.Unreachable = nil, nil, true
	in.Errors = []string{"no connection to hooks.example.com:443: connection refused"}
	return NewRedactor(sampleSecret).Report(Build(in))
}

func TestGoldenFiles(t *testing.T) {
	summary := func(opts SummaryOptions) func(io.Writer, Redacted) error {
		return func(w io.Writer, r Redacted) error { return WriteSummary(w, r, opts) }
	}
	files := []string{"reports/report.json", "reports/junit.xml", "reports/report.html"}
	tests := []struct {
		name   string
		report Redacted
		write  func(io.Writer, Redacted) error
	}{
		{"sample.json", sampleReport(), WriteJSON},
		{"sample.xml", sampleReport(), WriteJUnit},
		{"sample.html", sampleReport(), WriteHTML},
		{"sample.txt", sampleReport(), summary(SummaryOptions{Width: 80, Files: files})},
		{"sample-color.txt", sampleReport(), summary(SummaryOptions{Width: 60, Color: true})},
		{"unreachable.json", sampleUnreachable(), WriteJSON},
		{"unreachable.xml", sampleUnreachable(), WriteJUnit},
		{"unreachable.html", sampleUnreachable(), WriteHTML},
		{"unreachable.txt", sampleUnreachable(), summary(SummaryOptions{Files: files})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			var got bytes.Buffer
			g.Expect(test.write(&got, test.report)).To(Succeed())
			path := filepath.Join("testdata", test.name)
			if *update {
				g.Expect(os.WriteFile(path, got.Bytes(), 0o644)).To(Succeed())
			}
			want, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred(), "go test ./reports -run TestGoldenFiles -update makes the file")
			g.Expect(got.String()).To(Equal(string(want)), "if the change is meant: go test ./reports -run TestGoldenFiles -update")
		})
	}
}

// brokenWriter takes a number of bytes and then fails.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, io.ErrShortWrite
	}
	w.left -= len(p)
	return len(p), nil
}

func TestEveryWriterReportsAFullDisk(t *testing.T) {
	writers := map[string]func(io.Writer, Redacted) error{
		"JSON": WriteJSON, "JUnit": WriteJUnit, "HTML": WriteHTML,
		"summary": func(w io.Writer, r Redacted) error { return WriteSummary(w, r, SummaryOptions{}) },
	}
	for name, write := range writers {
		for _, room := range []int{0, 10, 1000} {
			NewWithT(t).Expect(write(&brokenWriter{room}, sampleReport())).NotTo(Succeed(), "%s with room for %d bytes", name, room)
		}
	}
}
