package store

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func ptr[T any](v T) *T { return &v }

// found is what a look-up returns, without its error.
type found[T any] struct {
	Record T
	OK     bool
}

func lookup[T any](t *testing.T, s *Store, fn func(*Tx) (T, bool, error)) found[T] {
	t.Helper()
	return view(t, s, func(tx *Tx) (f found[T], err error) { f.Record, f.OK, err = fn(tx); return f, err })
}

func TestOrganisationsKeysAccounts(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		one := Organisation{ID: "org_1", Name: "One", Owner: "usr_1"}
		two := Organisation{ID: "org_2", Name: "Two", Owner: "usr_2"}
		var again Organisation
		key := Key{ID: "key_1", Hash: [32]byte{1, 2, 3}, Shown: "kdv_live_ab…yz", CreatedAt: at(1)}
		var account, other Account
		update(t, s, func(tx *Tx) error {
			if err := errors.Join(tx.PutOrganisation(&one), tx.PutOrganisation(&two)); err != nil {
				return err
			}
			again = Organisation{ID: "org_1", Name: "Uno", Owner: "usr_9"}
			key.Org = two.Seq
			account = Account{Org: one.Seq, PhoneNumberID: "106540352242922", Display: "+62 812"}
			other = Account{Org: two.Seq, PhoneNumberID: "206540352242922"}
			return errors.Join(tx.PutOrganisation(&again), tx.PutKey(key), tx.PutAccount(account), tx.PutAccount(other),
				tx.PutAccount(account))
		})
		if one.Seq == 0 || again.Seq != one.Seq || two.Seq == one.Seq {
			t.Fatalf("numbers %d, %d and again %d", one.Seq, two.Seq, again.Seq)
		}
		same(t, "organisations", view(t, s, (*Tx).Organisations), []Organisation{again, two})
		type byKey struct {
			Org Organisation
			Key Key
			OK  bool
		}
		find := func(hash [32]byte) byKey {
			return view(t, s, func(tx *Tx) (b byKey, err error) { b.Org, b.Key, b.OK, err = tx.OrganisationByKey(hash); return b, err })
		}
		same(t, "by key", find(key.Hash), byKey{two, key, true})
		same(t, "by an unknown key", find([32]byte{9}), byKey{})
		same(t, "accounts", view(t, s, func(tx *Tx) ([]Account, error) { return tx.Accounts(one.Seq) }), []Account{account})
		update(t, s, func(tx *Tx) error {
			org, a, ok, err := tx.AccountOwner(account.PhoneNumberID)
			_, _, none, err2 := tx.AccountOwner("1")
			return errors.Join(err, err2, check(ok && !none && org == again && a == account, "owner %v of %v", org, a))
		})
		stolen := account
		stolen.Org = two.Seq
		if err := s.Update(ctx, func(tx *Tx) error { return tx.PutAccount(stolen) }); err == nil ||
			err.Error() != "store: phone number id 106540352242922 belongs to another organisation" {
			t.Fatalf("PutAccount of another's number: %v", err)
		}
	})
}

