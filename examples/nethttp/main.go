// Command nethttp is a receiver of Kirim's webhooks with Go's standard library alone, to be read and copied.
//
//	KIRIM_SECRET  the subscription's secret (required)
//	PORT          where to listen on 127.0.0.1 (8093; 0 is any free one)
//	KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// bodyLimit is more than Meta's largest bodies, of 3 MB.
const bodyLimit = 4 << 20

func main() {
	secret := os.Getenv("KIRIM_SECRET")
	if secret == "" {
		log.Fatal("KIRIM_SECRET is not set; without a secret no delivery can be verified")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8093"
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s/kirim-webhook\n", l.Addr())
	server := &http.Server{
		Handler: routes(secret, os.Getenv("KIRIM_TEST") == "1"), ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	log.Fatal(server.Serve(l))
}

func routes(secret string, test bool) http.Handler {
	box := &inbox{seen: map[item]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /kirim-webhook", func(w http.ResponseWriter, r *http.Request) { deliver(w, r, secret, box) })
	if test {
		mux.HandleFunc("GET /effects", func(w http.ResponseWriter, r *http.Request) {
			wanted := map[string]int{"count": box.count(matching(r.URL.Query()))}
			// Who asked and left does not hear.
			_ = json.NewEncoder(w).Encode(wanted)
		})
		mux.HandleFunc("POST /test/fail", func(http.ResponseWriter, *http.Request) { box.fail(true) })
		mux.HandleFunc("POST /test/recover", func(http.ResponseWriter, *http.Request) { box.fail(false) })
	}
	return mux
}

func deliver(w http.ResponseWriter, r *http.Request, secret string, box *inbox) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		// It broke off: nothing is done, and the retry brings it whole.
		http.Error(w, "the body is not complete", http.StatusBadRequest)
		return
	}
	// First of all, and over the bytes as they came: JSON that was decoded and encoded again is another message.
	if !genuine(secret, r.Header.Get("X-Kirim-Signature"), body, time.Now()) {
		http.Error(w, "the signature is not valid", http.StatusUnauthorized)
		return
	}
	event, eventID := r.Header.Get("X-Kirim-Event"), r.Header.Get("X-Kirim-Event-Id")
	items, err := itemsOf(event, eventID, r.Header.Get("X-Kirim-Source"), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := box.take(event, eventID, items); err != nil {
		// Nothing is marked as seen, and a 5xx asks for the retry.
		http.Error(w, "not processed", http.StatusInternalServerError)
	}
}

// matching holds for the effects that a query asks for. Only a status may be asked for as the empty text.
func matching(q url.Values) func(effect) bool {
	is := func(name, value string) bool { return q.Get(name) == "" || q.Get(name) == value }
	return func(e effect) bool {
		return is("event", e.event) && is("event_id", e.eventID) && is("item", e.item) &&
			(!q.Has("status") || q.Get("status") == e.status)
	}
}
