package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// generateTLS makes an authority for this run and a certificate for a listener on this address, and writes the
// authority to a PEM file, for others to trust.
func generateTLS(address, caOut string) (*tls.Config, error) {
	authority, err := subscriber.NewAuthority(time.Now())
	if err != nil {
		return nil, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		hosts = append(hosts, host)
	}
	pair, err := authority.Certificate(subscriber.NoFlaw, hosts...)
	if err != nil {
		return nil, err
	}
	// A certificate is for everybody to read.
	if err := os.WriteFile(filepath.Clean(caOut), authority.PEM(), 0o644); err != nil {
		return nil, fmt.Errorf("--ca-out: %w", err)
	}
	return subscriber.ServerTLS(pair, true), nil
}