func TestSubscriptions(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		a := Subscription{Org: 1, ID: "wbs_A", URL: "https://a.example/hook", Description: ptr(""), Status: Active,
			Events: []string{"message.received", "contact.created"}, CreatedAt: at(1), UpdatedAt: at(1),
			Secrets: []Secret{{ID: "sec_2", Value: "whsec_2", CreatedAt: at(2)},
				{ID: "sec_1", Value: "whsec_1", CreatedAt: at(1), ExpiresAt: at(9)}}}
		b := Subscription{Org: 1, ID: "wbs_B", URL: "https://b.example", Status: Active, Events: []string{"contact.created"},
			CreatedAt: at(2), UpdatedAt: at(2)}
		foreign := Subscription{Org: 2, ID: "wbs_C", URL: "https://c.example", Status: Active, Events: a.Events}
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.InsertSubscription(&a), tx.InsertSubscription(&b), tx.InsertSubscription(&foreign))
		})
		get := func(org int64, id string) found[Subscription] {
			return lookup(t, s, func(tx *Tx) (Subscription, bool, error) { return tx.Subscription(org, id) })
		}
		subscribers := func(event string) []Subscriber {
			return view(t, s, func(tx *Tx) ([]Subscriber, error) { return tx.Subscribers(1, event) })
		}
		page := func(limit int, after int64) []Subscription {
			return view(t, s, func(tx *Tx) ([]Subscription, error) { return tx.Subscriptions(1, limit, after) })
		}
		same(t, "subscription", get(1, "wbs_A"), found[Subscription]{a, true})
		same(t, "another's subscription", get(2, "wbs_A"), found[Subscription]{})
		same(t, "all", view(t, s, (*Tx).AllSubscriptions), []Subscription{a, b, foreign})
		same(t, "first page", page(1, 0), []Subscription{b})
		same(t, "second page", page(1, b.Seq), []Subscription{a})
		both := []Subscriber{{a.Seq, a.ID}, {b.Seq, b.ID}}
		same(t, "subscribers", subscribers("contact.created"), both)
		same(t, "subscribers of another event", subscribers("message.received"), both[:1])

		update(t, s, func(tx *Tx) error { return tx.SetStatus(a.Seq, Disabled, at(3)) })
		a.Status, a.UpdatedAt = Disabled, at(3)
		same(t, "disabled", get(1, "wbs_A"), found[Subscription]{a, true})
		same(t, "subscribers without the disabled one", subscribers("contact.created"), both[1:])

		a.Status, a.Events, a.URL = Active, []string{"message.received"}, "https://new.example"
		a.Description, a.UpdatedAt = nil, at(4)
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.UpdateSubscription(a), tx.SetFailures(a.ID, 7, false, at(5)))
		})
		a.Failures = 7
		same(t, "changed", get(1, "wbs_A"), found[Subscription]{a, true})
		same(t, "subscribers of the old event", subscribers("contact.created"), both[1:])
		same(t, "subscribers of the new event", subscribers("message.received"), both[:1])

		update(t, s, func(tx *Tx) error { return tx.SetFailures(b.ID, 20, true, at(5)) })
		b.Failures, b.Status, b.UpdatedAt = 20, Disabled, at(5)
		same(t, "disabled by its failures", get(1, "wbs_B"), found[Subscription]{b, true})
		same(t, "subscribers without the one that failed", subscribers("contact.created"), []Subscriber(nil))

		update(t, s, func(tx *Tx) error {
			gone, err := tx.DeleteSecret(a.Seq, "sec_1")
			other, err2 := tx.DeleteSecret(b.Seq, "sec_2")
			changed, err3 := tx.UpdateSecret(a.Seq, Secret{ID: "sec_2", ExpiresAt: at(99)})
			return errors.Join(err, err2, err3, tx.InsertSecret(a.Seq, Secret{ID: "sec_3", Value: "whsec_3", CreatedAt: at(5)}),
				check(gone && !other && changed, "deleted %v, another's %v, changed %v", gone, other, changed))
		})
		a.Secrets = []Secret{{ID: "sec_3", Value: "whsec_3", CreatedAt: at(5)},
			{ID: "sec_2", Value: "whsec_2", CreatedAt: at(2), ExpiresAt: at(99)}}
		same(t, "rotated", get(1, "wbs_A"), found[Subscription]{a, true})

		update(t, s, func(tx *Tx) error { return tx.DeleteSubscription(a.Seq, at(6)) })
		same(t, "deleted", get(1, "wbs_A"), found[Subscription]{})
		same(t, "page without the deleted one", page(10, 0), []Subscription{b})
		same(t, "subscribers without the deleted one", subscribers("message.received"), []Subscriber(nil))
		same(t, "all without the deleted one", view(t, s, (*Tx).AllSubscriptions), []Subscription{b, foreign})
		update(t, s, func(tx *Tx) error { return tx.SetFailures(a.ID, 21, true, at(7)) }) // its last attempt may end later
		for what, fn := range map[string]func(*Tx) error{
			"UpdateSubscription": func(tx *Tx) error { return tx.UpdateSubscription(a) },
			"SetStatus":          func(tx *Tx) error { return tx.SetStatus(a.Seq, Active, at(7)) },
			"DeleteSubscription": func(tx *Tx) error { return tx.DeleteSubscription(a.Seq, at(7)) },
		} {
			if err := s.Update(ctx, fn); err == nil || err.Error() != "store: there is no subscription number 1" {
				t.Errorf("%s of a deleted subscription: %v", what, err)
			}
		}
	})
}

