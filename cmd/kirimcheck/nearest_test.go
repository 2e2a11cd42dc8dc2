package main

import (
	"slices"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"no-verify", "no-verfy", 1}, {"ab", "ba", 2}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearestFindsWhatWasMeant(t *testing.T) {
	names := []string{"no-verify", "no-tolerance", "slow-sync-work", "bad-signature-200", "dedupe-race", "hangs", "no-verify"}
	for word, want := range map[string]string{"noverify": "no-verify", "signature": "bad-signature-200", "no-tolerence": "no-tolerance", "hang": "hangs"} {
		got := nearest(word, names)
		if len(got) != maxNearest || got[0] != want {
			t.Errorf("%q: %v, want %s first of %d", word, got, want, maxNearest)
		}
	}
	if got := nearest("x", []string{"b", "a"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("of two: %v", got)
	}
	if got := nearest("x", nil); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}
