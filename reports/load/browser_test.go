package load

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/page/pagetest"
)

// layout is what a browser made of the page.
type layout struct {
	Text    string   `json:"text"`    // what is visible
	Scroll  int      `json:"scroll"`  // the width of the content, in CSS pixels
	Client  int      `json:"client"`  // the width of the window
	TooWide []string `json:"tooWide"` // elements that reach out of it, other than tables that scroll by themselves
	Plots   int      `json:"plots"`   // plots that are drawn and named
	Empty   []string `json:"empty"`   // plots without a line, or without a name
	Outside []string `json:"outside"` // labels that are cut off by the edge of their plot
}

// measure unfolds everything, so that what is folded is measured too.
const measure = `(() => {
	document.querySelectorAll("details").forEach(d => d.open = true);
	const root = document.documentElement;
	const tooWide = [...document.querySelectorAll("body *")]
		.filter(e => !e.closest(".scroll > *, .course > *, .chart"))
		.filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
		.map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
	const plots = [...document.querySelectorAll("svg.chart")];
	const empty = plots.filter(p => {
		const lines = [...p.querySelectorAll("path[class^=s]")];
		return !lines.length || lines.some(l => !(l.getTotalLength() > 0)) || !(p.getBoundingClientRect().height > 50)
			|| !p.getAttribute("aria-labelledby").split(" ").every(id => p.querySelector("#" + id)?.textContent);
	}).map(p => p.querySelector("title").textContent);
	const outside = plots.flatMap(p => {
		const box = p.getBoundingClientRect();
		return [...p.querySelectorAll("text")].filter(t => {
			const r = t.getBoundingClientRect();
			return r.left < box.left - 1 || r.right > box.right + 1;
		}).map(t => t.textContent);
	});
	return {text: document.body.innerText, scroll: root.scrollWidth, client: root.clientWidth, tooWide: tooWide.slice(0, 5),
		plots: plots.length - empty.length, empty, outside};
})()`

func TestThePageInABrowser(t *testing.T) {
	browser := pagetest.Browser(t)
	pages := map[string]struct {
		plots int
		texts []string
	}{
		"run": {10, []string{"Not met: 3 of 4 thresholds broken", "p99{contact.created} < 300ms", "no data: no contact.created was sent",
			"Latency from the intended start", "message.received", "<script>alert(1)</script>", "kirimcheck load run --target target.yaml"}},
		"an hour":     {10, []string{"Each row covers 60 buckets"}},
		"invalid":     {9, []string{"The figures say nothing about the target", "1,204 starts had no payload ready"}},
		"interrupted": {9, []string{"Interrupted after 12 s", "the run was stopped by an interrupt"}},
		"unreachable": {0, []string{"Unreachable: no answer came from the target", "connection refused"}},
		"no data":     {2, []string{"No delivery was answered, so there is no latency.", "Nothing is known: no delivery came to an end."}},
		"capacity":    {10, []string{"The target takes 2,875/s", "9, confirm"}},
		"compare":     {0, []string{"Slower, by more than the bound of 10 %", "+28.0 % to +53.0 %", "Worse, past the bound"}},
	}
	for name, test := range pages {
		if name == "an hour" && testing.Short() {
			continue
		}
		dir := t.TempDir()
		report := Redacted{}
		if name == "an hour" {
			report = Redact(reports.NewRedactor(sampleSecret), Conclude(sampleRun(t, 3600, 5, true), Finished))
		} else {
			report = sample(t, name)
		}
		_, err := WriteAll(dir, report)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		for _, width := range []int64{360, 1400} {
			t.Run(fmt.Sprintf("%s at %d px", name, width), func(t *testing.T) {
				g := NewWithT(t)
				got := pagetest.Look[layout](browser, t, filepath.Join(dir, HTMLFile), width, measure)
				g.Expect(got.Scroll).To(BeNumerically("<=", got.Client), "no scrolling sideways; too wide: %q", got.TooWide)
				g.Expect(got.TooWide).To(BeEmpty())
				g.Expect(got.Empty).To(BeEmpty(), "every plot shows something, and has a name")
				g.Expect(got.Plots).To(Equal(test.plots))
				g.Expect(got.Outside).To(BeEmpty(), "no label is cut off")
				for _, text := range test.texts {
					g.Expect(strings.Contains(got.Text, text)).To(BeTrue(), "%q is visible", text)
				}
			})
		}
	}
}
