// Package page is the emitter's web page for people: it shows the subscriptions and the recent deliveries with their
// attempts, and has buttons to trigger events, to replay deliveries and to pause subscriptions. Every rule about those
// is relay's; programs use api.
package page

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Config is what the page works with.
type Config struct {
	Relay *relay.Relay
	// Public says that others than this machine reach the listener. The page then asks for an API key, as the password
	// of HTTP basic authentication, and shows the organisation of that key only.
	Public bool
	Log    *slog.Logger
}

// page is the handler's state; there is none between two requests.
type page struct {
	relay  *relay.Relay
	public bool
	log    *slog.Logger
}

// New returns the handler of the page, which stands at /.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &page{relay: c.Relay, public: c.Public, log: c.Log}
	mux := http.NewServeMux()
	for pattern, answer := range map[string]answer{
		"GET /{$}":                       p.home,
		"GET /deliveries/{id}":           p.delivery,
		"POST /deliveries/{id}/replay":   p.replay,
		"POST /subscriptions/{id}/state": p.setStatus,
		"POST /events/{name}/trigger":    p.trigger,
		"POST /clock/advance":            p.advance,
		"/": func(http.ResponseWriter, *http.Request, relay.Org) error {
			return relay.NotFound("page")
		},
	} {
		mux.Handle(pattern, p.handler(answer))
	}
	return p.door(mux)
}

// answer answers a request that was let in, in the name of an organisation. It writes nothing where it returns an error.
type answer func(w http.ResponseWriter, req *http.Request, org relay.Org) error

// maxForm bounds the body of a POST, in bytes; the forms have a few short fields.
const maxForm = 16 << 10

// handler reads the form, finds the organisation and shows errors.
func (p *page) handler(answer answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Body = http.MaxBytesReader(w, req.Body, maxForm)
		err := req.ParseForm()
		if err != nil {
			err = relay.Invalid("invalid_form", "", "the form or the address cannot be read: %v", err)
		}
		var org relay.Org
		if err == nil {
			org, err = p.organisation(req)
		}
		if err == nil {
			err = answer(w, req, org)
		}
		if err != nil {
			p.problem(w, req, err)
		}
	})
}

// frame is what every page shows.
type frame struct {
	Title   string
	Edition string
	Clock   clockView
	// Flash tells what came of the last button; nil where none was pressed.
	Flash *flash
	// Self is where the page itself is, for forms to come back to.
	Self string
	Org  relay.Org
	// Several says that there are organisations to choose from, so that links and forms must name theirs.
	Several bool
}

// clockView is the relay's time.
type clockView struct {
	// Mode is how it runs, in clock.Mode's words.
	Mode string
	Now  time.Time
}

// Virtual says that time stands until somebody moves it.
func (c clockView) Virtual() bool { return c.Mode == "virtual" }

func (p *page) clock() clockView {
	c := p.relay.Clock()
	return clockView{Mode: clock.Mode(c), Now: c.Now()}
}

func (p *page) frame(w http.ResponseWriter, req *http.Request, org relay.Org, title string) frame {
	return frame{
		Title: title, Edition: p.relay.Edition().ID, Clock: p.clock(), Flash: takeFlash(w, req),
		Self: req.URL.RequestURI(), Org: org, Several: p.several(),
	}
}

// several says that the page serves more than one organisation.
func (p *page) several() bool { return !p.public && len(p.relay.Organisations()) > 1 }

// show writes a page, and nothing of it where the template fails.
func (p *page) show(w http.ResponseWriter, status int, name string, view any) error {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, view); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// A reader who went away has no use for the error either.
	_, _ = w.Write(out.Bytes())
	return nil
}

// problem shows an error. Those of the program itself go to the log; the reader learns only that there was one.
func (p *page) problem(w http.ResponseWriter, req *http.Request, err error) {
	view := struct{ Title, Message string }{Message: "The emitter failed while it answered; its log says why."}
	status := http.StatusInternalServerError
	var refused *relay.Error
	switch {
	case errors.As(err, &refused):
		status, view.Message = refused.Status, sentence(refused.Message)
	case errors.Is(err, context.Canceled) && req.Context().Err() != nil:
		return
	default:
		p.log.Error("the page failed", "path", req.URL.Path, "error", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="kirimcheck emitter", charset="UTF-8"`)
		view.Message = "Enter one of the emitter's API keys as the password; the user name does not matter."
	}
	view.Title = http.StatusText(status)
	if err := p.show(w, status, "problem.html.tmpl", view); err != nil {
		p.log.Error("the page of an error failed", "error", err)
		http.Error(w, view.Message, status)
	}
}
