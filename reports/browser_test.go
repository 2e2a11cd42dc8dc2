package reports

import (
	"fmt"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/page/pagetest"
)

func TestThePageInABrowser(t *testing.T) {
	browser := pagetest.Browser(t)
	pages := map[string]struct {
		report Redacted
		widths []int64
		texts  []string
	}{
		"every verdict": {sampleReport(), []int64{320, 360, 768, 1400}, []string{
			"Not conformant: 2 of 12 requirements broken, and 5 could not be checked.", "receiver.signature.stale.effect",
			"Fail", "Warning", "Untestable", "Error", "Not applicable", "Pass", "Halo, apa kabar?",
		}},
		"hostile":     {hostileReport(), []int64{360, 1400}, []string{"<script>window.pwned=1</script>", "{{.Tool}}"}},
		"unreachable": {sampleUnreachable(), []int64{360, 1400}, []string{"Unreachable: no answer came from the target", "connection refused"}},
		"hundreds":    {manyReport(300, Untestable), []int64{360}, []string{"Incomplete: 300 of 300", "300 requirements"}},
	}
	for name, test := range pages {
		dir := t.TempDir()
		_, err := WriteAll(dir, test.report)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		for _, width := range test.widths {
			t.Run(fmt.Sprintf("%s at %d px", name, width), func(t *testing.T) {
				pagetest.Check(browser, t, filepath.Join(dir, HTMLFile), width, test.texts...)
			})
		}
	}
}
