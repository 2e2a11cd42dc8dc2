package relay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// errCursor is a place that no list returned.
var errCursor = Invalid("invalid_cursor", "cursor", "the cursor is not one that this list returned")

// seq is the row number behind which the page begins; 0 is the beginning.
func (p Page) seq() (int64, error) {
	if p.After == "" {
		return 0, nil
	}
	seq, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil || seq < 1 {
		return 0, errCursor
	}
	return seq, nil
}

// position is the place in a list of conversations behind which the page begins.
func (p Page) position() (at store.Position, err error) {
	if p.After == "" {
		return at, nil
	}
	first, second, _ := strings.Cut(p.After, ".")
	nanoseconds, errNanoseconds := strconv.ParseInt(first, 10, 64)
	seq, errSeq := strconv.ParseInt(second, 10, 64)
	if errNanoseconds != nil || errSeq != nil || seq < 1 {
		return at, errCursor
	}
	at.Seq = seq
	if nanoseconds != 0 {
		at.At = time.Unix(0, nanoseconds).UTC()
	}
	return at, nil
}

// place is what position reads.
func place(at store.Position) string {
	if at.At.IsZero() {
		return fmt.Sprintf("0.%d", at.Seq)
	}
	return fmt.Sprintf("%d.%d", at.At.UnixNano(), at.Seq)
}

// cut takes the one item too many off that says that there is more, and returns the place behind the rest.
func cut[T any](items []T, limit int, seq func(T) int64) (rest []T, next string) {
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	return items, strconv.FormatInt(seq(items[limit-1]), 10)
}
