package load

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// independent is what another implementation of HDR histograms makes of a distribution.
type independent struct {
	Count         int64     `json:"count"`
	PercentilesMS []float64 `json:"percentiles_ms"`
	MaxMS         float64   `json:"max_ms"`
}

// The figures of a report are those that hdr-histogram-js reads out of its histograms, and out of the log.
func TestAnotherImplementationReadsTheSameFigures(t *testing.T) {
	g := NewWithT(t)
	node, npm := program(t, "node"), program(t, "npm")
	dir, written := t.TempDir(), t.TempDir()
	g.Expect(os.CopyFS(dir, os.DirFS("testdata/independent"))).To(Succeed())
	install(t, npm, dir)
	r := sample(t, "run")
	_, err := WriteAll(written, r)
	g.Expect(err).NotTo(HaveOccurred())

	cmd := exec.CommandContext(t.Context(), node, filepath.Join(dir, "read.mjs"), written)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	g.Expect(err).NotTo(HaveOccurred())
	var read map[string]struct {
		Report, Log independent
		Intervals   int
	}
	g.Expect(json.Unmarshal(out, &read)).To(Succeed())
	for view, l := range map[string]*Latency{tagCorrected: r.report.Result.Latency.Corrected, tagService: r.report.Result.Latency.Service} {
		got := read[view]
		g.Expect(got.Intervals).To(Equal(Blocks))
		for _, other := range []independent{got.Report, got.Log} {
			g.Expect(other.Count).To(Equal(l.Count))
			for i, ours := range []*float64{l.P50MS, l.P90MS, l.P95MS, l.P99MS, l.P999MS} {
				// Ours are rounded to the microsecond.
				g.Expect(other.PercentilesMS[i]).To(BeNumerically("~", *ours, 0.0006), "%s, percentile %d", view, i)
			}
			g.Expect(other.MaxMS).To(BeNumerically("~", l.MaxMS, 0.0006))
		}
	}
}

// program finds a program. Without it the test is skipped, except in CI: there it would be a check that never ran.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skipOutsideCI(t, "%s is not installed", name)
	}
	return path
}

func skipOutsideCI(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// install fetches what the lock file names. No script of a package runs.
func install(t *testing.T, npm, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1",
		"--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	// A child of npm that outlives it must not hold its output open, and the test with it.
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
	// The lock file does not fit package.json, or the package has other bytes than it says: no network mends that.
	case bytes.Contains(out, []byte("code EUSAGE")), bytes.Contains(out, []byte("code EINTEGRITY")):
		t.Fatalf("npm ci: %v\n%s", err, out)
	default:
		skipOutsideCI(t, "npm cannot fetch the package: %v\n%s", err, out)
	}
}
