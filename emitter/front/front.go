// Package front is the relay's door for Meta: it answers the handshake, verifies signatures, and acknowledges a webhook
// as soon as it is durable. What a webhook means is relay's.
package front

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/signature"
)

// Config is what the door is made of.
type Config struct {
	Meta contract.Meta
	// AppSecret verifies Meta's signatures, VerifyToken the handshake. Without them everything is refused.
	AppSecret, VerifyToken string
	// Ingest takes the bytes of a verified webhook and returns when they are durable.
	Ingest func(ctx context.Context, body []byte) error
	// Take calls Ingest, and returns when Meta may be told that the webhook is safe; nil means when Ingest returns.
	Take func(ctx context.Context, body []byte, ingest func(context.Context, []byte) error) error
	// Verify checks a signature header; nil means Meta's scheme with the app secret.
	Verify func(header string, body []byte) error
	Log    *slog.Logger
}

type front struct{ Config }

// New returns the handler of the callback URL.
func New(c Config) http.Handler {
	if c.Verify == nil {
		c.Verify = signature.MetaVerifier{Secret: c.AppSecret}.Verify
	}
	if c.Take == nil {
		c.Take = func(ctx context.Context, body []byte, ingest func(context.Context, []byte) error) error {
			return ingest(ctx, body)
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	f := front{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", f.handshake)
	mux.HandleFunc("POST /", f.webhook)
	return mux
}

// handshake echoes the challenge of a subscription whose token is right (Meta, webhooks/create-webhook-endpoint, GET
// requests).
func (f front) handshake(w http.ResponseWriter, req *http.Request) {
	names, query := f.Meta.Handshake.Value, req.URL.Query()
	// An empty token would match a request without one.
	right := f.VerifyToken != "" && subtle.ConstantTimeCompare([]byte(query.Get(names.VerifyToken)), []byte(f.VerifyToken)) == 1
	if !right || query.Get(names.Mode) != names.Subscribe || !query.Has(names.Challenge) {
		answer(w, http.StatusForbidden, "the handshake needs mode "+names.Subscribe+", a challenge and the right verify token\n")
		return
	}
	answer(w, http.StatusOK, query.Get(names.Challenge))
}

func (f front) webhook(w http.ResponseWriter, req *http.Request) {
	limit := int64(f.Meta.PayloadLimit.Value)
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		answer(w, http.StatusRequestEntityTooLarge, "Meta's bodies have at most "+strconv.FormatInt(limit, 10)+" bytes\n")
		return
	case err != nil:
		answer(w, http.StatusBadRequest, "the body could not be read\n")
		return
	}
	header := f.Meta.Headers.Signature.Value
	if err := f.Verify(req.Header.Get(header), body); err != nil {
		f.Log.Warn("refused a webhook", "reason", err)
		answer(w, http.StatusUnauthorized, header+": "+err.Error()+"\n")
		return
	}
	// What Meta was told is safe must be: the caller hanging up does not undo it half-way.
	err = f.Take(context.WithoutCancel(req.Context()), body, f.Ingest)
	var refused *relay.Error
	switch {
	case errors.As(err, &refused):
		answer(w, refused.Status, refused.Message+"\n")
	case err != nil:
		f.Log.Error("a webhook could not be stored", "error", err)
		answer(w, http.StatusInternalServerError, "the webhook could not be stored\n")
	default:
		w.WriteHeader(http.StatusOK)
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	// Plain text, so that a browser that is sent here takes a challenge for nothing else.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that went away has no use for the error either.
	_, _ = io.WriteString(w, text)
}
