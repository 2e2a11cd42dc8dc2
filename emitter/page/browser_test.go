package page

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	tab "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
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
	case *tab.EventJavascriptDialogOpening:
		w.troubles = append(w.troubles, "dialog: "+e.Message)
	}
}

// clean says that nothing was loaded from elsewhere and nothing went wrong.
func (w *witness) clean(g Gomega, origin string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, url := range w.requests {
		g.Expect(url).To(Or(HavePrefix(origin+"/"), Equal("data:,")), "nothing is loaded from elsewhere")
	}
	g.Expect(w.troubles).To(BeEmpty())
}

// press clicks something that leads to a page, and waits for it.
func press(g Gomega, ctx context.Context, selector string) {
	answer, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	g.Expect(err).NotTo(HaveOccurred(), selector)
	g.Expect(answer.Status).To(BeEquivalentTo(http.StatusOK), selector)
}

func visibleText(g Gomega, ctx context.Context, selector string) string {
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	g.Expect(err).NotTo(HaveOccurred(), selector)
	return text
}

func TestThePageInABrowser(t *testing.T) {
	browserCtx := browser(t)
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := newEmitter(t, "", 1, false)
			s := e.subscribe(hook, "contact.created")
			var w witness
			ctx, closeTab := chromedp.NewContext(browserCtx, chromedp.WithListener(w.listen))
			defer closeTab()
			g.Expect(chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900))).To(Succeed())
			_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
			g.Expect(err).NotTo(HaveOccurred())
			// What happened meanwhile appears by itself, or by loading the page again.
			appears := func(selector string) {
				e.settle()
				if !scripts {
					g.Expect(chromedp.Do(ctx, chromedp.Reload())).To(Succeed())
				}
				g.Expect(chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(selector)))).To(Succeed(), selector)
			}
			g.Expect(chromedp.Do(ctx, chromedp.Navigate(e.url))).To(Succeed())

			press(g, ctx, `form[action="/events/contact.created/trigger"] button`)
			g.Expect(visibleText(g, ctx, ".flash")).To(Equal("contact.created happened."))
			appears(".delivery.k-delivered")
			first := e.deliveries()[0]
			g.Expect(chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#attempts-"+first.ID+" > summary")))).To(Succeed())
			g.Expect(visibleText(g, ctx, "#attempts-"+first.ID+" table")).To(And(ContainSubstring("200 OK"), ContainSubstring(first.ID)))

			e.subs.answer(hook, pipeline.Response{Status: http.StatusServiceUnavailable})
			press(g, ctx, `form[action="/deliveries/`+first.ID+`/replay"] button`)
			appears(".delivery.k-pending details")
			second := e.deliveries()[0]
			g.Expect(second.ReplayedFrom).To(Equal(first.ID))
			g.Expect(visibleText(g, ctx, ".delivery.k-pending")).To(And(
				ContainSubstring("503 Service Unavailable"), ContainSubstring("next attempt "+moment(second.NextAt)),
				ContainSubstring("replays "+first.ID)))

			state := `form[action="/subscriptions/` + s.ID + `/state"] button`
			press(g, ctx, state)
			g.Expect(visibleText(g, ctx, state)).To(Equal("Resume"))
			press(g, ctx, state)
			g.Expect(visibleText(g, ctx, state)).To(Equal("Pause"))
			press(g, ctx, `button[name="by"][value="30s"]`)
			g.Expect(visibleText(g, ctx, ".flash")).To(Equal("The clock was moved by 30 s."))
			g.Expect(visibleText(g, ctx, ".delivery.k-pending summary")).To(HavePrefix("2 attempts"))

			e.subs.answer(hook, pipeline.Response{Status: http.StatusNoContent})
			press(g, ctx, `.delivery.k-pending h3 a`)
			g.Expect(visibleText(g, ctx, "#attempts table")).To(ContainSubstring("503 Service Unavailable"))
			_, err = e.clock.Advance(t.Context(), time.Hour, 10*time.Second)
			g.Expect(err).NotTo(HaveOccurred())
			appears("#head.k-delivered")
			press(g, ctx, "#head form button")
			g.Expect(visibleText(g, ctx, ".flash")).To(ContainSubstring("delivered once more"))
			g.Expect(e.deliveries()).To(HaveLen(3))

			w.clean(g, e.url)
			for range len(e.origins) {
				g.Expect(<-e.origins).To(Equal(e.url), "a form says where it comes from, in browsers that say no more than that")
			}
		})
	}
}

