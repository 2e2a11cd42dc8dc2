// Package pagetest opens pages of reports in a real browser, for the tests of what writes them.
package pagetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/onsi/gomega"
)

// Browser starts a headless Chromium for the test. Without one the test is skipped, in CI it fails.
func Browser(t *testing.T) context.Context {
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
	gomega.NewWithT(t).Expect(chromedp.Do(ctx)).To(gomega.Succeed(), "starting %s", path)
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

// Look opens a page at a width in CSS pixels, returns what the script finds there, and fails the test where the page loads
// anything but itself or complains.
func Look[T any](browser context.Context, t *testing.T, path string, width int64, script string) T {
	t.Helper()
	g := gomega.NewWithT(t)
	address := (&url.URL{Scheme: "file", Path: path}).String()
	var w witness
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithListener(w.listen))
	defer closeTab()
	var device []chromedp.EmulateViewportOption
	if width < 700 {
		device = append(device, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	g.Expect(chromedp.Do(ctx, chromedp.EmulateViewport(width, 800, device...), chromedp.Navigate(address))).To(gomega.Succeed())
	found, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	requests, troubles := w.seen()
	g.Expect(requests).To(gomega.Equal([]string{address}), "nothing is loaded but the page itself")
	g.Expect(troubles).To(gomega.BeEmpty())
	return found
}

// Check opens a page at a width in CSS pixels, with everything unfolded, and fails the test where it loads anything but
// itself, runs a script, complains, is wider than the window, or lacks one of the texts.
func Check(browser context.Context, t *testing.T, path string, width int64, texts ...string) {
	t.Helper()
	g := gomega.NewWithT(t)
	got := Look[layout](browser, t, path, width, measure)
	g.Expect(got.Pwned).To(gomega.BeFalse(), "a script in an answer ran")
	g.Expect(got.Scroll).To(gomega.BeNumerically("<=", got.Client), "no scrolling sideways; too wide: %q", got.TooWide)
	g.Expect(got.Client).To(gomega.BeNumerically("<=", width))
	g.Expect(got.TooWide).To(gomega.BeEmpty())
	for _, text := range texts {
		g.Expect(strings.Contains(got.Text, text)).To(gomega.BeTrue(), "%q is visible", text)
	}
}
