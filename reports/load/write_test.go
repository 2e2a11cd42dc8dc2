package load

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports"
)

func listing(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestWriteAllWritesEveryFormAndNoSecret(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	paths, err := WriteAll(dir, sample(t, "run"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(paths).To(HaveLen(7))
	g.Expect(listing(t, dir)).To(ConsistOf(names()))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(text).NotTo(BeEmpty(), path)
		for _, secret := range []string{sampleSecret, strings.TrimPrefix(sampleSecret, "whsec_"), "topsecret"} {
			g.Expect(string(text)).NotTo(ContainSubstring(secret), path)
		}
	}
}

func TestTablesOfAnEarlierRunAreRemoved(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	all := samples(t)
	_, err := WriteAll(dir, all["run"])
	g.Expect(err).NotTo(HaveOccurred())
	paths, err := WriteAll(dir, all["unreachable"])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(paths).To(HaveLen(5))
	g.Expect(listing(t, dir)).To(ConsistOf(JSONFile, HTMLFile, JUnitFile, MarkdownFile, HDRLogFile))
}

func TestWhatWasNotConcludedIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	for name, r := range map[string]Redacted{"nothing": {}, "no outcome": Redact(new(reports.Redactor), sampleHead("constant 1/s", 1, 1))} {
		_, err := WriteAll(dir, r)
		NewWithT(t).Expect(err).To(HaveOccurred(), name)
	}
	NewWithT(t).Expect(listing(t, dir)).To(BeEmpty())
}

func TestCheckWritableNamesAFolderInAReportsPlace(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(CheckWritable(dir)).To(Succeed())
	g.Expect(os.Mkdir(filepath.Join(dir, HDRLogFile), 0o755)).To(Succeed())
	g.Expect(CheckWritable(dir)).To(MatchError(ContainSubstring("load.hlog is a folder")))
}

func TestRedactLeavesTheGivenReportAlone(t *testing.T) {
	g := NewWithT(t)
	r := sampleRun(t, 60, 20, true)
	r.Result.Errors[0].Example = sampleSecret
	r.Tool.Command = "kirimcheck load run --header 'Authorization: " + sampleSecret + "'"
	redacted := Redact(reports.NewRedactor(sampleSecret), r).Report()
	g.Expect(r.Target.URL).To(ContainSubstring("topsecret"))
	g.Expect(r.Result.Errors[0].Example).To(Equal(sampleSecret))
	g.Expect(redacted.Target.URL).To(Equal("http://127.0.0.1:8080/hooks?token=[redacted]"))
	g.Expect(redacted.Result.Errors[0].Example).To(Equal("[redacted]"))
	g.Expect(redacted.Tool.Command).NotTo(ContainSubstring(sampleSecret))
	g.Expect(redacted.Result.Latency).To(Equal(r.Result.Latency), "figures and histograms stay as they are")
}

// What a target answers stands in examples, and must act nowhere.
func TestHostileTextActsNowhere(t *testing.T) {
	g := NewWithT(t)
	r := sampleRun(t, 60, 20, true)
	const hostile = "</script><img src=x onerror=alert(1)>]]>\x1b[31m`|\n### merged @everyone \u202e[x](http://evil.example)\x00"
	r.Result.Errors[0].Example, r.Target.Name, r.Errors = hostile, hostile, []string{hostile}
	redacted := Redact(new(reports.Redactor), Conclude(r, Finished))
	var html, md, xml bytes.Buffer
	g.Expect(WriteHTML(&html, redacted)).To(Succeed())
	g.Expect(html.String()).NotTo(Or(ContainSubstring("<img"), ContainSubstring("\x1b"), ContainSubstring("\u202e")))
	g.Expect(WriteMarkdown(&md, redacted)).To(Succeed())
	g.Expect(md.String()).NotTo(Or(ContainSubstring("\n### merged"), ContainSubstring("@everyone [x]("), ContainSubstring("\x1b"), MatchRegexp("(?m)^[^`]*<img")))
	g.Expect(WriteJUnit(&xml, redacted)).To(Succeed())
	g.Expect(xml.String()).NotTo(Or(ContainSubstring("\x1b"), ContainSubstring("\x00")))
}

// The figures of an invalid run may look well, and no format may say that they are.
func TestNothingOfAnInvalidRunIsGreen(t *testing.T) {
	g := NewWithT(t)
	r := sample(t, "invalid")
	g.Expect(r.report.Thresholds).To(ContainElement(HaveField("Verdict", reports.Pass)), "the sample has what could be taken for good")
	var html, md, xml bytes.Buffer
	g.Expect(WriteHTML(&html, r)).To(Succeed())
	g.Expect(html.String()).NotTo(Or(ContainSubstring(">Holds<"), ContainSubstring("</svg>Holds"), ContainSubstring("</svg>Broken")))
	g.Expect(strings.Count(html.String(), ">Void<")).To(Equal(len(r.report.Thresholds)))
	g.Expect(WriteMarkdown(&md, r)).To(Succeed())
	g.Expect(md.String()).NotTo(Or(ContainSubstring("✅"), ContainSubstring("❌")))
	g.Expect(WriteJUnit(&xml, r)).To(Succeed())
	g.Expect(strings.Count(xml.String(), "<skipped ")).To(Equal(len(r.report.Thresholds)))
	g.Expect(strings.Count(xml.String(), "<error ")).To(Equal(1))
}