func TestAnOpenDetailStaysOpenAndFocusedWhenThePageRefreshes(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	first := e.happens("contact.created")
	ctx := browser(t)
	summary := "#attempts-" + first.ID + " > summary"
	g.Expect(chromedp.Do(ctx, chromedp.Navigate(e.url), chromedp.Click(chromedp.CSS(summary)))).To(Succeed())
	second := e.happens("contact.created")
	g.Expect(chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS("#attempts-"+second.ID)))).To(Succeed())
	state, err := chromedp.Run(ctx, chromedp.Evaluate[[]bool](fmt.Sprintf(
		`[document.querySelector(%q).parentElement.open, document.activeElement === document.querySelector(%q)]`, summary, summary)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(state).To(Equal([]bool{true, true}))
}

// layout is what a browser made of the page.
type layout struct {
	Scroll  int      `json:"scroll"`  // the width of the content, in CSS pixels
	Client  int      `json:"client"`  // the width of the window
	TooWide []string `json:"tooWide"` // elements that reach out of it
	Faint   []string `json:"faint"`   // text with less contrast than WCAG 2.2, 1.4.3 asks for
	Small   []string `json:"small"`   // buttons and fields smaller than WCAG 2.2, 2.5.8 asks for
	Unnamed []string `json:"unnamed"` // fields and buttons without a name
	Pwned   bool     `json:"pwned"`   // whether a script of the hostile strings ran
}

// measure unfolds everything, so that what is folded is measured too.
const measure = `(() => {
	document.querySelectorAll("details").forEach(d => d.open = true);
	const root = document.documentElement, shown = e => e.checkVisibility() && e.getBoundingClientRect().width > 1;
	const say = list => list.map(e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40)).slice(0, 5);
	const parts = color => color.match(/[\d.]+/g).map(Number);
	const light = color => {
		const [r, g, b] = parts(color).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b + .05;
	};
	const ground = e => {
		const color = getComputedStyle(e).backgroundColor;
		return parts(color)[3] === 0 && e.parentElement ? ground(e.parentElement) : color;
	};
	const faint = e => {
		const a = light(getComputedStyle(e).color), b = light(ground(e));
		return Math.max(a, b) / Math.min(a, b) < 4.5;
	};
	const all = [...document.querySelectorAll("body *")];
	const used = [...document.querySelectorAll("button, select, summary")].filter(shown);
	return {
		scroll: root.scrollWidth, client: root.clientWidth, pwned: "pwned" in window,
		tooWide: say(all.filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)),
		faint: say(all.filter(e => shown(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && faint(e))),
		small: say(used.filter(e => e.getBoundingClientRect().height < 24)),
		unnamed: say(used.filter(e => !(e.textContent.trim() && e.tagName !== "SELECT") && !e.ariaLabel && !e.labels?.length)),
	};
})()`

func TestTheLookInABrowser(t *testing.T) {
	browserCtx := browser(t)
	full := busyEmitter(t)
	empty := newEmitter(t, "kirim.chat", 2, false)
	for name, p := range map[string]struct {
		of   *emitter
		path string
	}{
		"full": {full, "/"}, "one delivery": {full, "/deliveries/" + full.deliveries()[0].ID}, "empty": {empty, "/"},
		"nothing chosen": {full, "/?status=pending&event=message.status"},
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{320, 400, 768, 1400} {
				t.Run(fmt.Sprintf("%s, %s, %d px", name, scheme, width), func(t *testing.T) {
					g := NewWithT(t)
					var w witness
					ctx, closeTab := chromedp.NewContext(browserCtx, chromedp.WithListener(w.listen))
					defer closeTab()
					var device []chromedp.EmulateViewportOption
					if width < 700 {
						device = append(device, chromedp.EmulateMobile, chromedp.EmulatePortrait)
					}
					g.Expect(chromedp.Do(ctx, chromedp.EmulateViewport(width, 800, device...))).To(Succeed())
					_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
					})
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(chromedp.Do(ctx, chromedp.Navigate(p.of.url+p.path))).To(Succeed())
					keepScreenshot(g, ctx, fmt.Sprintf("%s-%s-%d", name, scheme, width))
					got, err := chromedp.Run(ctx, chromedp.Evaluate[layout](measure))
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(got.Scroll).To(BeNumerically("<=", got.Client), "no scrolling sideways; too wide: %q", got.TooWide)
					g.Expect(got.TooWide).To(BeEmpty())
					g.Expect(got.Faint).To(BeEmpty())
					g.Expect(got.Small).To(BeEmpty())
					g.Expect(got.Unnamed).To(BeEmpty())
					g.Expect(got.Pwned).To(BeFalse())
					w.clean(g, p.of.url)
				})
			}
		}
	}
}

// busyEmitter has deliveries in every state, and hostile text in them.
func busyEmitter(t *testing.T) *emitter {
	t.Helper()
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created", "contact.updated", "message.received", "message.status", "conversation.assigned", "conversation.closed")
	down := e.subscribe("https://hooks.example.com/down/"+strings.Repeat("long", 30), "contact.created")
	e.subs.answer(down.URL, refusedConnection("dial tcp 203.0.113.7:443: connection refused"))
	description := "Billing " + hostile
	odd, err := e.relay.CreateSubscription(t.Context(), e.org, relay.SubscriptionInput{
		URL: "https://x.example/" + hostile, Events: []string{"contact.updated"}, Description: &description,
	})
	g.Expect(err).NotTo(HaveOccurred())
	e.subs.answer(odd.URL, pipeline.Response{Status: http.StatusGone, Body: []byte(`{"error":"` + hostile + `"}`)})
	e.happens("contact.created")
	e.press("/deliveries/"+e.deliveries()[1].ID+"/replay", nil)
	_, err = e.clock.Advance(t.Context(), 26*time.Hour, 10*time.Second)
	g.Expect(err).NotTo(HaveOccurred())
	e.happens("contact.created")
	e.press("/subscriptions/"+down.ID+"/state", map[string][]string{"status": {"paused"}})
	e.happens("message.received")
	e.happens("contact.updated")
	return e
}

// keepScreenshot writes what the page looks like into the directory that PAGE_SCREENSHOTS names, for people to look at.
func keepScreenshot(g Gomega, ctx context.Context, name string) {
	dir := os.Getenv("PAGE_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(dir+"/"+name+".png", png, 0o600)).To(Succeed())
}
