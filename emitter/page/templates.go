package page

import (
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// The style and the script stand in the page, so that it is one answer; it refers to nothing outside of it.
var (
	//go:embed html/*.tmpl
	templateFiles embed.FS
	//go:embed html/page.css
	pageStyle string
	//go:embed html/page.js
	pageScript string

	templates = template.Must(template.New("").Funcs(template.FuncMap{
		"style":      func() template.CSS { return template.CSS(pageStyle) },
		"script":     func() template.JS { return template.JS(pageScript) },
		"line":       line,
		"text":       func(b []byte) string { return visible(string(b), "\t\n") },
		"moment":     moment,
		"away":       away,
		"span":       span,
		"took":       took,
		"plural":     plural,
		"answerOf":   answerOf,
		"subscribed": subscribedKind,
		"outcome":    outcomeKind,
	}).ParseFS(templateFiles, "html/*.tmpl"))
)

// answerOf is the status of an attempt's answer with its name, or that there was none.
func answerOf(status int) string {
	if status == 0 {
		return "no answer"
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// subscribedKind and outcomeKind are the names of colours and icons.
func subscribedKind(s store.SubscriptionStatus) string {
	switch s {
	case store.Active:
		return "delivered"
	case store.Paused:
		return "paused"
	}
	return "terminal"
}

func outcomeKind(outcome string) string {
	if outcome == "retry" {
		return "pending"
	}
	return outcome
}
