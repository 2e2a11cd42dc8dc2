package api

import (
	"context"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// scopeSegment begins the paths that are about one number of the organisation (documentation: resource ids, later edition).
const scopeSegment = "/{phone_number_id}"

// scopePattern is the form of a phone number id (documentation: operations, phone_number_id).
var scopePattern = regexp.MustCompile(`^[0-9]{6,20}$`)

// operation is one method on one path.
type operation struct {
	method string
	// path is a pattern of http.ServeMux, below Base.
	path string
	// open operations need no key.
	open bool
	run  func(context.Context, *call) (reply, error)
}

// router finds the operation for a request. There are two tables because a mux cannot hold both /{phone_number_id}/contacts
// and /webhook_subscriptions/{id}, as neither is more special than the other; a scope is told by its digits.
type router struct {
	root, scoped *http.ServeMux
}

func newRouter(operations []operation, handler func(operation) http.Handler) router {
	r := router{root: http.NewServeMux(), scoped: http.NewServeMux()}
	for _, op := range operations {
		table := r.root
		if strings.HasPrefix(op.path, scopeSegment+"/") {
			table = r.scoped
		}
		table.Handle(op.method+" "+Base+op.path, handler(op))
	}
	return r
}

// table returns the routes among which a path is looked up.
func (r router) table(escapedPath string) *http.ServeMux {
	below, _ := strings.CutPrefix(escapedPath, Base+"/")
	first, _, _ := strings.Cut(below, "/")
	if scopePattern.MatchString(first) {
		return r.scoped
	}
	return r.root
}

// ServeHTTP answers a request in the edition's envelopes, whatever the path and the method.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(err error) {
		a.exchange(w, r, func(string) (relay.Answer, error) { return relay.Answer{}, err })
	}
	// The mux would redirect //contacts and contacts/, which clients follow with another method or not at all.
	at := r.URL.EscapedPath()
	if !strings.HasPrefix(at, "/") || path.Clean(at) != at {
		refuse(notFound(r))
		return
	}
	table := a.router.table(at)
	unmatched, pattern := table.Handler(r)
	if pattern != "" {
		table.ServeHTTP(w, r)
		return
	}
	// Only the mux's own answer tells an unknown path from a known one with another method.
	var p probe
	unmatched.ServeHTTP(&p, r)
	if p.status != http.StatusMethodNotAllowed {
		refuse(notFound(r))
		return
	}
	allow := p.Header().Get("Allow")
	w.Header().Set("Allow", allow)
	refuse(&relay.Error{
		Status: http.StatusMethodNotAllowed, Type: relay.TypeInvalidRequest, Code: "method_not_allowed",
		Message: "this path takes " + allow + ", not " + clip(r.Method),
	})
}

func notFound(r *http.Request) *relay.Error {
	return relay.NotFound("path: " + clip(r.Method+" "+r.URL.Path))
}

// probe takes an answer's status and header and drops its body.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

func (p *probe) WriteHeader(status int) { p.status = status }
