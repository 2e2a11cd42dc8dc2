package mutants

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// door wraps one of the relay's doors, by the beginning of its path.
func door(path string, around func(p *server.Parts, next http.Handler) http.Handler) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Wrap = func(next http.Handler) http.Handler {
			wrapped := around(p, next)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					wrapped.ServeHTTP(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
}

// apiDoor wraps the API, metaDoor Meta's callback URL.
func apiDoor(around func(p *server.Parts, next http.Handler) http.Handler) func(*server.Parts) {
	return door(api.Base+"/", around)
}

func metaDoor(around func(p *server.Parts, next http.Handler) http.Handler) func(*server.Parts) {
	return door(server.MetaPath, around)
}

// asking changes the requests of the API before they are read.
func asking(change func(p *server.Parts, r *http.Request)) func(*server.Parts) {
	return apiDoor(func(p *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(p, r)
			next.ServeHTTP(w, r)
		})
	})
}

// answering changes the answers of the API before they are sent.
func answering(change func(r *http.Request, a *answer)) func(*server.Parts) {
	return apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := record(next, r)
			change(r, a)
			a.send(w)
		})
	})
}

// answer is a response that was held back.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// record has a handler answer without sending anything. The request's body is still there afterwards.
func record(next http.Handler, r *http.Request) *answer {
	a := &answer{status: http.StatusOK, header: http.Header{}}
	body := bodyOf(r)
	next.ServeHTTP(a, r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return a
}

// send sends what was held back.
func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(a.status)
	// Whoever went away has no use for the error.
	_, _ = w.Write(a.body.Bytes())
}

// members changes the members of the answer's JSON object.
func (a *answer) members(change func(doc map[string]any)) {
	if doc, ok := object(a.body.Bytes()); ok {
		change(doc)
		a.body.Reset()
		a.body.Write(encoded(doc))
	}
}

// bodyOf reads a request's body and leaves it to be read again.
func bodyOf(r *http.Request) []byte {
	// A body that breaks off is as short for whoever reads it next.
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// withBodyOf changes the members of a request's JSON object.
func withBodyOf(r *http.Request, change func(doc map[string]any)) {
	if doc, ok := object(bodyOf(r)); ok {
		change(doc)
		body := encoded(doc)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
}

func object(text []byte) (doc map[string]any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	// Numbers keep their digits.
	decoder.UseNumber()
	return doc, decoder.Decode(&doc) == nil && doc != nil
}

func encoded(doc map[string]any) []byte {
	text, err := json.Marshal(doc)
	if err != nil {
		// It was decoded from JSON, or is made of text and numbers.
		panic(err)
	}
	return text
}

// on reports whether a request is of this method and its path ends so.
func on(r *http.Request, method, suffix string) bool {
	return r.Method == method && strings.HasSuffix(r.URL.Path, suffix)
}

// about reports whether a request is of this method and names something in a collection.
func about(r *http.Request, method, collection string) bool {
	at := strings.Index(r.URL.Path, collection+"/")
	return r.Method == method && at >= 0 && !strings.Contains(r.URL.Path[at+len(collection)+1:], "/")
}
