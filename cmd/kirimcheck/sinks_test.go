package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
	"github.com/kirimcheck/kirimcheck/target/sqlcount/dbtest"
)

// httpSink needs no sink: the receiver itself is asked.
func httpSink(_ *testing.T, _ string, asked *target.HTTPObserver) sink {
	return sink{observe: target.Observe{HTTP: asked}, record: func(context.Context, target.Effect) error { return nil }}
}

func callbackSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	listen := freePort(t)
	return sink{
		observe: target.Observe{Callback: &target.CallbackObserver{Listen: listen}},
		record: func(_ context.Context, e target.Effect) error {
			return tell("http://"+listen+"/effects", reference.Delivery{Event: e.Event, EventID: e.EventID}, reference.Item{ID: e.ItemID, Status: e.Status})
		},
	}
}

const dsnVar = "RECEIVER_DSN"

// databaseSink has the effects in a table of its own.
func databaseSink(t *testing.T, driver, dsn, values string, observer target.SQLObserver) sink {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	table := "effects_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+table+" (event varchar(50), event_id varchar(200), item_id varchar(200), status varchar(50))"); err != nil {
		t.Fatal(err)
	}
	// A receiver commonly has no status where there is none.
	observer.Query = "SELECT count(*) FROM " + table + " WHERE event = {event} AND event_id = {event_id} AND item_id = {item_id} AND coalesce(status, '') = {status}"
	s := sink{
		observe: target.Observe{SQL: &observer},
		record: func(ctx context.Context, e target.Effect) error {
			_, err := db.ExecContext(ctx, "INSERT INTO "+table+" "+values, e.Event, e.EventID, e.ItemID, sql.NullString{String: e.Status, Valid: e.Status != ""})
			return err
		},
	}
	if observer.DSN.Env != "" {
		s.env, s.secrets = []string{dsnVar + "=" + dsn}, []string{dsn, dbtest.Password, "hush-hush"}
	}
	return s
}

func sqliteSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	path := filepath.Join(t.TempDir(), "receiver.db")
	return databaseSink(t, "sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=synchronous(off)",
		"VALUES (?, ?, ?, ?)", target.SQLObserver{Driver: "sqlite", Path: path})
}

func postgresSink(t *testing.T, server string, _ *target.HTTPObserver) sink {
	return databaseSink(t, "pgx", server, "VALUES ($1, $2, $3, $4)",
		target.SQLObserver{Driver: "postgres", DSN: target.SecretRef{Env: dsnVar}})
}

func mariaSink(t *testing.T, server string, _ *target.HTTPObserver) sink {
	return databaseSink(t, "mysql", server, "VALUES (?, ?, ?, ?)",
		target.SQLObserver{Driver: "mysql", DSN: target.SecretRef{Env: dsnVar}})
}

// fileSink has the effects in a file, a line each. after, where set, is called with the number of the line.
func fileSink(t *testing.T, line func(target.Effect) string, after func(path string, n int) error) (path string, record func(context.Context, target.Effect) error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "receiver.log")
	if err := os.WriteFile(path, []byte("the receiver has started\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	return path, func(_ context.Context, e target.Effect) error {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		n++
		_, err = fmt.Fprintf(f, "%s\nsomething else, about %s\n", line(e), e.ItemID)
		if err := errors.Join(err, f.Close()); err != nil || after == nil {
			return err
		}
		return after(path, n)
	}
}

// bars separate what no id contains.
func bars(e target.Effect) string {
	return strings.Join([]string{e.Event, e.EventID, e.ItemID, e.Status}, "|")
}

// counter is a script that counts lines. The program runs with no PATH to speak of.
const counter = `/usr/bin/awk -v want="%s" '$0 == want { n++ } END { print n + 0 }' receiver.log`

func commandSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	path, record := fileSink(t, bars, nil)
	script := filepath.Join(filepath.Dir(path), "count-effects")
	text := "#!/bin/sh\ncd \"${0%/*}\"\n" + fmt.Sprintf(counter, "$1|$2") + "\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return sink{
		observe: target.Observe{Command: &target.CommandObserver{Run: []string{script, "{event}|{event_id}", "{item_id}|{status}"}}},
		record:  record,
	}
}

func shellSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	path, record := fileSink(t, bars, nil)
	line := "cd '" + filepath.Dir(path) + "' && " +
		fmt.Sprintf(counter, "$KIRIMCHECK_EVENT|$KIRIMCHECK_EVENT_ID|$KIRIMCHECK_ITEM_ID|$KIRIMCHECK_STATUS") + " | /usr/bin/head -n 1"
	return sink{observe: target.Observe{Command: &target.CommandObserver{Run: []string{line}, Shell: true}}, record: record}
}

func patternSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	path, record := fileSink(t, func(e target.Effect) string { return "2026-05-23T10:00:00Z INFO stored " + bars(e) },
		// The log is rotated under the harness's eyes, every few effects: more than come at once, so that no file comes and
		// goes between two looks.
		func(path string, n int) error {
			if n%12 == 0 {
				return os.Rename(path, fmt.Sprintf("%s.%d", path, n))
			}
			return nil
		})
	return sink{observe: target.Observe{Log: &target.LogObserver{
		File: path, Pattern: `INFO stored (?P<event>[^|]*)\|(?P<event_id>[^|]*)\|(?P<item_id>[^|]*)\|(?P<status>[^|]*)$`,
	}}, record: record}
}

func jsonSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	event, eventID, itemID, status := "/effect/event", "/effect/event_id", "/effect/item_id", "/effect/status"
	path, record := fileSink(t, func(e target.Effect) string {
		line, err := json.Marshal(map[string]any{"msg": "stored", "effect": map[string]string{
			"event": e.Event, "event_id": e.EventID, "item_id": e.ItemID, "status": e.Status,
		}})
		if err != nil {
			t.Error(err)
		}
		return `{"msg":"received"}` + "\n" + string(line)
	}, nil)
	return sink{observe: target.Observe{Log: &target.LogObserver{
		File: path, JSON: &target.Fields{Event: &event, EventID: &eventID, ItemID: &itemID, Status: &status}, Where: map[string]string{"/msg": "stored"},
	}}, record: record}
}

func tailSink(t *testing.T, _ string, _ *target.HTTPObserver) sink {
	path, record := fileSink(t, func(e target.Effect) string { return "stored " + bars(e) }, nil)
	// Between the line and its being seen there is a process that others may keep from running.
	return sink{observe: target.Observe{Settle: target.DefaultSettle, Log: &target.LogObserver{
		// From the first line on, so that nothing hangs on when tail has started.
		Command: []string{"/usr/bin/tail", "-n", "+1", "-F", path}, Warmup: time.Millisecond,
		Pattern: `^stored (?P<event>[^|]*)\|(?P<event_id>[^|]*)\|(?P<item_id>[^|]*)\|(?P<status>[^|]*)$`,
	}}, record: record}
}
