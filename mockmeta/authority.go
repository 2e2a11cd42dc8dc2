package mockmeta

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
	"slices"
	"time"
)

// Authority is a certificate authority of the mock's own, in the place of the one that Meta's client certificate comes
// from. Like Meta's it signs through an intermediate, which the client sends along, so that a receiver needs the root
// alone (Meta, graph-api/webhooks/getting-started, mTLS for Webhooks).
type Authority struct {
	root, intermediate issuer
	from               time.Time
}

// issuer is a certificate that signs others.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// validity is how long certificates last. They are made for one run, and runs may be left on for the seven days of a
// retry window.
const validity = 30 * 24 * time.Hour

// leeway is how far a receiver's clock may be behind the mock's.
const leeway = time.Hour

// NewAuthority makes an authority with new keys, whose certificates are valid from an hour before now for 30 days.
func NewAuthority(now time.Time) (*Authority, error) {
	a := &Authority{from: now.Add(-leeway)}
	var err error
	if a.root, err = a.issue(issuer{}, "kirimcheck mock of Meta's outbound API CA"); err != nil {
		return nil, err
	}
	a.intermediate, err = a.issue(a.root, "kirimcheck mock of Meta's outbound API intermediate")
	return a, err
}

// issue makes an authority's certificate; without a parent it signs itself.
func (a *Authority) issue(parent issuer, name string) (issuer, error) {
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: a.from, NotAfter: a.from.Add(validity),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	return sign(parent, template)
}

// sign makes a key and its certificate.
func sign(parent issuer, template *x509.Certificate) (issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return issuer{}, err
	}
	// RFC 5280, section 4.1.2.2: a positive integer of at most 20 bytes.
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return issuer{}, err
	}
	template.SerialNumber.Add(template.SerialNumber, big.NewInt(1))
	if parent.cert == nil {
		parent = issuer{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		return issuer{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return issuer{cert: cert, key: key}, err
}

// PEM returns the root certificate, which a receiver must trust.
func (a *Authority) PEM() []byte { return encodeCertificate(a.root.cert.Raw) }

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
		NotBefore: a.from, NotAfter: a.from.Add(validity),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if o.Expired {
		template.NotAfter = a.from.Add(leeway / 2)
	}
	if o.ServerOnly {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	leaf, err := sign(a.intermediate, template)
	if err != nil {
		return ClientCertificate{}, err
	}
	chain := [][]byte{leaf.cert.Raw, a.intermediate.cert.Raw}
	if o.NoIntermediate {
		chain = chain[:1]
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		return ClientCertificate{}, err
	}
	out := ClientCertificate{
		KeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		TLS:    tls.Certificate{Certificate: chain, PrivateKey: leaf.key, Leaf: leaf.cert},
	}
	for _, der := range chain {
		out.CertPEM = append(out.CertPEM, encodeCertificate(der)...)
	}
	return out, nil
}

// ServerConfig returns what a receiver in Go needs to take requests from Meta alone: it demands a client certificate
// that this authority's root stands for and that carries the name. The server's own certificate is to be added.
func (a *Authority) ServerConfig(commonName string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.root.cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  roots,
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

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
