package sqlcount

import (
	"slices"
	"strings"
	"testing"
)

var known = []string{"event", "event_id", "item_id", "status"}

func TestPlaceholdersBecomeParameters(t *testing.T) {
	for name, c := range map[string]struct {
		driver      Driver
		query, text string
		args        []string
	}{
		"postgres":                   {Postgres, "SELECT 1 WHERE {event_id} = {item_id}", "SELECT 1 WHERE $1 = $2", []string{"event_id", "item_id"}},
		"postgres, one value twice":  {Postgres, "SELECT {status}, {event}, {status}", "SELECT $1, $2, $1", []string{"status", "event"}},
		"mysql, one value twice":     {MySQL, "SELECT {status}, {event}, {status}", "SELECT ?, ?, ?", []string{"status", "event", "status"}},
		"sqlite":                     {SQLite, "select {event_id}", "select ?", []string{"event_id"}},
		"blanks and a semicolon":     {SQLite, "\n select {event_id} ; \n", "select ?", []string{"event_id"}},
		"a text with a brace":        {Postgres, `SELECT '{"a": {}}'::jsonb, {event_id}`, `SELECT '{"a": {}}'::jsonb, $1`, []string{"event_id"}},
		"a text with another's name": {Postgres, `SELECT '{name}', {event_id}`, `SELECT '{name}', $1`, []string{"event_id"}},
		"a doubled quote":            {SQLite, `SELECT 'it''s', {event_id}`, `SELECT 'it''s', ?`, []string{"event_id"}},
		"a backslash":                {SQLite, `SELECT 'a\', {event_id}`, `SELECT 'a\', ?`, []string{"event_id"}},
		"a backslash in MySQL":       {MySQL, `SELECT 'a\'b', {event_id}`, `SELECT 'a\'b', ?`, []string{"event_id"}},
		"a backslash in E''":         {Postgres, `SELECT E'a\'b', {event_id}`, `SELECT E'a\'b', $1`, []string{"event_id"}},
		"a dollar-quoted text":       {Postgres, `SELECT $a$ ; {x} $a$, {event_id}`, `SELECT $a$ ; {x} $a$, $1`, []string{"event_id"}},
		"a name in backticks":        {MySQL, "SELECT `a?b`, {event_id}", "SELECT `a?b`, ?", []string{"event_id"}},
		"a name in brackets":         {SQLite, "SELECT [a?b], {event_id}", "SELECT [a?b], ?", []string{"event_id"}},
		"an array in PostgreSQL":     {Postgres, "SELECT (ARRAY[1])[{event_id}::int]", "SELECT (ARRAY[1])[$1::int]", []string{"event_id"}},
		"comments":                   {SQLite, "/* {x} ; ? */ SELECT {event_id} -- it's {y}; ?", "/* {x} ; ? */ SELECT ? -- it's {y}; ?", []string{"event_id"}},
		"a comment of MySQL's":       {MySQL, "SELECT {event_id} # it's {y}; ?", "SELECT ? # it's {y}; ?", []string{"event_id"}},
		"an operator of PostgreSQL":  {Postgres, `SELECT data ? 'a' AND {event_id} = 'x'`, `SELECT data ? 'a' AND $1 = 'x'`, []string{"event_id"}},
		"a parenthesis first":        {SQLite, "(SELECT {event_id})", "(SELECT ?)", []string{"event_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(c.driver, c.query, nil, known)
			if err != nil {
				t.Fatal(err)
			}
			if s.text != c.text || !slices.Equal(s.args, c.args) {
				t.Errorf("%s %q, want %s %q", s.text, s.args, c.text, c.args)
			}
		})
	}
}

func TestParametersOfTheDriversFormAreNamedByArgs(t *testing.T) {
	s, err := Parse(Postgres, "SELECT '{event_id}', $1, $2;", []string{"item_id", "event_id"}, known)
	if err != nil || s.text != "SELECT '{event_id}', $1, $2" || !slices.Equal(s.args, []string{"item_id", "event_id"}) {
		t.Errorf("%v, %v", s, err)
	}
	s, err = Parse(MySQL, "SELECT ?, ?", []string{"item_id", "item_id"}, known)
	if err != nil || !slices.Equal(s.args, []string{"item_id", "item_id"}) || !slices.Equal(s.Names(), []string{"item_id"}) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestQueryThatCannotBeMeantIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		driver Driver
		query  string
		args   []string
		want   string
	}{
		"nothing":                     {SQLite, " \n", nil, "is missing; write one such as SELECT count(*)"},
		"a comment alone":             {SQLite, "-- SELECT 1", nil, "is missing"},
		"an unknown value":            {SQLite, "SELECT {id}", nil, "unknown placeholder {id}; there are {event}, {event_id}, {item_id}, {status}"},
		"a value in quotes":           {SQLite, "SELECT 1 WHERE id = '{event_id}'", nil, "{event_id} stands inside quotes"},
		"a value in double quotes":    {MySQL, `SELECT 1 WHERE id = "{event_id}"`, nil, "{event_id} stands inside quotes"},
		"part of a text":              {Postgres, "SELECT 1 WHERE id LIKE '%{item_id}%'", nil, "{item_id} stands inside quotes"},
		"two statements":              {SQLite, "SELECT {event_id}; DELETE FROM effects", nil, "a second statement follows the semicolon"},
		"one that writes":             {SQLite, "DELETE FROM effects WHERE id = {event_id}", nil, "it does not begin with SELECT, WITH, VALUES, TABLE"},
		"one that writes, commented":  {SQLite, "/* SELECT */ DELETE FROM effects WHERE id = {event_id}", nil, "it does not begin with"},
		"a setting":                   {Postgres, "SET transaction_read_only = off", nil, "it does not begin with"},
		"a pragma":                    {SQLite, "PRAGMA query_only = 0", nil, "it does not begin with"},
		"a parameter without a name":  {SQLite, "SELECT ?", nil, "parameters of the driver's form and no args"},
		"a dollar without a name":     {Postgres, "SELECT $1", nil, "parameters of the driver's form and no args"},
		"an unknown value in args":    {Postgres, "SELECT $1", []string{"event_id", "id"}, `args.1: there is no value "id"; there are event, event_id`},
		"a query of braces":           {Postgres, "{event_id}", nil, "it does not begin with"},
		"a semicolon in a text first": {SQLite, "SELECT ';', {event_id}; SELECT 2", nil, "a second statement"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(c.driver, c.query, c.args, known)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, error %v, want %q", s, err, c.want)
			}
		})
	}
}

// Whatever stands in a query, each value that was taken out of it has its parameter.
func FuzzParse(f *testing.F) {
	for _, query := range []string{"SELECT {event_id}", "SELECT '{event_id}'", "SELECT E'\\", "SELECT $$", "/*", "--\n;", "{", "SELECT \xff{event}"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, driver := range Drivers() {
			s, err := Parse(driver, query, nil, known)
			if err != nil {
				continue
			}
			if driver != Postgres && strings.Count(s.text, "?") < len(s.args) {
				t.Errorf("%q: %d parameters for %q", s.text, len(s.args), s.args)
			}
		}
	})
}
