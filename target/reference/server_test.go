package reference

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
)

func TestAServerWaitsForItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := ListenOn(t.Context(), "127.0.0.1:0", http.NotFoundHandler(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") || s.URL() != s.Config(contract.RoleReceiver, "kckit").URL {
		t.Errorf("URL %s", s.URL())
	}
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		_ = conn.Close()
		t.Error("it still takes connections")
	}
}

func TestAServerThatEndsByItselfSaysWhy(t *testing.T) {
	broken := errors.New("too many open files")
	s, err := ListenOn(t.Context(), "127.0.0.1:0", http.NotFoundHandler(), func(l net.Listener) net.Listener { return failing{l, broken} })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

// failing accepts nothing.
type failing struct {
	net.Listener
	err error
}

func (f failing) Accept() (net.Conn, error) { return nil, f.err }

func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	s, err := Listen(t.Context(), http.NotFoundHandler(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := ListenOn(t.Context(), s.addr, http.NotFoundHandler(), nil); err == nil || !strings.Contains(err.Error(), "cannot listen on "+s.addr) {
		t.Errorf("%v", err)
	}
}
