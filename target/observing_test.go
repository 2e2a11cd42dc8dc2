package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// observing reads a target file with this observe section in a folder of its own.
func observing(t *testing.T, section string) (*Target, error) {
	t.Helper()
	t.Setenv("KIRIM_TEST_SECRET", hush)
	t.Setenv("KIRIM_TEST_DSN", "postgres://u:"+hush+"@127.0.0.1:1/x?sslmode=disable")
	path := filepath.Join(t.TempDir(), "target.yaml")
	file := "url: http://127.0.0.1:1/\nsecret: {env: KIRIM_TEST_SECRET}\nobserve:\n" + section
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadFile(path)
}

// watching resolves a target and returns its observer. files are written beside the target file.
func watching(t *testing.T, section string, files map[string]string) (obs Observer, dir string) {
	t.Helper()
	tgt, err := observing(t, section)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(tgt.dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	obs, closeObserver, err := NewObserver(t.Context(), tgt.Observe, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeObserver(); err != nil {
			t.Error(err)
		}
	})
	return obs, tgt.dir
}

// add adds text to a file, and makes it where there is none.
func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.WriteString(text); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// Each wrong set-up is one line with the file, the line and the key.
func TestAdapterThatCouldNotWorkIsRefusedWithItsPlace(t *testing.T) {
	const (
		query    = "\n    query: SELECT count(*) FROM e WHERE id = {event_id}"
		postgres = "  sql:\n    driver: postgres\n    dsn: {env: KIRIM_TEST_DSN}"
		sqlite   = "  sql:\n    driver: sqlite\n    path: e.db"
		file     = "  log:\n    file: x.log"
		pattern  = "\n    pattern: '(?P<event_id>.)'"
	)
	for name, c := range map[string]struct {
		section string
		want    []string
	}{
		"two adapters":   {sqlite + query + "\n  command: {run: [x]}", []string{":3: observe: sql and command are both set; keep one"}},
		"three adapters": {sqlite + query + "\n  command: {run: [x]}\n  http: {url: x}", []string{":3: observe: http and sql and command are all set"}},
		"an unknown key": {"  sql: {drivr: x}", []string{":4: observe.sql: unknown key \"drivr\"", "driver, dsn, path, query, args"}},

		"sql, no driver":            {"  sql: {path: x}", []string{":4: observe.sql.driver: there is no driver \"\"; there are postgres, mysql and sqlite"}},
		"sql, an unknown driver":    {"  sql:\n    driver: oracle", []string{":5: observe.sql.driver: there is no driver \"oracle\""}},
		"sql, no query":             {postgres, []string{":4: observe.sql.query: is missing; write one such as"}},
		"sql, nothing told apart":   {postgres + "\n    query: SELECT count(*) FROM e", []string{":7: observe.sql.query: neither {event_id} nor {item_id}"}},
		"sql, a value in quotes":    {postgres + "\n    query: SELECT 1 WHERE id = '{event_id}'", []string{":7: observe.sql.query: {event_id} stands inside quotes"}},
		"sql, an unknown value":     {postgres + "\n    query: SELECT {id}", []string{":7: observe.sql.query: unknown placeholder {id}"}},
		"sql, a query that writes":  {postgres + "\n    query: DELETE FROM e WHERE id = {event_id}", []string{":7: observe.sql.query: it does not begin with SELECT"}},
		"sql, unknown args":         {postgres + "\n    query: SELECT $1\n    args: [id]", []string{":8: observe.sql.args: at place 0: there is no value \"id\""}},
		"sql, no DSN":               {"  sql:\n    driver: mysql" + query, []string{":4: observe.sql.dsn: is missing; write {env: NAME}"}},
		"sql, a DSN in the file":    {"  sql:\n    driver: mysql\n    dsn: u:" + hush + "@tcp(x)/y" + query, []string{":6: observe.sql.dsn: ", "stands where a mapping with the keys env, file is expected"}},
		"sql, a variable not set":   {"  sql:\n    driver: mysql\n    dsn: {env: NOT_SET_BY_ANYBODY}" + query, []string{":6: observe.sql.dsn: the environment variable NOT_SET_BY_ANYBODY is not set"}},
		"sql, another's DSN":        {"  sql:\n    driver: mysql\n    dsn: {env: KIRIM_TEST_DSN}" + query, []string{":6: observe.sql.dsn: it is no DSN of MySQL"}},
		"sql, a path for a server":  {postgres + "\n    path: x" + query, []string{":7: observe.sql.path: belongs to the driver sqlite"}},
		"sql, no path":              {"  sql:\n    driver: sqlite" + query, []string{":4: observe.sql.path: is missing"}},
		"sql, two places":           {sqlite + "\n    dsn: {env: KIRIM_TEST_DSN}" + query, []string{":6: observe.sql.path: both path and dsn are set"}},
		"sql, a database in memory": {"  sql:\n    driver: sqlite\n    path: ':memory:'" + query, []string{"observe.sql.path: ", "belongs to one process alone"}},

		"command, nothing":               {"  command: {timeout: 1s}", []string{":4: observe.command.run: is missing; write a program and its arguments"}},
		"command, not on the PATH":       {"  command: {run: [kirimcheck-absent, '{event_id}']}", []string{":4: observe.command.run: there is no program kirimcheck-absent on the PATH"}},
		"command, not beside the file":   {"  command: {run: [./absent, '{event_id}']}", []string{"observe.command.run: there is no program ./absent in ", ", the folder of the target file"}},
		"command, not executable":        {"  command: {run: [./target.yaml, '{event_id}']}", []string{"observe.command.run: ", "target.yaml may not be executed; chmod +x allows it"}},
		"command, a folder":              {"  command: {run: [/tmp, '{event_id}']}", []string{"observe.command.run: /tmp is a folder, not a program"}},
		"command, an unknown value":      {"  command: {run: ['true', '--id={id}']}", []string{"observe.command.run: unknown placeholder {id}; there are {event}, {event_id}"}},
		"command, nothing told apart":    {"  command: {run: ['true', '{status}']}", []string{"observe.command.run: neither {event_id} nor {item_id}"}},
		"command, a value for a program": {"  command: {run: ['{event_id}']}", []string{"observe.command.run: the program itself is no place for a value"}},
		"command, a negative time":       {"  command:\n    run: ['true', '{event_id}']\n    timeout: -1s", []string{":6: observe.command.timeout: -1s is negative"}},
		"command, a line in pieces":      {"  command: {shell: true, run: [grep, -c, x]}", []string{"observe.command.run: with shell: true it is one line"}},
		"command, a value in a line":     {"  command: {shell: true, run: ['grep -c {event_id} x']}", []string{"observe.command.run: values never become a part of a shell line; write \"$KIRIMCHECK_EVENT_ID\" for {event_id}"}},
		"command, a line by hand":        {"  command: {run: [/bin/sh, -ec, 'grep -c {item_id} x']}", []string{"observe.command.run: values never become a part of a shell line; write \"$KIRIMCHECK_ITEM_ID\" for {item_id}"}},
		"command, a line about nothing":  {"  command: {shell: true, run: ['grep -c $KIRIMCHECK_EVENT x']}", []string{"observe.command.run: neither {event_id} nor {item_id}"}},

		"log, nothing to follow":      {"  log:" + pattern, []string{":4: observe.log.file: is missing; write the path of a log file, or command"}},
		"log, two to follow":          {file + "\n    command: [tail]" + pattern, []string{":5: observe.log.file: both file and command are set"}},
		"log, a warmup for a file":    {file + "\n    warmup: 1s" + pattern, []string{"observe.log.file: shell and warmup belong to command"}},
		"log, no program":             {"  log:\n    command: [kirimcheck-absent]" + pattern, []string{":5: observe.log.command: there is no program kirimcheck-absent"}},
		"log, a line in pieces":       {"  log:\n    command: [tail, x]\n    shell: true" + pattern, []string{":5: observe.log.command: with shell: true it is one line"}},
		"log, nothing to look for":    {file, []string{":4: observe.log.pattern: is missing; write one such as"}},
		"log, two ways to look":       {file + pattern + "\n    json: {}", []string{":6: observe.log.pattern: both pattern and json are set"}},
		"log, not a pattern":          {file + "\n    pattern: '(?P<event_id>.'", []string{":6: observe.log.pattern: missing closing )", "RE2"}},
		"log, an unknown group":       {file + "\n    pattern: '(?P<id>.)'", []string{":6: observe.log.pattern: there is no value for a group \"id\"; there are event, event_id, item_id, status"}},
		"log, no group that tells":    {file + "\n    pattern: '(?P<event>.)'", []string{":6: observe.log.pattern: it has neither a group (?P<event_id>…)"}},
		"log, a group twice":          {file + "\n    pattern: '(?P<event_id>.)|(?P<event_id>..)'", []string{":6: observe.log.pattern: ", "event_id"}},
		"log, where for a pattern":    {file + pattern + "\n    where: {/msg: x}", []string{":7: observe.log.where: belongs to json"}},
		"log, where is no pointer":    {file + "\n    json: {}\n    where: {msg: x}", []string{":7: observe.log.where: \"msg\" is not a JSON pointer"}},
		"log, a member is no pointer": {file + "\n    json: {event_id: id}", []string{":6: observe.log.json: \"id\" is not a JSON pointer"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := observing(t, c.section+"\n")
			isError(t, err, append(c.want, "target.yaml:")...)
		})
	}
}

