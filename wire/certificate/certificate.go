// Package certificate makes X.509 certificates for one run: those of authorities, and what they sign.
package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// Leeway is how far the other side's clock may be behind: certificates are valid from so long ago.
const Leeway = time.Hour

// Signed is a certificate with its key. The zero value, as a signer, leaves a certificate to sign itself.
type Signed struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Sign makes a key, and its certificate after the template.
func (s Signed) Sign(template *x509.Certificate) (Signed, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Signed{}, err
	}
	// RFC 5280, section 4.1.2.2: a positive integer of at most 20 bytes.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Signed{}, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	if s.Cert == nil {
		s = Signed{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.Cert, key.Public(), s.Key)
	if err != nil {
		return Signed{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return Signed{cert, key}, err
}

// Authority makes an authority that it stands for.
func (s Signed) Authority(name string, from, to time.Time) (Signed, error) {
	return s.Sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageCertSign,
		IsCA: true, BasicConstraintsValid: true,
	})
}

// PEM is the certificate as a file.
func (s Signed) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Cert.Raw})
}

// Roots is a pool with the certificate.
func (s Signed) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Cert)
	return roots
}
