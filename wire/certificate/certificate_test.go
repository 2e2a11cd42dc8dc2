package certificate

import (
	"crypto/x509"
	"testing"
	"time"
)

func TestWhatAnAuthoritySignsStandsForItsRoot(t *testing.T) {
	now := time.Now()
	authority := func(by Signed, name string) Signed {
		t.Helper()
		s, err := by.Authority(name, now.Add(-Leeway), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	root, other := authority(Signed{}, "root"), authority(Signed{}, "root")
	between := authority(root, "between")
	leaf, err := between.Sign(&x509.Certificate{DNSNames: []string{"leaf.example"}, NotBefore: now.Add(-Leeway), NotAfter: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		roots, between *x509.CertPool
		good           bool
	}{
		"whole chain":         {root.Roots(), between.Roots(), true},
		"half a chain":        {root.Roots(), nil, false},
		"another of its name": {other.Roots(), between.Roots(), false},
	} {
		_, err := leaf.Cert.Verify(x509.VerifyOptions{DNSName: "leaf.example", Roots: c.roots, Intermediates: c.between})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(root.PEM()) || !pool.Equal(root.Roots()) {
		t.Error("the PEM is not that of the root")
	}
	if root.Cert.SerialNumber.Sign() <= 0 || root.Cert.SerialNumber.Cmp(other.Cert.SerialNumber) == 0 {
		t.Errorf("serial numbers %s and %s", root.Cert.SerialNumber, other.Cert.SerialNumber)
	}
}
