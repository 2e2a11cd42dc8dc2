package relay

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/signature"
)

// signers are the places, in the list, of the secrets that signed a request.
func signers(t *testing.T, p post, secrets []string) (by []int) {
	t.Helper()
	for i, secret := range secrets {
		verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: time.Second}
		if verifier.Verify(p.header["X-Kirim-Signature"], []byte(p.body), p.at) == nil {
			by = append(by, i)
		}
	}
	if n := strings.Count(p.header["X-Kirim-Signature"], "v1="); n != len(by) {
		t.Errorf("%d signatures, of which %v can be told", n, by)
	}
	return by
}

func TestEveryActiveSecretSignsUntilItExpires(t *testing.T) {
	for name, c := range map[string]struct {
		rotation Rotation
		expires  time.Duration
		// by are those that sign before, at and after the expiry: 0 is the first secret, 1 the added one.
		during, after []int
	}{
		"the new one expires":      {NewExpires, time.Hour, []int{0, 1}, []int{0}},
		"the old one expires":      {RetireOld, time.Hour, []int{0, 1}, []int{1}},
		"nothing expires":          {NewExpires, 0, []int{0, 1}, []int{0, 1}},
		"nothing expires, retired": {RetireOld, 0, []int{0, 1}, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			is := NewWithT(t)
			r := newRig(t, func(config *Config) { b := Correct(); b.Rotation = c.rotation; config.Behaviour = &b })
			s := r.subscribe(hook, contactCreated)
			secrets := []string{s.Secrets[0].Value}
			by := func() []int { r.happens(); return signers(t, r.posts()[0], secrets) }
			is.Expect(by()).To(Equal([]int{0}))
			added, err := r.AddSecret(r.ctx, r.first, s.ID, c.expires)
			is.Expect(err).NotTo(HaveOccurred())
			secrets = append(secrets, added.Value)
			is.Expect(by()).To(Equal(c.during))
			r.advance(time.Hour - time.Nanosecond)
			is.Expect(by()).To(Equal(c.during))
			r.advance(time.Nanosecond)
			is.Expect(by()).To(Equal(c.after))
		})
	}
}

func TestARetrySignsWithTheSecretsOfItsTime(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusServiceUnavailable)
	r.happens()
	r.posts()
	added, err := r.AddSecret(r.ctx, r.first, s.ID, 0)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(r.DeleteSecret(r.ctx, r.first, s.ID, s.Secrets[0].ID)).To(Succeed())
	r.advance(12 * time.Second)
	is.Expect(signers(t, r.posts()[0], []string{s.Secrets[0].Value, added.Value})).To(Equal([]int{1}))
}

func TestARotationNeverProlongsASecret(t *testing.T) {
	is := NewWithT(t)
	r := newRig(t, func(c *Config) { b := Correct(); b.Rotation = RetireOld; c.Behaviour = &b })
	s := r.subscribe(hook)
	for _, hours := range []time.Duration{1, 5} {
		_, err := r.AddSecret(r.ctx, r.first, s.ID, hours*time.Hour)
		is.Expect(err).NotTo(HaveOccurred())
	}
	after, err := r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	var ends []time.Time
	for _, secret := range after.Secrets {
		ends = append(ends, secret.ExpiresAt)
	}
	is.Expect(ends).To(Equal([]time.Time{{}, noon.Add(5 * time.Hour), noon.Add(time.Hour)}), "the newest first")
}

func TestTheLastActiveSecretStays(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook)
	first := s.Secrets[0].ID
	remove := func(id string) string { return code(r.DeleteSecret(r.ctx, r.first, s.ID, id)) }
	is.Expect(remove(first)).To(Equal("last_active_secret"))
	is.Expect(remove("sec_none")).To(Equal("resource_not_found"))
	brief, err := r.AddSecret(r.ctx, r.first, s.ID, time.Hour)
	is.Expect(err).NotTo(HaveOccurred())
	r.advance(time.Hour)
	is.Expect(remove(first)).To(Equal("last_active_secret"), "the other one has expired")
	is.Expect(remove(brief.ID)).To(BeEmpty(), "one that has expired signs nothing, so it can go")
	second, err := r.AddSecret(r.ctx, r.first, s.ID, 0)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(remove(first)).To(BeEmpty())
	is.Expect(remove(second.ID)).To(Equal("last_active_secret"))
}

func TestWhereAllSecretsHaveExpiredAnyCanBeDeleted(t *testing.T) {
	is := NewWithT(t)
	r := newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	brief, err := r.AddSecret(r.ctx, r.first, s.ID, time.Hour)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(r.DeleteSecret(r.ctx, r.first, s.ID, s.Secrets[0].ID)).To(Succeed())
	r.advance(time.Hour)
	r.happens()
	is.Expect(r.posts()).To(BeEmpty(), "nothing is sent unsigned")
	is.Expect(r.DeleteSecret(r.ctx, r.first, s.ID, brief.ID)).To(Succeed())
}

func TestSecretsAreNeitherLoggedNorInErrors(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook)
	added, err := r.AddSecret(r.ctx, r.first, s.ID, time.Hour)
	is.Expect(err).NotTo(HaveOccurred())
	r.net.mu.Lock()
	r.net.answers[hook] = pipeline.Response{Err: errors.New("cannot send with " + added.Value), Trouble: pipeline.Other}
	r.net.mu.Unlock()
	r.happens()
	r.advance(40 * time.Hour)
	for range r.Edition().Delivery.DisableAfter {
		r.net.answer(hook, http.StatusGone)
		r.happens()
	}
	_, err = r.Authenticate(r.ctx, "kdv_live_CCCCCCCCCCCCCCCCCCCCCCCC")
	is.Expect(code(err)).To(Equal("invalid_api_key"))
	errs := []error{err, r.DeleteSecret(r.ctx, r.first, s.ID, added.Value), r.IngestMeta(r.ctx, []byte("x"))}
	_, err = r.Authenticate(r.ctx, "")
	is.Expect(code(err)).To(Equal("missing_api_key"))
	for _, d := range r.deliveries(store.DeliveryFilter{}) {
		errs = append(errs, errors.New(d.LastError))
	}
	r.shut(r.Relay)
	_, err = r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).To(HaveOccurred())
	for _, text := range []string{r.log.String(), errors.Join(append(errs, err)...).Error()} {
		is.Expect(text).NotTo(ContainSubstring("whsec_"))
		is.Expect(text).NotTo(ContainSubstring("kdv_live_C"))
		for _, key := range r.keys {
			is.Expect(text).NotTo(ContainSubstring(key))
		}
	}
	is.Expect(r.log.String()).To(ContainSubstring("disabled"), "there is something in the log")
}

func TestAKeyIsShownByItsEnds(t *testing.T) {
	is := NewWithT(t)
	key := NewKey()
	is.Expect(key).To(MatchRegexp(`^kdv_live_[A-Za-z0-9_-]{24}$`))
	is.Expect(Shown(key)).To(Equal(key[:12] + "…" + key[29:]))
	is.Expect(Shown("short")).To(Equal("…"))
	is.Expect(NewSecret(edition(t, ""))).To(MatchRegexp(`^whsec_[A-Za-z0-9_-]{32}$`))
}
