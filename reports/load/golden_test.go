package load

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

var update = flag.Bool("update", false, "rewrite the golden files of TestGoldenFiles")

func TestGoldenFiles(t *testing.T) {
	tests := []struct {
		name, sample string
		write        func(io.Writer, Redacted) error
	}{
		{"run.html", "run", WriteHTML},
		{"run.md", "run", WriteMarkdown},
		{"run.xml", "run", WriteJUnit},
		{"unreachable.json", "unreachable", WriteJSON},
		{"unreachable.html", "unreachable", WriteHTML},
		{"unreachable.md", "unreachable", WriteMarkdown},
		{"unreachable.xml", "unreachable", WriteJUnit},
		{"no-data.md", "no data", WriteMarkdown},
		{"no-data.xml", "no data", WriteJUnit},
		{"invalid.md", "invalid", WriteMarkdown},
		{"invalid.xml", "invalid", WriteJUnit},
		{"capacity.json", "capacity", withoutResult(WriteJSON)},
		{"capacity.md", "capacity", WriteMarkdown},
		{"compare.json", "compare", WriteJSON},
		{"compare.html", "compare", WriteHTML},
		{"compare.md", "compare", WriteMarkdown},
		{"compare.xml", "compare", WriteJUnit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			var got bytes.Buffer
			g.Expect(test.write(&got, sample(t, test.sample))).To(Succeed())
			path := filepath.Join("testdata", test.name)
			if *update {
				g.Expect(os.WriteFile(path, got.Bytes(), 0o644)).To(Succeed())
			}
			want, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred(), "go test ./reports/load -run TestGoldenFiles -update makes the file")
			g.Expect(got.String()).To(Equal(string(want)), "if the change is meant: go test ./reports/load -run TestGoldenFiles -update")
		})
	}
}

// withoutResult leaves out what other golden files show already.
func withoutResult(write func(io.Writer, Redacted) error) func(io.Writer, Redacted) error {
	return func(w io.Writer, r Redacted) error {
		r.report.Result, r.report.Generator = nil, nil
		return write(w, r)
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
	r := sample(t, "run")
	writers := map[string]func(io.Writer, Redacted) error{
		"JSON": WriteJSON, "JUnit": WriteJUnit, "HTML": WriteHTML, "Markdown": WriteMarkdown, "HDR log": WriteHDRLog,
		"percentiles": func(w io.Writer, r Redacted) error { return WritePercentiles(w, r.report.Result.Latency.Corrected) },
	}
	for name, write := range writers {
		for _, room := range []int{0, 10, 1000} {
			NewWithT(t).Expect(write(&brokenWriter{room}, r)).NotTo(Succeed(), "%s with room for %d bytes", name, room)
		}
	}
}
