package page

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// flash is what the page says once, after a button was pressed. It travels in a cookie: in the address, anybody could
// write a link that makes the page say something.
type flash struct {
	// Bad says that nothing was done.
	Bad  bool   `json:"bad,omitempty"`
	Text string `json:"text"`
	// Delivery is the id of one to look at, or empty.
	Delivery string `json:"delivery,omitempty"`
}

const (
	flashCookie = "kirimcheck_flash"
	// maxFlash bounds the text in bytes; browsers keep cookies of up to 4096.
	maxFlash = 600
)

// answer keeps the message for the next page, and leads there.
func (f flash) answer(w http.ResponseWriter, req *http.Request, to string) error {
	f.Text = cut(f.Text, maxFlash)
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	setFlash(w, req, base64.RawURLEncoding.EncodeToString(value), 60)
	http.Redirect(w, req, to, http.StatusSeeOther)
	return nil
}

// setFlash sets the cookie for a number of seconds; a negative one removes it.
func setFlash(w http.ResponseWriter, req *http.Request, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: flashCookie, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: req.TLS != nil,
		SameSite: http.SameSiteStrictMode,
	})
}

// takeFlash returns the message, once. What another program on this machine put into the cookie is text like any other.
func takeFlash(w http.ResponseWriter, req *http.Request) *flash {
	cookie, err := req.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	setFlash(w, req, "", -1)
	value, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	var f flash
	if err := json.Unmarshal(value, &f); err != nil || f.Text == "" {
		return nil
	}
	return &f
}
