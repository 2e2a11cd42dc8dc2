package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// clockPath is where the clock stands. It is no part of Kirim's API.
const clockPath = "/test/clock"

// clockDoor tells the time, and lets some of a virtual clock's pass.
type clockDoor struct{ relay *relay.Relay }

// defaultSettle is how long, in real time, an attempt may hang before time goes on without it. A subscriber on a busy
// machine answers well within it.
const defaultSettle = 2 * time.Second

// advanceBody is the body of POST /test/clock/advance.
type advanceBody struct {
	// By is how much time passes, such as 26h.
	By string `json:"by"`
	// Settle replaces defaultSettle.
	Settle string `json:"settle"`
}

func (d clockDoor) now(w http.ResponseWriter, _ *http.Request) {
	c := d.relay.Clock()
	reply(w, http.StatusOK, map[string]any{"now": c.Now().Format(time.RFC3339Nano), "mode": clock.Mode(c)})
}

// advance answers when everything that fell due has been done.
func (d clockDoor) advance(w http.ResponseWriter, req *http.Request) {
	by, settle, err := readAdvance(http.MaxBytesReader(w, req.Body, 4<<10))
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	fired, err := d.relay.Advance(req.Context(), by, settle)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, clock.ErrTooFar) {
			status = http.StatusBadRequest
		}
		reply(w, status, map[string]any{"error": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]any{"now": d.relay.Clock().Now().Format(time.RFC3339Nano), "fired": fired})
}

func readAdvance(body io.Reader) (by, settle time.Duration, err error) {
	var a advanceBody
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return 0, 0, fmt.Errorf(`the body is not like {"by": "26h"}: %w`, err)
	}
	if by, err = time.ParseDuration(a.By); err != nil || by < 0 {
		return 0, 0, fmt.Errorf("by is %q; write a duration such as 90s or 26h", a.By)
	}
	settle = defaultSettle
	if a.Settle != "" {
		if settle, err = time.ParseDuration(a.Settle); err != nil || settle <= 0 {
			return 0, 0, fmt.Errorf("settle is %q; write a duration such as 200ms", a.Settle)
		}
	}
	return by, settle, nil
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away has no use for the error either.
	_ = json.NewEncoder(w).Encode(body)
}
