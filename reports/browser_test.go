package reports

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"
)

// browser starts a headless Chromium for the test. Without one the test is skipped, in CI it fails.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium was found on the PATH, and in CI the page must be tested in a browser")
		}
		t.Skip("no Chromium was found on the PATH: the page is not tested in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	NewWithT(t).Expect(chromedp.Do(ctx)).To(Succeed(), "starting %s", path)
	return ctx
}

// witness records what a page does that it should not.
type witness struct {
	mu       sync.Mutex
	requests []string
	troubles []string
}

// listen takes the events of a tab, in their order.
func (w *witness) listen(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	case *log.EventEntryAdded:
		w.troubles = append(w.troubles, fmt.Sprintf("log: %s %s", e.Entry.Level, e.Entry.Text))
	case *runtime.EventConsoleAPICalled:
		w.troubles = append(w.troubles, fmt.Sprintf("console: %s", e.Type))
	case *runtime.EventExceptionThrown:
		w.troubles = append(w.troubles, "exception: "+e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		w.troubles = append(w.troubles, "dialog: "+e.Message)
	}
}

func (w *witness) seen() (requests, troubles []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests, w.troubles
}

// layout is what a browser made of the page.
type layout struct {
	Text    string   `json:"text"`    // what is visible
	Scroll  int      `json:"scroll"`  // the width of the content, in CSS pixels
	Client  int      `json:"client"`  // the width of the window
	TooWide []string `json:"tooWide"` // elements that reach out of it
	Pwned   bool     `json:"pwned"`   // whether a script of the hostile strings ran
}

// measure unfolds everything, so that what is folded is measured too.
const measure = `(() => {
	document.querySelectorAll("details").forEach(d => d.open = true);
	const root = document.documentElement;
	const tooWide = [...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
		.map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
	return {text: document.body.innerText, scroll: root.scrollWidth, client: root.clientWidth, tooWide: tooWide.slice(0, 5),
		pwned: "pwned" in window};
})()`

func TestThePageInABrowser(t *testing.T) {
	browserCtx := browser(t)
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
		address := (&url.URL{Scheme: "file", Path: filepath.Join(dir, HTMLFile)}).String()
		for _, width := range test.widths {
			t.Run(fmt.Sprintf("%s at %d px", name, width), func(t *testing.T) {
				g := NewWithT(t)
				var w witness
				ctx, closeTab := chromedp.NewContext(browserCtx, chromedp.WithListener(w.listen))
				defer closeTab()
				var device []chromedp.EmulateViewportOption
				if width < 700 {
					device = append(device, chromedp.EmulateMobile, chromedp.EmulatePortrait)
				}
				g.Expect(chromedp.Do(ctx, chromedp.EmulateViewport(width, 800, device...), chromedp.Navigate(address))).To(Succeed())
				got, err := chromedp.Run(ctx, chromedp.Evaluate[layout](measure))
				g.Expect(err).NotTo(HaveOccurred())
				requests, troubles := w.seen()
				g.Expect(requests).To(Equal([]string{address}), "nothing is loaded but the page itself")
				g.Expect(troubles).To(BeEmpty())
				g.Expect(got.Pwned).To(BeFalse(), "a script in an answer ran")
				g.Expect(got.Scroll).To(BeNumerically("<=", got.Client), "no scrolling sideways; too wide: %q", got.TooWide)
				g.Expect(got.Client).To(BeNumerically("<=", width))
				g.Expect(got.TooWide).To(BeEmpty())
				for _, text := range test.texts {
					g.Expect(strings.Contains(got.Text, text)).To(BeTrue(), "%q is visible", text)
				}
			})
		}
	}
}