func TestErrorsHoldNoSecret(t *testing.T) {
	s := open(t, "")
	secret := Secret{ID: "sec_1", Value: "whsec_do-not-tell"}
	answer := Answer{Org: 1, Key: "k", Body: []byte(secret.Value)}
	key := Key{ID: "key_1", Hash: [32]byte([]byte("whsec_do-not-tell whsec_do-not-t"))}
	for what, fn := range map[string]func(*Tx) error{
		"a secret twice": func(tx *Tx) error { return errors.Join(tx.InsertSecret(1, secret), tx.InsertSecret(1, secret)) },
		"a wrong type": func(tx *Tx) error {
			_, err := tx.exec(`INSERT INTO secrets (subscription, id, value, created_at, expires_at) VALUES (?, 'x', 'x', 0, 0)`,
				secret.Value)
			return err
		},
		"no type": func(tx *Tx) error { _, err := tx.exec(`SELECT ?`, secret); return err },
		"a View": func(tx *Tx) error {
			tx.readOnly = true
			return errors.Join(tx.PutAnswer(answer), tx.PutKey(key))
		},
	} {
		if err := s.Update(ctx, fn); err == nil || strings.Contains(err.Error(), "do-not-tell") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestContacts(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		budi := Contact{Org: 1, ID: "ctc_1", Customer: "+62811", Display: "+62 21", Phone: ptr("+62811"),
			Name: ptr("Budi ÅNGSTRÖM"), Email: ptr("budi@x.id"),
			Metadata: json.RawMessage(`{"a":1}`), PhoneNumberID: "10", CreatedAt: at(1), UpdatedAt: at(1)}
		siti := Contact{Org: 1, ID: "ctc_2", Customer: "+62811", Phone: ptr("+62811"), PhoneNumberID: "20",
			CreatedAt: at(2), UpdatedAt: at(2)}
		nobody := Contact{Org: 1, ID: "ctc_3", Customer: "ID.1", PhoneNumberID: "20", CreatedAt: at(3), UpdatedAt: at(3)}
		foreign := Contact{Org: 2, ID: "ctc_4", Customer: "+62811", PhoneNumberID: "10", Phone: ptr("+62811"), Name: ptr("Budi")}
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.InsertContact(&budi), tx.InsertContact(&siti), tx.InsertContact(&nobody), tx.InsertContact(&foreign))
		})
		byCustomer := func(org int64, account, customer string) found[Contact] {
			return lookup(t, s, func(tx *Tx) (Contact, bool, error) { return tx.ContactByCustomer(org, account, customer) })
		}
		same(t, "by customer", byCustomer(1, "10", "+62811"), found[Contact]{budi, true})
		same(t, "by customer of another account", byCustomer(1, "20", "+62811"), found[Contact]{siti, true})
		same(t, "by customer without a phone", byCustomer(1, "20", "ID.1"), found[Contact]{nobody, true})
		same(t, "by unknown customer", byCustomer(1, "10", "ID.1"), found[Contact]{})
		same(t, "by number", lookup(t, s, func(tx *Tx) (Contact, bool, error) { return tx.ContactBySeq(nobody.Seq) }),
			found[Contact]{nobody, true})
		same(t, "another's", lookup(t, s, func(tx *Tx) (Contact, bool, error) { return tx.Contact(1, "ctc_4") }), found[Contact]{})
		list := func(f ContactFilter, limit int, after int64) []Contact {
			return view(t, s, func(tx *Tx) ([]Contact, error) { return tx.Contacts(1, f, limit, after) })
		}
		same(t, "first page", list(ContactFilter{}, 2, 0), []Contact{nobody, siti})
		same(t, "second page", list(ContactFilter{}, 2, siti.Seq), []Contact{budi})
		same(t, "of an account", list(ContactFilter{PhoneNumberID: "20"}, 9, 0), []Contact{nobody, siti})
		same(t, "with a phone", list(ContactFilter{Phone: "+62811"}, 9, 0), []Contact{siti, budi})
		same(t, "search in any case", list(ContactFilter{Search: "ångström"}, 9, 0), []Contact{budi})
		same(t, "search in the email", list(ContactFilter{Search: "@X.ID"}, 9, 0), []Contact{budi})
		same(t, "search takes no patterns", list(ContactFilter{Search: "%"}, 9, 0), []Contact(nil))

		budi.Name, budi.Email, budi.Metadata, budi.UpdatedAt = nil, ptr("b@y.id"), nil, at(5)
		update(t, s, func(tx *Tx) error { return tx.UpdateContact(budi) })
		same(t, "changed", lookup(t, s, func(tx *Tx) (Contact, bool, error) { return tx.Contact(1, "ctc_1") }),
			found[Contact]{budi, true})
		again := budi
		if err := s.Update(ctx, func(tx *Tx) error { again.ID = "ctc_5"; return tx.InsertContact(&again) }); err == nil {
			t.Error("a customer of an account became two contacts")
		}
		same(t, "search for the old name", list(ContactFilter{Search: "budi"}, 9, 0), []Contact(nil))
	})
}

