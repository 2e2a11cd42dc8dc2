package store

import "slices"

// query is the text of a list, which its filter extends. The texts are few, so that each is prepared once.
type query struct {
	text string
	args []any
}

// and returns a query with one more condition.
func (q query) and(condition string, args ...any) query {
	return query{text: q.text + " AND " + condition, args: slices.Concat(q.args, args)}
}

// list reads the beginning of a query's list; order ends with its LIMIT.
func list[T any](tx *Tx, q query, order string, limit int, read func(row) (T, error)) ([]T, error) {
	return collect(tx, q.text+order, read, append(slices.Clip(q.args), limit)...)
}

// listAfter reads a page that begins after a record: ties are the records of the same time that follow it by their
// number, and later those of other times. These are two queries, because SQLite uses an index for both, but compares
// (time, number) with a pair by the time alone, and thousands of records may have the same: all of a fan-out, and all
// that happens while a virtual clock stands still.
func listAfter[T any](tx *Tx, ties, later query, order string, limit int, read func(row) (T, error)) ([]T, error) {
	page, err := list(tx, ties, order, limit, read)
	if err != nil || len(page) >= limit {
		return page, err
	}
	rest, err := list(tx, later, order, limit-len(page), read)
	return append(page, rest...), err
}
