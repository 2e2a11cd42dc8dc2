package suites

import (
	"encoding/json"
	"fmt"

	"github.com/kirimcheck/kirimcheck/target"
)

// relayAPILists holds the specs of lists and their cursors.
func (s *Session) relayAPILists() {
	s.relaySpec("relay.api.pages", "", (*relayCheck).walksPages, target.Pagination)
	s.relaySpec("relay.api.limit", "", (*relayCheck).limits, target.Pagination)
	s.relaySpec("relay.api.cursor", "", (*relayCheck).badCursors, target.Pagination)
	s.relaySpec("relay.api.cursor-filters", "", (*relayCheck).cursorOfOtherFilters, target.Pagination, target.DeliveryAPI)
}

const (
	// listed is the number of subscriptions that are looked for over the pages, paged the size of these.
	listed, paged = 12, 5
	// defaultLimit and maxLimit are the documented limits of a page (documentation: pagination).
	defaultLimit, maxLimit = 25, 100
)

// walksPages walks through a list that others change at the same time; the spec itself adds an item and takes one away.
func (c *relayCheck) walksPages() {
	seen := map[string]int{}
	var subs []*subscription
	for range listed {
		sub := c.Subscribe(unheard)
		subs, seen[sub.ID] = append(subs, sub), 0
	}
	for cursor, page := "", 1; ; page++ {
		list, reply, err := c.management.Subscriptions(c.ctx, target.Page{Limit: paged, Cursor: cursor})
		c.Must(fmt.Sprintf("page %d of the list", page), reply, err)
		c.pageForm(reply, len(list.Items))
		for _, item := range list.Items {
			if _, own := seen[item.ID]; own {
				seen[item.ID]++
			}
		}
		if page == 1 {
			c.Subscribe(unheard)
			reply, err := c.management.DeleteSubscription(c.ctx, subs[0].ID)
			c.Must("deleting a subscription between two pages", reply, err)
			subs[0].deleted = true
			delete(seen, subs[0].ID)
		}
		if cursor = list.NextCursor; !list.HasMore {
			break
		}
		if page*paged > maxListed {
			c.Error("the list of subscriptions has more than %d items, so it was not walked to its end", maxListed)
		}
	}
	for id, n := range seen {
		if n != 1 {
			c.Broken("each subscription that was there throughout comes once", fmt.Sprintf("%s came %d times", id, n))
		}
	}
}

// pageForm holds the members of a list against each other.
func (c *relayCheck) pageForm(reply target.Reply, items int) {
	var list struct {
		HasMore    *bool           `json:"has_more"`
		NextCursor json.RawMessage `json:"next_cursor"`
	}
	err := json.Unmarshal(reply.Envelope(), &list)
	var cursor string
	switch {
	case err != nil || list.HasMore == nil:
		c.Broken("has_more is true or false", fmt.Sprintf("%s: %v", textMember(reply.Envelope(), "has_more"), err))
	case items > paged:
		c.Broken(fmt.Sprintf("at most %d items, the limit", paged), fmt.Sprintf("%d items", items))
	case *list.HasMore && (json.Unmarshal(list.NextCursor, &cursor) != nil || cursor == ""):
		c.Broken("next_cursor is text where has_more is true", string(list.NextCursor))
	case !*list.HasMore && string(list.NextCursor) != "null":
		c.Broken("next_cursor is null where has_more is false", fmt.Sprintf("%q", list.NextCursor))
	}
}

// limits asks for pages of several sizes of a list that is longer than the default.
func (c *relayCheck) limits() {
	for range defaultLimit + 1 {
		c.Subscribe(unheard)
	}
	for _, asked := range []struct{ limit, least, most int }{
		{0, defaultLimit, defaultLimit}, {1, 1, 1}, {maxLimit, defaultLimit + 1, maxLimit},
	} {
		list, reply, err := c.management.Subscriptions(c.ctx, target.Page{Limit: asked.limit})
		what := "a list with the limit " + fmt.Sprint(asked.limit)
		if asked.limit == 0 {
			what = "a list without a limit"
		}
		c.Must(what, reply, err)
		if n := len(list.Items); n < asked.least || n > asked.most {
			c.Broken(fmt.Sprintf("%s has %d to %d items", what, asked.least, asked.most), fmt.Sprintf("%d items", n))
		}
	}
	for _, limit := range []int{maxLimit + 1, -1} {
		_, reply, err := c.management.Subscriptions(c.ctx, target.Page{Limit: limit})
		c.Refused(fmt.Sprintf("a list with the limit %d", limit), reply, err, 400, "invalid_limit")
	}
	if c.management.Paths().Subscriptions == "" {
		// The others can only be said in a URL.
		return
	}
	for _, limit := range []string{"0", "abc"} {
		path := c.management.Paths().Subscriptions + "?limit=" + limit
		reply := c.ask("a list with the limit "+limit, target.Request{Method: "GET", Path: path})
		c.Refused("a list with the limit "+limit, reply, reply.Failure(), 400, "invalid_limit")
	}
}

// badCursors asks for pages behind cursors that no list returned.
func (c *relayCheck) badCursors() {
	c.Subscribe(unheard)
	c.Subscribe(unheard)
	list, reply, err := c.management.Subscriptions(c.ctx, target.Page{Limit: 1})
	c.Must("the first page", reply, err)
	good := list.NextCursor
	if _, reply, err = c.management.Subscriptions(c.ctx, target.Page{Limit: 1, Cursor: good}); good == "" || err != nil {
		c.called("the second page", reply)
		c.Broken("two subscriptions or more are two pages with the limit 1, and the first leads to the second",
			fmt.Sprintf("next_cursor %q: %v", good, err))
	}
	for _, cursor := range []string{"kirimcheck", "!"} {
		_, reply, err := c.management.Subscriptions(c.ctx, target.Page{Limit: 1, Cursor: cursor})
		c.Refused(fmt.Sprintf("a list behind the cursor %q", cursor), reply, err, 400, "invalid_cursor")
	}
}

// cursorOfOtherFilters goes on in the deliveries of one subscription with the cursor of another one's.
func (c *relayCheck) cursorOfOtherFilters() {
	one, other := c.Subscribe("message.received"), c.Subscribe("message.received")
	c.Meta(c.Message(""))
	c.Meta(c.Message(""))
	one.Await(2, "two messages")
	other.Await(2, "the same messages to another subscription")
	c.Settle()
	first := target.DeliveryFilter{Subscription: one.ID, Page: target.Page{Limit: 1}}
	list, reply, err := c.management.Deliveries(c.ctx, first)
	c.Must("the first page of deliveries", reply, err)
	if list.NextCursor == "" {
		c.Untestable("a list of two deliveries with the limit 1 has no second page, so there is no cursor to misuse")
	}
	first.Cursor = list.NextCursor
	_, reply, err = c.management.Deliveries(c.ctx, first)
	c.Must("the second page of deliveries", reply, err)
	first.Subscription = other.ID
	_, reply, err = c.management.Deliveries(c.ctx, first)
	c.Refused("a cursor with another filter than it was made with", reply, err, 400, "invalid_cursor")
}
