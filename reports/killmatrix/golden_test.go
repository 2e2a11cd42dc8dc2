package killmatrix

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

func TestGoldenFiles(t *testing.T) {
	matrix := func(m Matrix, write func(io.Writer, Matrix) error) func(io.Writer) error {
		return func(w io.Writer) error { return write(w, m) }
	}
	tests := map[string]func(io.Writer) error{
		"open.json": matrix(sampleMatrix(), WriteJSON), "open.html": matrix(sampleMatrix(), WriteHTML),
		"shut.json": matrix(shutMatrix(), WriteJSON), "shut.html": matrix(shutMatrix(), WriteHTML),
		"record.json": func(w io.Writer) error {
			r, err := RecordOf(sampleMatrix())
			if err != nil {
				return err
			}
			return r.Encode(w)
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var got bytes.Buffer
			g.Expect(write(&got)).To(Succeed())
			path := filepath.Join("testdata", name)
			if *update {
				g.Expect(os.WriteFile(path, got.Bytes(), 0o644)).To(Succeed())
			}
			want, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred(), "go test ./reports/killmatrix -run TestGoldenFiles -update makes the file")
			g.Expect(got.String()).To(Equal(string(want)), "if the change is meant: go test ./reports/killmatrix -run TestGoldenFiles -update")
		})
	}
}

// fullDisk takes a number of bytes and then fails.
type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestEveryWriterReportsAFullDisk(t *testing.T) {
	g := NewWithT(t)
	record, err := RecordOf(sampleMatrix())
	g.Expect(err).NotTo(HaveOccurred())
	for _, room := range []int{0, 10, 700} {
		g.Expect(WriteJSON(&fullDisk{room}, sampleMatrix())).NotTo(Succeed(), "JSON with room for %d bytes", room)
		g.Expect(WriteHTML(&fullDisk{room}, sampleMatrix())).NotTo(Succeed(), "HTML with room for %d bytes", room)
		g.Expect(record.Encode(&fullDisk{room})).NotTo(Succeed(), "record with room for %d bytes", room)
	}
}