func TestConversations(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		contact := Contact{Org: 1, ID: "ctc_1"}
		conversations := []Conversation{
			{Org: 1, ID: "cnv_0", PhoneNumberID: "10", Status: ConversationOpen, LastMessageAt: ptr(at(5)),
				LastInboundAt: ptr(at(4)), CreatedAt: at(1), UpdatedAt: at(5)},
			{Org: 1, ID: "cnv_1", PhoneNumberID: "10", Status: ConversationOpen, LastMessageAt: ptr(at(7)),
				CreatedAt: at(2), UpdatedAt: at(7)},
			{Org: 1, ID: "cnv_2", PhoneNumberID: "20", Status: ConversationResolved, AssignedTo: ptr("usr_1"), LastMessageAt: ptr(at(7)),
				CreatedAt: at(3)},
			{Org: 1, ID: "cnv_3", PhoneNumberID: "20", Status: ConversationPending, CreatedAt: at(4)},
			{Org: 2, ID: "cnv_4", PhoneNumberID: "10", Status: ConversationOpen, LastMessageAt: ptr(at(6))},
		}
		update(t, s, func(tx *Tx) error {
			if err := tx.InsertContact(&contact); err != nil {
				return err
			}
			for i := range conversations {
				if i == 0 {
					conversations[i].Contact = contact.Seq
				}
				if err := tx.InsertConversation(&conversations[i]); err != nil {
					return err
				}
			}
			return nil
		})
		list := func(f ConversationFilter, limit int, after Position) (ids []string) {
			for _, c := range view(t, s, func(tx *Tx) ([]Conversation, error) { return tx.Conversations(1, f, limit, after) }) {
				ids = append(ids, c.ID)
			}
			return ids
		}
		equal(t, "newest message first", list(ConversationFilter{}, 9, Position{}), []string{"cnv_2", "cnv_1", "cnv_0", "cnv_3"})
		equal(t, "after one of the same time", list(ConversationFilter{}, 1, conversations[2].Position()), []string{"cnv_1"})
		equal(t, "after one with a message", list(ConversationFilter{}, 9, conversations[0].Position()), []string{"cnv_3"})
		equal(t, "after one without a message", list(ConversationFilter{}, 9, conversations[3].Position()), nil)
		equal(t, "by status", list(ConversationFilter{Status: ConversationOpen}, 9, Position{}), []string{"cnv_1", "cnv_0"})
		equal(t, "by contact", list(ConversationFilter{Contact: "ctc_1"}, 9, Position{}), []string{"cnv_0"})
		equal(t, "by unknown contact", list(ConversationFilter{Contact: "ctc_9"}, 9, Position{}), nil)
		equal(t, "by account", list(ConversationFilter{PhoneNumberID: "20"}, 9, Position{}), []string{"cnv_2", "cnv_3"})

		update(t, s, func(tx *Tx) error { return tx.TouchConversation(conversations[0].Seq, at(9)) })
		touched := conversations[0]
		touched.Unread, touched.LastMessageAt, touched.LastInboundAt, touched.UpdatedAt = 1, ptr(at(9)), ptr(at(9)), at(9)
		same(t, "touched", lookup(t, s, func(tx *Tx) (Conversation, bool, error) { return tx.ConversationOf(contact.Seq) }),
			found[Conversation]{touched, true})
		equal(t, "touched comes first", list(ConversationFilter{}, 1, Position{}), []string{"cnv_0"})
		update(t, s, func(tx *Tx) error { return tx.TouchConversation(touched.Seq, at(1)) })
		touched.Unread = 2
		get := func() found[Conversation] {
			return lookup(t, s, func(tx *Tx) (Conversation, bool, error) { return tx.Conversation(1, "cnv_0") })
		}
		same(t, "touched by an old message", get(),
			found[Conversation]{touched, true})

		touched.Status, touched.AssignedTo, touched.Unread, touched.UpdatedAt = ConversationResolved, ptr("usr_2"), 0, at(11)
		update(t, s, func(tx *Tx) error { return tx.UpdateConversation(touched) })
		same(t, "changed", get(), found[Conversation]{touched, true})
		update(t, s, func(tx *Tx) error { return tx.TouchConversation(touched.Seq, at(12)) })
		touched.Status, touched.Unread = ConversationOpen, 1
		touched.LastMessageAt, touched.LastInboundAt, touched.UpdatedAt = ptr(at(12)), ptr(at(12)), at(12)
		same(t, "opened again by a message", get(), found[Conversation]{touched, true})
		same(t, "another's", lookup(t, s, func(tx *Tx) (Conversation, bool, error) { return tx.Conversation(1, "cnv_4") }),
			found[Conversation]{})
	})
}