func TestAdapterTellsWhatItIsAskedBy(t *testing.T) {
	for section, want := range map[string]Tells{
		"  sql: {driver: sqlite, path: e.db, query: 'SELECT {event_id}'}":                    {EventID: true},
		"  sql: {driver: sqlite, path: e.db, query: 'SELECT ?, ?', args: [item_id, status]}": {Item: true, Status: true},
		"  command: {run: ['true', 'x{event_id}', '{status}']}":                              {EventID: true, Status: true},
		"  command: {run: ['true']}":                                                         {EventID: true, Item: true, Status: true},
		"  command: {shell: true, run: ['x \"$KIRIMCHECK_ITEM_ID\"']}":                       {Item: true},
		"  command: {shell: true, run: ['x ${KIRIMCHECK_EVENT_ID}_ $KIRIMCHECK_STATUS']}":    {EventID: true, Status: true},
		"  command: {run: [sh, -c, 'x \"$1\"', sh, '{event_id}']}":                           {EventID: true},
		"  command: {shell: true, run: ['./count-effects']}":                                 {EventID: true, Item: true, Status: true},
		"  log: {file: x.log, pattern: '(?P<item_id>.)(?P<event>.)'}":                        {Item: true},
		"  log: {file: x.log, json: {}}":                                                     {EventID: true, Item: true, Status: true},
		"  log: {file: x.log, json: {event_id: '', status: ''}}":                             {Item: true},
	} {
		obs, _ := watching(t, section+"\n", nil)
		if obs.Tells() != want {
			t.Errorf("%s: %+v, want %+v", strings.TrimSpace(section), obs.Tells(), want)
		}
	}
}
