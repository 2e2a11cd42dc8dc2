package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// fill makes n contacts and returns their ids, the newest first.
func (w *world) fill(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, w.must(201, "POST", w.scoped("/contacts"), fmt.Sprintf(`{"phone_number":"+62812345678%02d"}`, i)).id(t))
	}
	slices.Reverse(ids)
	return ids
}

func (a answer) ids(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, item := range a.data.([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return ids
}

func TestPagesShowEverythingOnce(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		all := w.fill(t, 30)
		for _, limit := range []int{1, 7, 10, 29, 30, 100} {
			var got []string
			path := fmt.Sprintf("%s?limit=%d", w.scoped("/contacts"), limit)
			for at := path; at != ""; {
				a := w.must(200, "GET", at, "")
				got = append(got, a.ids(t)...)
				if len(got) > len(all) {
					t.Fatalf("limit %d: more than there are", limit)
				}
				at = ""
				if a.list.HasMore {
					at = path + "&cursor=" + *a.list.NextCursor
				}
			}
			if !slices.Equal(got, all) {
				t.Errorf("limit %d: got %d of %d items", limit, len(got), len(all))
			}
		}
		if got := w.must(200, "GET", w.scoped("/contacts"), "").ids(t); !slices.Equal(got, all[:25]) {
			t.Errorf("without a limit: %d items", len(got))
		}
	})
}

func TestALimitOutsideItsBoundsIsRefused(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	for _, limit := range []string{"0", "-1", "101", "x", "", "1.0", "+5", "0x10", "%31%30%31", "99999999999999999999", "5&limit=5"} {
		for _, path := range []string{"/contacts", "/conversations", "/webhook_deliveries", "/webhook_subscriptions"} {
			w.refuse(400, "invalid_request_error", "invalid_limit", "limit", "GET", path+"?limit="+limit, "")
		}
	}
}

func TestACursorBelongsToItsListFiltersAndOrganisation(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	w.fill(t, 3)
	w.must(201, "POST", "/webhook_subscriptions", example)
	w.must(201, "POST", "/webhook_subscriptions", example)
	const list = "/contacts?search=b%20c"
	cursor := *w.must(200, "GET", list+"&limit=1", "").list.NextCursor

	w.must(200, "GET", list+"&limit=1&cursor="+cursor, "")
	w.must(200, "GET", "/contacts?cursor="+cursor+"&limit=2&search=b+c", "")
	flipped := []byte(cursor)
	flipped[len(flipped)/2] ^= 1
	for _, path := range []string{
		"/contacts?cursor=" + cursor, list + "&phone=%2B6281234567800&cursor=" + cursor, "/contacts?search=c&cursor=" + cursor,
		"/conversations?cursor=" + cursor, "/webhook_subscriptions?cursor=" + cursor,
		list + "&cursor=", list + "&cursor=abc", list + "&cursor=" + cursor + "A", list + "&cursor=" + cursor[1:],
		list + "&cursor=" + cursor + "=",
		list + "&cursor=" + cursor[:len(cursor)-1], list + "&cursor=" + url.QueryEscape(string(flipped)),
		list + "&cursor=" + strings.Repeat("A", 600),
		list + "&cursor=" + cursor + "&cursor=" + cursor, list + "&cursor=%00",
		list + "&cursor=" + cursor[:9] + "%0A" + cursor[9:],
	} {
		w.refuse(400, "invalid_request_error", "invalid_cursor", "cursor", "GET", path, "")
	}
	w.refuse(400, "invalid_request_error", "invalid_cursor", "cursor", "GET", list+"&cursor="+cursor, "",
		header("Authorization", "Bearer "+otherKey))
}

func TestABadFilterIsRefused(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		for path, want := range map[string]string{
			"/webhook_deliveries?subscription_id=wbs_1":                       "invalid_field_value subscription_id",
			"/webhook_deliveries?status=ok":                                   "invalid_field_value status",
			"/webhook_deliveries?status=":                                     "invalid_field_value status",
			"/webhook_deliveries?status=dead&status=dead":                     "invalid_field_value status",
			"/webhook_deliveries?event_type=" + strings.Repeat("x", 65):       "invalid_field_value event_type",
			"/webhook_deliveries?event_id=":                                   "invalid_field_value event_id",
			"/webhook_deliveries?created_after=yesterday":                     "invalid_field_value created_after",
			"/webhook_deliveries?created_after=2026-05-23T1:00:00.5Z":         "invalid_field_value created_after",
			"/webhook_deliveries?created_before=2026-05-23T10:00:00%2B25:00":  "invalid_field_value created_before",
			"/webhook_deliveries?subscription=wbs_01HXYZABCDEFGHJKMNPQRSTVWX": "invalid_field_value subscription",
			"/webhook_subscriptions?status=active":                            "invalid_field_value status",
			"/webhook_deliveries?status=%zz":                                  "invalid_field_value ",
			w.scoped("/contacts?phone=0812"):                                  "invalid_phone_number phone",
			w.scoped("/contacts?phone=+6281234567890"):                        "invalid_phone_number phone",
			w.scoped("/contacts?search="):                                     "invalid_field_value search",
			w.scoped("/contacts?search=" + strings.Repeat("x", 201)):          "invalid_field_value search",
			w.scoped("/conversations?status=closed"):                          "invalid_field_value status",
			w.scoped("/conversations?contact_id=cnv" + unknown):               "invalid_field_value contact_id",
		} {
			code, param, _ := strings.Cut(want, " ")
			w.refuse(400, "invalid_request_error", code, param, "GET", path, "")
		}
	})
}
