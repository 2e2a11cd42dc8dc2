package suites

import (
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/target"
)

// relayConversations defines the specs of conversations that are assigned and closed.
func (s *Session) relayConversations() {
	needs := []target.Capability{target.KirimEvents, target.ContactsAPI, target.ConversationsAPI}
	s.relaySpec("relay.events.conversation-assigned.first", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationAssigned)
		talk, _ := c.Conversation()
		user := c.user()
		c.Assign(talk.ID, user)
		c.saysAssigned(sub, 1, talk.ID, user, nil)
	}, needs...)
	s.relaySpec("relay.events.conversation-assigned.again", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationAssigned)
		talk, _ := c.Conversation()
		previous := c.user()
		c.Assign(talk.ID, previous)
		sub.Await(1, "conversation.assigned")
		// Three users, so that the one before is not the first one.
		for n := 2; n <= 3; n++ {
			user := c.user()
			c.Assign(talk.ID, user)
			c.saysAssigned(sub, n, talk.ID, user, previous)
			previous = user
		}
	}, needs...)
	s.relaySpec("relay.events.conversation-assigned.same", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationAssigned)
		talk, _ := c.Conversation()
		user, next := c.user(), c.user()
		c.Assign(talk.ID, user)
		c.Assign(talk.ID, user)
		c.SetStatus(talk.ID, "pending")
		c.Assign(talk.ID, next)
		var users []any
		for _, d := range sub.Exactly(2, "conversation.assigned for two assignments, and none for what left the assignee as it was") {
			users = append(users, c.at(d.Body, "/data/assignee/user_id"))
		}
		// Deliveries of two events may arrive in either order.
		if !slices.Contains(users, any(user)) || !slices.Contains(users, any(next)) {
			c.Broken(fmt.Sprintf("conversation.assigned to %s and to %s", user, next), fmt.Sprintf("to %v", users))
		}
	}, needs...)
	s.relaySpec("relay.events.conversation-closed.transition", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationClosed)
		talk, _ := c.Conversation()
		for _, status := range []string{"pending", "resolved", "resolved", "open", "resolved"} {
			c.SetStatus(talk.ID, status)
		}
		ids := map[string]bool{}
		for _, d := range sub.Exactly(2, "conversation.closed for two times that the status became resolved") {
			ev := kirimEvent(d)
			c.says(ev, "/data/conversation/id", talk.ID)
			c.says(ev, "/data/conversation/status", "resolved")
			ids[ev.ID] = true
		}
		if len(ids) != 2 {
			c.Broken("an event id for each closing", "one for both")
		}
	}, needs...)
	s.relaySpec("relay.events.conversation-closed.by", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationClosed)
		talk, _ := c.Conversation()
		user := c.user()
		c.Assign(talk.ID, user)
		c.SetStatus(talk.ID, "resolved")
		ev := kirimEvent(sub.Await(1, "conversation.closed")[0])
		switch by := c.at(ev.body, "/data/conversation/closed_by_user_id").(type) {
		case nil:
		case string:
			if by == "" || by == user {
				c.Broken("closed_by_user_id null or the user who closed it over the API", fmt.Sprintf("%q; assigned was %q", by, user))
			}
		default:
			c.Broken("data.conversation.closed_by_user_id, null or a user", shownValue(by))
		}
	}, needs...)
	s.relaySpec("relay.events.both-changes", "", func(c *relayCheck) {
		sub := c.Subscribe(conversationAssigned, conversationClosed)
		talk, _ := c.Conversation()
		user := c.user()
		_, reply, err := c.management.UpdateConversation(c.ctx, talk.ID, target.ConversationPatch{
			AssignedTo: target.To(user), Status: target.To("resolved"),
		})
		c.Must("assigning and resolving the conversation", reply, err)
		assigned := kirimEvent(sub.AwaitEvent(conversationAssigned, 1)[0])
		closed := kirimEvent(sub.AwaitEvent(conversationClosed, 1)[0])
		c.says(assigned, "/data/assignee/user_id", user)
		if assigned.ID == closed.ID {
			c.Broken("an event id for each of the two events", "one for both")
		}
	}, needs...)
}

// saysAssigned ends the spec as broken unless the n-th event tells of this assignment; previous is nil for nobody.
func (c *relayCheck) saysAssigned(sub *subscription, n int, conversation, user string, previous any) {
	ev := kirimEvent(sub.Await(n, "conversation.assigned")[n-1])
	c.says(ev, "/data/conversation/id", conversation)
	c.says(ev, "/data/assignee/user_id", user)
	c.says(ev, "/data/assignee/previous_user_id", previous)
}
