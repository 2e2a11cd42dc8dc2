package subscriber

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/kirimcheck/kirimcheck/wire/certificate"
)

// Authority is a certificate authority made for one run, whose root a relay can be told to trust.
type Authority struct {
	root certificate.Signed
	now  time.Time
}

const (
	// validity is how long certificates last: longer than a retry schedule and the time that replays are possible.
	validity = 90 * 24 * time.Hour
	// wrongHost is the host of certificates with that flaw; the name can never be looked up (RFC 6761, section 6.4).
	wrongHost = "somebody-else.invalid"
)

// NewAuthority makes an authority with a new key.
func NewAuthority(now time.Time) (*Authority, error) {
	root, err := certificate.Signed{}.Authority("kirimcheck subscribers' CA", now.Add(-certificate.Leeway), now.Add(validity))
	return &Authority{root, now}, err
}

// PEM returns the root certificate.
func (a *Authority) PEM() []byte { return a.root.PEM() }

// Roots returns a pool with the root certificate.
func (a *Authority) Roots() *x509.CertPool { return a.root.Roots() }

// Flaw is what is wrong with a certificate.
type Flaw int

// The flaws.
const (
	// NoFlaw: the certificate is good for whoever trusts the root.
	NoFlaw Flaw = iota
	// SelfSigned: the authority did not sign it.
	SelfSigned
	// Expired: it ended half an hour before the authority was made.
	Expired
	// WrongHost: it is for another host.
	WrongHost
)

// Certificate makes a server certificate for hosts, which are names or IP addresses.
func (a *Authority) Certificate(flaw Flaw, hosts ...string) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, errors.New("a certificate needs a host to be for")
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore:   a.now.Add(-certificate.Leeway), NotAfter: a.now.Add(validity),
	}
	by := a.root
	switch flaw {
	case SelfSigned:
		by = certificate.Signed{}
	case Expired:
		template.NotBefore, template.NotAfter = a.now.Add(-validity), a.now.Add(-certificate.Leeway/2)
	case WrongHost:
		hosts = []string{wrongHost}
	case NoFlaw:
	default:
		return tls.Certificate{}, fmt.Errorf("there is no flaw %d", flaw)
	}
	for _, host := range hosts {
		if ip, err := netip.ParseAddr(host); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	leaf, err := by.Sign(template)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key, Leaf: leaf.Cert}, nil
}

// ServerTLS returns the configuration of a listener with this certificate, which offers HTTP/2 if that is wanted.
func ServerTLS(cert tls.Certificate, http2 bool) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if http2 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	return c
}