func TestAnswersAndValues(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		a := Answer{Org: 1, Key: "k", Fingerprint: [32]byte{1}, Status: 201, Header: map[string]string{"X-Request-Id": "req_1"},
			Body: []byte(`{}`), CreatedAt: at(1)}
		late := Answer{Org: 2, Key: "k", Status: 204, CreatedAt: at(100)}
		update(t, s, func(tx *Tx) error { return errors.Join(tx.PutAnswer(a), tx.PutAnswer(late), tx.PutAnswer(a)) })
		get := func(org int64) found[Answer] {
			return lookup(t, s, func(tx *Tx) (Answer, bool, error) { return tx.Answer(org, "k") })
		}
		same(t, "answer", get(1), found[Answer]{a, true})
		same(t, "answer of another", get(2), found[Answer]{late, true})
		same(t, "answer of nobody", get(3), found[Answer]{})
		update(t, s, func(tx *Tx) error {
			n, err := tx.PurgeAnswers(at(100))
			return errors.Join(err, check(n == 1, "purged %d", n))
		})
		same(t, "purged", get(1), found[Answer]{})
		same(t, "kept", get(2), found[Answer]{late, true})

		update(t, s, func(tx *Tx) error { return errors.Join(tx.SetValue("clock", "1"), tx.SetValue("clock", "")) })
		value := func(key string) found[string] {
			return lookup(t, s, func(tx *Tx) (string, bool, error) { return tx.Value(key) })
		}
		same(t, "value", value("clock"), found[string]{"", true})
		same(t, "no value", value("none"), found[string]{})
	})
}

func TestSeen(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		for i, c := range []struct {
			org  int64
			key  string
			want bool
		}{{1, "a", true}, {1, "a", false}, {1, "b", true}, {2, "a", true}, {2, "a", false}} {
			update(t, s, func(tx *Tx) error {
				isNew, err := tx.Seen(c.org, []byte(c.key), at(i))
				return errors.Join(err, check(isNew == c.want, "%d: new is %v", i, isNew))
			})
		}
	})
}

// Times keep their nanoseconds and come back in UTC; no time stays no time.
func TestTimes(t *testing.T) {
	jakarta := time.FixedZone("WIB", 7*3600)
	for _, c := range []struct{ in, want time.Time }{
		{time.Time{}, time.Time{}},
		{start.Add(123456789), start.Add(123456789)},
		{start.In(jakarta), start},
	} {
		if got := instant(nanoseconds(c.in)); got != c.want {
			t.Errorf("%v came back as %v", c.in, got)
		}
	}
}
