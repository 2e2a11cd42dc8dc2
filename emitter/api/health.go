package api

import "context"

// healthView tells who answers, and what time it is there.
type healthView struct {
	Object  string    `json:"object"`
	Status  string    `json:"status"`
	Edition string    `json:"edition"`
	Clock   clockView `json:"clock"`
}

type clockView struct {
	Mode string `json:"mode"`
	Now  string `json:"now"`
}

func (a *api) health(context.Context, *call) (reply, error) {
	return shown(healthView{"health", "ok", a.edition.ID, clockView{a.clockMode, timestamp(a.clock.Now())}}), nil
}
