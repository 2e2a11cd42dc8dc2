package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// replay delivers once more, and leads to the new delivery unless the form says where to.
func (p *page) replay(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	id := req.PathValue("id")
	made, err := p.relay.Replay(req.Context(), org, id)
	if err != nil {
		return refused(w, req, err, p.link(org, "/deliveries/"+url.PathEscape(id), nil))
	}
	done := flash{Text: fmt.Sprintf("%s is delivered once more.", made.EventName), Delivery: made.ID}
	return done.answer(w, req, back(req, p.link(org, "/deliveries/"+made.ID, nil)))
}

// setStatus pauses, resumes or re-enables a subscription.
func (p *page) setStatus(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	status := store.SubscriptionStatus(req.PostForm.Get("status"))
	s, err := p.relay.UpdateSubscription(req.Context(), org, req.PathValue("id"), relay.SubscriptionPatch{Status: &status})
	home := p.link(org, "/", nil)
	if err != nil {
		return refused(w, req, err, home)
	}
	return flash{Text: fmt.Sprintf("The subscription %s is %s now.", s.ID, s.Status)}.answer(w, req, back(req, home))
}

// trigger lets an event happen.
func (p *page) trigger(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	event := req.PathValue("name")
	home := p.link(org, "/", nil)
	if err := p.relay.Trigger(req.Context(), org, event); err != nil {
		return refused(w, req, err, home)
	}
	heard, err := p.listens(req.Context(), org, event)
	if err != nil {
		return err
	}
	done := flash{Text: event + " happened."}
	if !heard {
		done.Text = event + " happened, but no active subscription lists it, so it was not delivered to anybody."
	}
	return done.answer(w, req, back(req, home))
}

// listens reports whether an active subscription lists the event.
func (p *page) listens(ctx context.Context, org relay.Org, event string) (bool, error) {
	page := relay.Page{Limit: 200}
	for {
		list, next, err := p.relay.Subscriptions(ctx, org, page)
		if err != nil {
			return false, err
		}
		for _, s := range list {
			if s.Status == store.Active && slices.Contains(s.Events, event) {
				return true, nil
			}
		}
		if page.After = next; next == "" {
			return false, nil
		}
	}
}

// advanceGrace is how long, in real time, an attempt may hang before a virtual clock goes on without it.
const advanceGrace = 2 * time.Second

// advance moves a virtual clock, and answers when all that fell due is done.
func (p *page) advance(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	home := p.link(org, "/", nil)
	by, err := time.ParseDuration(req.PostForm.Get("by"))
	if err != nil || by <= 0 {
		err = relay.Invalid("invalid_field_value", "by", "by is %q; write a duration such as 90s or 26h", req.PostForm.Get("by"))
		return refused(w, req, err, home)
	}
	if _, err := p.relay.Advance(req.Context(), by, advanceGrace); err != nil {
		return err
	}
	return flash{Text: fmt.Sprintf("The clock was moved by %s.", span(by))}.answer(w, req, back(req, home))
}

// refused leads back with what the relay said. Other errors are the program's and stay errors.
func refused(w http.ResponseWriter, req *http.Request, err error, otherwise string) error {
	var e *relay.Error
	if !errors.As(err, &e) {
		return err
	}
	return flash{Bad: true, Text: sentence(e.Message)}.answer(w, req, back(req, otherwise))
}

// back is the page that the form stood on, as it says itself, where that is one of ours.
func back(req *http.Request, otherwise string) string {
	u, err := url.Parse(req.PostForm.Get("back"))
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil ||
		(u.Path != "/" && !strings.HasPrefix(u.Path, "/deliveries/")) {
		return otherwise
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// link is the address of a page of an organisation.
func (p *page) link(org relay.Org, path string, query url.Values) string {
	named := url.Values{}
	for name, values := range query {
		if values[0] != "" {
			named.Set(name, values[0])
		}
	}
	if p.several() {
		named.Set("org", org.ID)
	}
	if len(named) == 0 {
		return path
	}
	return path + "?" + named.Encode()
}
