package mockmeta

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/wire/certificate"
)

// Authority is a certificate authority of the mock's own, in the place of the one that Meta's client certificate comes
// from. Like Meta's it signs through an intermediate, which the client sends along, so that a receiver needs the root
// alone (Meta, graph-api/webhooks/getting-started, mTLS for Webhooks).
type Authority struct {
	root, intermediate certificate.Signed
	from, to           time.Time
}

// validity is how long certificates last. They are made for one run, and runs may be left on for the seven days of a
// retry window.
const validity = 30 * 24 * time.Hour

// NewAuthority makes an authority with new keys, whose certificates are valid from an hour before now for 30 days.
func NewAuthority(now time.Time) (*Authority, error) {
	a := &Authority{from: now.Add(-certificate.Leeway), to: now.Add(validity - certificate.Leeway)}
	var err error
	if a.root, err = a.root.Authority("kirimcheck mock of Meta's outbound API CA", a.from, a.to); err != nil {
		return nil, err
	}
	a.intermediate, err = a.root.Authority("kirimcheck mock of Meta's outbound API intermediate", a.from, a.to)
	return a, err
}

// PEM returns the root certificate, which a receiver must trust.
func (a *Authority) PEM() []byte { return a.root.PEM() }

// ClientOptions describe a client certificate that is not Meta's. The zero value of each field is what Meta does.
type ClientOptions struct {
	// Expired makes a certificate that ended half an hour before the authority was made.
	Expired bool
	// NoIntermediate leaves the intermediate out of the chain.
	NoIntermediate bool
	// ServerOnly makes a certificate that is not for clients.
	ServerOnly bool
}

// ClientCertificate is a certificate with its chain and key.
type ClientCertificate struct {
	// CertPEM holds the certificate and behind it the intermediate, KeyPEM the key in PKCS #8.
	CertPEM, KeyPEM []byte
	// TLS is the same for wire.WithClientCertificate.
	TLS tls.Certificate
}

// Client makes a client certificate with this common name; Meta's is in contract.Meta.
func (a *Authority) Client(commonName string, o ClientOptions) (ClientCertificate, error) {
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName},
		DNSNames:  []string{commonName},
		NotBefore: a.from, NotAfter: a.to,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if o.Expired {
		template.NotAfter = a.from.Add(certificate.Leeway / 2)
	}
	if o.ServerOnly {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	leaf, err := a.intermediate.Sign(template)
	if err != nil {
		return ClientCertificate{}, err
	}
	chain := []certificate.Signed{leaf, a.intermediate}
	if o.NoIntermediate {
		chain = chain[:1]
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		return ClientCertificate{}, err
	}
	out := ClientCertificate{
		KeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		TLS:    tls.Certificate{PrivateKey: leaf.Key, Leaf: leaf.Cert},
	}
	for _, link := range chain {
		out.TLS.Certificate = append(out.TLS.Certificate, link.Cert.Raw)
		out.CertPEM = append(out.CertPEM, link.PEM()...)
	}
	return out, nil
}

// ServerConfig returns what a receiver in Go needs to take requests from Meta alone: it demands a client certificate
// that this authority's root stands for and that carries the name. The server's own certificate is to be added.
func (a *Authority) ServerConfig(commonName string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  a.root.Roots(),
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errors.New("the client showed no certificate")
			}
			leaf := state.PeerCertificates[0]
			if leaf.Subject.CommonName != commonName && !slices.Contains(leaf.DNSNames, commonName) {
				return fmt.Errorf("the client is %q, not %q", leaf.Subject.CommonName, commonName)
			}
			return nil
		},
	}
}
