package mutants

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// chatty answers as other APIs do, and says the same.
func chatty(r *http.Request, a *answer) {
	if a.status == http.StatusCreated || a.status == http.StatusAccepted {
		a.status = http.StatusOK
	}
	a.header.Set("Content-Type", "application/json;charset=UTF-8")
	if replayed := a.header.Get("Idempotent-Replayed"); replayed != "" {
		// Without regard to the case of the name, which net/http would restore.
		a.header.Del("Idempotent-Replayed")
		a.header["idempotent-replayed"] = []string{replayed}
	}
	doc, ok := object(a.body.Bytes())
	if !ok {
		return
	}
	doc["api_version"] = map[string]any{"major": 3, "minor": []int{1, 4}}
	inMilliseconds(doc)
	switch data := doc["data"].(type) {
	case map[string]any:
		linked(data)
		if most := strconv.Itoa(bulkCap); fmt.Sprint(data["enqueued"]) == most {
			data["capped"] = true
		}
	case []any:
		for _, item := range data {
			if object, ok := item.(map[string]any); ok {
				linked(object)
			}
		}
	}
	if e, ok := doc["error"].(map[string]any); ok {
		e["message"], e["doc_url"] = "Permintaan ini tidak dapat diproses.", "https://example.com/errors"
	}
	a.body.Reset()
	a.body.WriteString("\n" + string(indented(doc)) + "\n\n")
}

// bulkCap is the largest number of deliveries that one bulk replay takes (documentation: operations, bulk_replay).
const bulkCap = 1000

// airy writes an event of Kirim's as people read it, with a member of its own.
func airy(_ string, body []byte) []byte {
	doc, ok := object(body)
	if !ok {
		return body
	}
	doc["api_version"] = "2026-11-01"
	return indented(doc)
}

func indented(doc map[string]any) []byte {
	text, err := json.MarshalIndent(doc, "", "\t")
	if err != nil {
		// It was decoded from JSON.
		panic(err)
	}
	return text
}

// linked adds members to what an answer shows.
func linked(object map[string]any) {
	object["links"], object["livemode"], object["tags"] = map[string]any{"self": nil}, true, []any{}
}

// inMilliseconds writes every time with three more digits.
func inMilliseconds(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			text, ok := member.(string)
			switch {
			case ok && strings.HasSuffix(name, "_at") && strings.HasSuffix(text, "Z") && !strings.Contains(text, "."):
				value[name] = strings.TrimSuffix(text, "Z") + ".000Z"
			case name != "metadata":
				// That is the customer's own.
				inMilliseconds(member)
			}
		}
	case []any:
		for _, item := range value {
			inMilliseconds(item)
		}
	}
}

// compressed answers with gzip whoever says that it is understood.
func compressed(p *server.Parts) {
	before := p.Wrap
	apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := record(next, r)
			if a.body.Len() > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				var out bytes.Buffer
				writer := gzip.NewWriter(&out)
				// A buffer takes everything.
				_, _ = writer.Write(a.body.Bytes())
				_ = writer.Close()
				a.body = out
				a.header.Set("Content-Encoding", "gzip")
				a.header.Del("Content-Length")
			}
			a.send(w)
		})
	})(p)
	behind(p, before)
}

// pastTheEnd is the cursor behind the last item of a list.
const pastTheEnd = "past-the-end"

// endless says after every full page that there is another, which may be empty.
func endless(p *server.Parts) {
	before := p.Wrap
	apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			past := query.Get("cursor") == pastTheEnd
			if past {
				r.URL.RawQuery = without(query, "cursor").Encode()
			}
			a := record(next, r)
			a.members(func(doc map[string]any) {
				items, ok := doc["data"].([]any)
				switch {
				case !ok:
				case past:
					doc["data"], doc["has_more"], doc["next_cursor"] = []any{}, false, nil
				case doc["has_more"] == false && len(items) == limitOf(query):
					doc["has_more"], doc["next_cursor"] = true, pastTheEnd
				}
			})
			a.send(w)
		})
	})(p)
	behind(p, before)
}

// limitOf is the number of items that a query asks for (documentation: pagination).
func limitOf(query url.Values) int {
	if n, err := strconv.Atoi(query.Get("limit")); err == nil {
		return n
	}
	return 25
}

// behind puts what was around the doors before around what is now.
func behind(p *server.Parts, before func(http.Handler) http.Handler) {
	if now := p.Wrap; before != nil {
		p.Wrap = func(next http.Handler) http.Handler { return before(now(next)) }
	}
}

// lists turns the pages of every list around, and knows fewer filters.
func lists(p *server.Parts) {
	apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = without(r.URL.Query(), "event_id", "contact_id").Encode()
			a := record(next, r)
			a.members(func(doc map[string]any) {
				if items, ok := doc["data"].([]any); ok {
					slices.Reverse(items)
				}
			})
			a.send(w)
		})
	})(p)
}

// dead calls a delivery that failed as the default edition does.
func dead(r *http.Request, a *answer) {
	if strings.Contains(r.URL.Path, "/webhook_deliveries") {
		body := bytes.ReplaceAll(a.body.Bytes(), []byte(`"status":"failed"`), []byte(`"status":"dead"`))
		a.body.Reset()
		a.body.Write(body)
	}
}

// nameless knows no name of customers who write: that of WhatsApp is kept elsewhere.
func nameless(p *server.Parts) {
	composes("contact.created", func(body []byte) ([]byte, error) {
		if gjson.GetBytes(body, "data.acquisition_source").String() == "" {
			return body, nil
		}
		return sjson.SetRawBytes(body, "data.contact.name", []byte("null"))
	})(p)
}
