package mockmeta_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestConnectionsAreBoundedAndUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound, deliveries = 5, 50
		busy := make(chan struct{}, deliveries)
		most := make(chan int, deliveries)
		s := newScript(t, func(ctx context.Context, _ wire.Request) wire.Exchange {
			busy <- struct{}{}
			most <- len(busy)
			err := wait(ctx, time.Second)
			<-busy
			return wire.Exchange{Status: 200, Err: err}
		})
		s.Connections = bound
		begun := time.Now()
		got, err := s.sender(t).Deliver(t.Context(), slices.Repeat([]mockmeta.Plan{plain("{}")}, deliveries)...)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != deliveries/bound*time.Second {
			t.Errorf("%d requests of a second over %d connections took %s", deliveries, bound, took)
		}
		close(most)
		highest := 0
		for n := range most {
			highest = max(highest, n)
		}
		if highest != bound {
			t.Errorf("%d requests at once, the bound is %d", highest, bound)
		}
		for i, d := range got {
			if d != (mockmeta.Delivery{Number: i + 1, Outcome: mockmeta.Delivered, Attempts: 1}) {
				t.Errorf("delivery %d: %+v", i, d)
			}
		}
	})
}

func TestADeliveryThatWaitsForItsRetryHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := newScript(t, func(_ context.Context, r wire.Request) wire.Exchange {
			if string(r.Body) == "bad" {
				if tries++; tries < 4 {
					return wire.Exchange{Status: 500}
				}
			}
			return wire.Exchange{Status: 200}
		})
		s.Connections = 1
		got, err := s.sender(t).DeliverInTurn(t.Context(), plain("bad"), plain("good"))
		if err != nil || got[0].Attempts != 4 || got[1].Attempts != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		for i, r := range s.records {
			if r.Delivery == 2 && s.at[i] != 0 {
				t.Errorf("the good delivery waited %s for the bad one", s.at[i])
			}
		}
		if last := s.records[len(s.records)-1]; last.Delivery != 1 || s.at[len(s.at)-1] != 3*time.Minute {
			t.Errorf("the bad delivery ended at %s", s.at[len(s.at)-1])
		}
	})
}

// A window must not begin to run while a delivery waits for one of the connections.
func TestWaitingForAConnectionIsNoPartOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, func(ctx context.Context, r wire.Request) wire.Exchange {
			if string(r.Body) == "first" {
				return wire.Exchange{Status: 200, Err: wait(ctx, 30*day)}
			}
			return wire.Exchange{Status: 500}
		})
		s.Connections = 1
		got, err := s.sender(t).DeliverInTurn(t.Context(), plain("first"), plain("second"))
		if err != nil {
			t.Fatal(err)
		}
		if got[1].Attempts != len(schedule()) {
			t.Errorf("%d attempts after the wait, want %d", got[1].Attempts, len(schedule()))
		}
	})
}

func TestDeliverInTurnKeepsTheOrderOfFirstAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, func(ctx context.Context, r wire.Request) wire.Exchange {
			// The earlier, the slower: at once they would arrive the other way round.
			return wire.Exchange{Status: 200, Err: wait(ctx, time.Duration(10-len(r.Body))*time.Second)}
		})
		plans := []mockmeta.Plan{plain("1"), plain("22"), plain("333"), plain("4444")}
		sender := s.sender(t)
		if _, err := sender.DeliverInTurn(t.Context(), plans...); err != nil {
			t.Fatal(err)
		}
		if _, err := sender.Deliver(t.Context(), plans...); err != nil {
			t.Fatal(err)
		}
		var order []int
		for _, r := range s.records {
			order = append(order, r.Delivery)
		}
		if want := []int{1, 2, 3, 4, 8, 7, 6, 5}; !slices.Equal(order, want) {
			t.Errorf("deliveries ended in the order %v, want %v", order, want)
		}
	})
}

func TestTheSamePlanTwiceIsADuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, always(wire.Exchange{Status: 200}))
		p := mockmeta.Plan{Event: message(t, everything)}
		if _, err := s.sender(t).Deliver(t.Context(), p, p, p); err != nil {
			t.Fatal(err)
		}
		bodies, numbers := map[string]bool{}, map[int]bool{}
		for _, r := range s.records {
			bodies[string(r.Exchange.Request.Body)] = true
			numbers[r.Delivery] = true
		}
		if len(s.records) != 3 || len(bodies) != 1 || !maps.Equal(numbers, map[int]bool{1: true, 2: true, 3: true}) {
			t.Errorf("%d attempts, %d bodies, deliveries %v", len(s.records), len(bodies), numbers)
		}
	})
}

func TestPostNeverTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, always(wire.Exchange{Status: 500}))
		sender := s.sender(t)
		x, err := sender.Post(t.Context(), plain("{}"))
		if err != nil || x.Status != 500 {
			t.Errorf("got %+v, %v", x, err)
		}
		synctest.Wait()
		if len(s.records) != 1 || s.records[0].Delivery != 1 || s.records[0].Attempt != 1 {
			t.Errorf("got %+v", s.records)
		}
		if _, err := sender.Post(t.Context(), mockmeta.Plan{}); err == nil {
			t.Error("a plan without anything in it was sent")
		}
	})
}

func TestNothingIsSentWhereOnePlanIsBad(t *testing.T) {
	s := newScript(t, always(wire.Exchange{Status: 200}))
	_, err := s.sender(t).Deliver(t.Context(), plain("{}"), mockmeta.Plan{Body: []byte("{}"), Signature: "{md5}"})
	if err == nil || !strings.Contains(err.Error(), "plan 2 of 2") {
		t.Errorf("got %v", err)
	}
	if len(s.records) != 0 {
		t.Errorf("%d attempts were made", len(s.records))
	}
}

// Over real connections: a receiver that fails twice is sent the same thing a third time and no fourth.
func TestDeliverOverRealConnections(t *testing.T) {
	meta := loadMeta(t)
	meta.RetryDelay.Value, meta.RetryDelayLimit.Value = time.Millisecond, time.Millisecond
	server := newReceiver(t)
	client := newClient(t, "")
	failing := 2
	sender, err := mockmeta.NewSender(mockmeta.Config{
		Meta: meta, URL: server.URL, Secret: appSecret, Connections: 1,
		Send: func(ctx context.Context, r wire.Request) wire.Exchange {
			x := client.SendReusing(ctx, r)
			if failing--; failing >= 0 {
				x.Status = 500
			}
			return x
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := sender.Deliver(t.Context(), mockmeta.Plan{Event: message(t, everything)})
	if err != nil || fmt.Sprint(got) != "[{1 delivered 3}]" {
		t.Fatalf("got %v, %v", got, err)
	}
	all := server.take()
	if len(all) != 3 {
		t.Fatalf("%d requests arrived", len(all))
	}
	same(t, all[0], all[1])
	same(t, all[0], all[2])
}
