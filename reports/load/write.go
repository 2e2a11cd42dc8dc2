package load

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kirimcheck/kirimcheck/reports/staging"
)

// The names of the files in a report folder.
const (
	JSONFile      = "load.json"
	HTMLFile      = "load.html"
	JUnitFile     = "junit.xml"
	MarkdownFile  = "load.md"
	HDRLogFile    = "load.hlog"
	CorrectedFile = "corrected.hgrm"
	ServiceFile   = "service.hgrm"
)

func names() []string {
	return []string{JSONFile, HTMLFile, JUnitFile, MarkdownFile, HDRLogFile, CorrectedFile, ServiceFile}
}

// CheckWritable proves before a run that its reports can be written into the folder, see staging.Check.
func CheckWritable(dir string) error { return staging.Check(dir, names()...) }

// WriteAll writes every form of the report into the folder, which it creates where it is missing, and returns the paths.
// The files appear only once all of them have been written. Tables of percentiles are written for what has latencies;
// those of an earlier run, which would be taken for this one's, are removed.
func WriteAll(dir string, r Redacted) ([]string, error) {
	if r.report.SchemaVersion == "" || r.report.Outcome == "" {
		return nil, errors.New("load report is not complete: it was not made by Conclude and Redact")
	}
	files := []staging.File{
		{Name: JSONFile, Write: func(w io.Writer) error { return WriteJSON(w, r) }},
		{Name: HTMLFile, Write: func(w io.Writer) error { return WriteHTML(w, r) }},
		{Name: JUnitFile, Write: func(w io.Writer) error { return WriteJUnit(w, r) }},
		{Name: MarkdownFile, Write: func(w io.Writer) error { return WriteMarkdown(w, r) }},
		{Name: HDRLogFile, Write: func(w io.Writer) error { return WriteHDRLog(w, r) }},
	}
	var stale []string
	for _, table := range []struct {
		name string
		of   func(Latencies) *Latency
	}{
		{CorrectedFile, func(l Latencies) *Latency { return l.Corrected }},
		{ServiceFile, func(l Latencies) *Latency { return l.Service }},
	} {
		if r.report.Result == nil || table.of(r.report.Result.Latency) == nil {
			stale = append(stale, table.name)
			continue
		}
		latency := table.of(r.report.Result.Latency)
		files = append(files, staging.File{Name: table.name, Write: func(w io.Writer) error { return WritePercentiles(w, latency) }})
	}
	paths, err := staging.Write(dir, files)
	if err != nil {
		return nil, err
	}
	for _, name := range stale {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("a table of an earlier run cannot be removed: %w", err)
		}
	}
	return paths, nil
}
