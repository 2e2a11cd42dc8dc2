package mockmeta_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestOrdersReachTheReceiverAsTheySay(t *testing.T) {
	events, err := newGenerator(t).Statuses()
	if err != nil {
		t.Fatal(err)
	}
	// The generator's life of a message has no failure; this one stands for it.
	failed := fixtures.Item{ID: events[0].Items[0].ID, Status: "failed"}
	events = append(events, fixtures.Event{
		Source: events[0].Source, Items: []fixtures.Item{failed}, Body: []byte(`"failed"`),
	})
	byBody := map[string]string{}
	for _, e := range events {
		byBody[string(fixtures.EscapeMeta(e.Body))] = e.Items[0].Status
	}
	names := map[string]bool{}
	for _, o := range mockmeta.Orders() {
		t.Run(o.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if names[o.Name] || len(o.Statuses) == 0 {
					t.Errorf("the name comes twice, or nothing is sent")
				}
				names[o.Name] = true
				arranged, err := o.Arrange(events)
				if err != nil {
					t.Fatal(err)
				}
				var plans []mockmeta.Plan
				for _, e := range arranged {
					plans = append(plans, mockmeta.Plan{Event: e})
				}
				s := newScript(t, always(wire.Exchange{Status: 200}))
				if _, err := s.sender(t).DeliverInTurn(t.Context(), plans...); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range s.records {
					got = append(got, byBody[string(r.Exchange.Request.Body)])
				}
				if !slices.Equal(got, o.Statuses) {
					t.Errorf("arrived as %v, want %v", got, o.Statuses)
				}
			})
		})
	}
}

func TestOrderOfAStatusThatIsNotThereIsAnError(t *testing.T) {
	events, err := newGenerator(t).Statuses()
	if err != nil {
		t.Fatal(err)
	}
	order := mockmeta.Order{Name: "played", Statuses: []string{"sent", "played"}}
	if _, err := order.Arrange(events); err == nil || !strings.Contains(err.Error(), "order played") {
		t.Errorf("got %v", err)
	}
	if _, err := order.Arrange([]fixtures.Event{{}}); err == nil {
		t.Error("an event without items has a status")
	}
}
