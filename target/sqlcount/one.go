package sqlcount

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// one makes the query and returns the one number of its one row.
func one(ctx context.Context, tx *sql.Tx, s Statement, values map[string]string) (n int, err error) {
	args := make([]any, len(s.args))
	for i, name := range s.args {
		args[i] = values[name]
	}
	rows, err := tx.QueryContext(ctx, s.text, args...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	if len(columns) != 1 {
		return 0, fmt.Errorf("a row has %d columns; exactly one is expected, such as count(*)", len(columns))
	}
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return 0, err
		}
		return 0, errors.New("there is no row; exactly one is expected, so write count(*)")
	}
	var value any
	if err := rows.Scan(&value); err != nil {
		return 0, err
	}
	if rows.Next() {
		return 0, errors.New("there is more than one row; exactly one is expected, so write count(*) without GROUP BY")
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	return whole(value, columns[0].DatabaseTypeName())
}

// numeric are the types whose values drivers hand over as text.
var numeric = []string{"NUMERIC", "DECIMAL", "INT", "UNSIGNED INT", "BIGINT", "UNSIGNED BIGINT"}

// whole takes the whole number that is 0 or more out of a column's value.
func whole(value any, columnType string) (int, error) {
	switch v := value.(type) {
	case nil:
		return 0, errors.New("it answered NULL; a number is expected, so write count(*), or coalesce(…, 0)")
	case int64:
		if v < 0 {
			return 0, fmt.Errorf("it answered %d, which is not a count", v)
		}
		return int(v), nil
	case float64:
		if v < 0 || v != math.Trunc(v) || v > math.MaxInt32 {
			return 0, fmt.Errorf("it answered %v, which is not a count", v)
		}
		return int(v), nil
	case []byte:
		return digits(string(v), columnType)
	case string:
		return digits(v, columnType)
	default:
		return 0, fmt.Errorf("it answered a %s; a number is expected", strings.ToLower(columnType))
	}
}

// digits reads a number that came as text. Text that only looks like a number is none.
func digits(text, columnType string) (int, error) {
	if !slices.Contains(numeric, strings.ToUpper(columnType)) {
		return 0, fmt.Errorf("it answered a text; a number is expected, such as count(*)")
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("it answered %s, which is not a count", text)
	}
	return n, nil
}
