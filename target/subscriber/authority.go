package subscriber

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"
)

// Authority is a certificate authority made for one run, whose root a relay can be told to trust.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	now  time.Time
}

const (
	// validity is how long certificates last: longer than a retry schedule and the time that replays are possible.
	validity = 90 * 24 * time.Hour
	// leeway is how far the other side's clock may be behind.
	leeway = time.Hour
	// wrongHost is the host of certificates with that flaw; the name can never be looked up (RFC 6761, section 6.4).
	wrongHost = "somebody-else.invalid"
)

// NewAuthority makes an authority with a new key.
func NewAuthority(now time.Time) (*Authority, error) {
	a := &Authority{now: now}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "kirimcheck subscribers' CA"}, KeyUsage: x509.KeyUsageCertSign,
		IsCA: true, BasicConstraintsValid: true,
	}
	var err error
	a.cert, a.key, err = a.sign(template, nil, nil)
	return a, err
}

// sign makes a key and its certificate; without a parent it signs itself.
func (a *Authority) sign(template, parent *x509.Certificate, by crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	// RFC 5280, section 4.1.2.2: a positive integer of at most 20 bytes.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = a.now.Add(-leeway), a.now.Add(validity)
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// PEM returns the root certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Roots returns a pool with the root certificate.
func (a *Authority) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return roots
}

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
	}
	parent, by := a.cert, a.key
	switch flaw {
	case SelfSigned:
		parent, by = nil, nil
	case Expired:
		template.NotBefore, template.NotAfter = a.now.Add(-validity), a.now.Add(-leeway/2)
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
	leaf, key, err := a.sign(template, parent, by)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// ServerTLS returns the configuration of a listener with this certificate, which offers HTTP/2 if that is wanted.
func ServerTLS(cert tls.Certificate, http2 bool) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if http2 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	return c
}
