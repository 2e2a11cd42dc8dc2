package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schema makes the tables of an empty database.
//
//go:embed schema.sql
var schema string

const (
	// schemaVersion is what PRAGMA user_version says of a database that this code can use. It grows with schema.sql.
	schemaVersion = 1
	// applicationID marks the file as the emitter's (PRAGMA application_id): "kchk".
	applicationID = 0x6b63686b
	// readers is how many Views of a file run at the same time.
	readers = 4
	// busyTimeout is how long a statement waits for a lock that another program (a backup, the sqlite3 shell) holds.
	busyTimeout = "busy_timeout(5000)"
)

// Store keeps records in one SQLite database. Its methods may be called from several goroutines.
type Store struct {
	// path is empty in memory.
	path    string
	onError func(error)
	// lock is held while the file is open; nil in memory.
	lock *conn

	// writer holds the one connection that writes while nobody uses it, viewers those that read. In memory there is
	// but one connection, and both are the same channel.
	writer, viewers chan *conn

	queue     chan *job
	committed *line
	written   sync.WaitGroup
	// closing guards queue against being written to once it is closed.
	closing  sync.RWMutex
	closed   bool
	gone     chan struct{}
	closeErr error
	once     sync.Once

	// groups and jobs count transactions and the functions in them.
	groups, jobs atomic.Int64
}

// Option changes how a Store works.
type Option func(*Store)

// OnError says who is told that something given to Record was not written. Without it, slog's default logger is.
func OnError(fn func(error)) Option { return func(s *Store) { s.onError = fn } }

// Open opens the database at path and creates it where there is none, readable by its owner alone because it holds
// secrets. An empty path keeps everything in memory until Close. The error names the path and says in a line what is
// wrong with it: in use by another process, no SQLite database, another program's, or written by a newer version.
func Open(ctx context.Context, path string, options ...Option) (*Store, error) {
	s := &Store{
		onError: func(err error) { slog.Error("a record was not stored", "error", err) },
		queue:   make(chan *job, queueLength), committed: newLine(), gone: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	var err error
	if path == "" {
		err = s.openMemory(ctx)
	} else {
		err = s.openFile(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	s.written.Go(s.write)
	return s, nil
}

func (s *Store) openMemory(ctx context.Context) error {
	c, err := connect(ctx, ":memory:")
	if err != nil {
		return fmt.Errorf("store: cannot open a database in memory: %w", err)
	}
	if err := prepare(ctx, c, "in memory"); err != nil {
		return errors.Join(err, c.close())
	}
	s.writer = make(chan *conn, 1)
	s.viewers = s.writer
	s.writer <- c
	return nil
}

func (s *Store) openFile(ctx context.Context, path string) (err error) {
	if s.path, err = resolve(path); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	// The lock comes first: a process that opens and closes a file loses the locks that it has on it (POSIX), so nothing
	// may touch a database that this process has open already.
	if s.lock, err = lockFile(ctx, s.path); err != nil {
		return err
	}
	var opened []*conn
	defer func() {
		if err != nil {
			for _, c := range opened {
				err = errors.Join(err, c.close())
			}
			err = errors.Join(err, s.lock.close())
		}
	}()
	if err := create(s.path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// A commit syncs with fdatasync where there is one: as durable as fsync, without the write of the file's times.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return fmt.Errorf("store: %s: %w", s.path, err)
	}
	writer, err := connect(ctx, dsn(s.path, busyTimeout))
	if err != nil {
		return describe(s.path, err)
	}
	opened = append(opened, writer)
	if err := prepare(ctx, writer, s.path); err != nil {
		return err
	}
	if err := configure(ctx, writer); err != nil {
		return describe(s.path, err)
	}
	s.writer, s.viewers = make(chan *conn, 1), make(chan *conn, readers)
	for range readers {
		c, err := connect(ctx, dsn(s.path, busyTimeout, "query_only(1)", "temp_store(MEMORY)"))
		if err != nil {
			return describe(s.path, err)
		}
		opened = append(opened, c)
		s.viewers <- c
	}
	s.writer <- writer
	return nil
}

// prepare checks what database it is, and makes the tables of an empty one. name is how errors call it.
func prepare(ctx context.Context, c *conn, name string) error {
	var version, application, objects int64
	for _, q := range []struct {
		text string
		into *int64
	}{
		{"PRAGMA user_version", &version},
		{"PRAGMA application_id", &application},
		{"SELECT count(*) FROM sqlite_schema", &objects},
	} {
		if err := c.each(ctx, q.text, func(r row) error { *q.into = r.int(0); return nil }); err != nil {
			return describe(name, err)
		}
	}
	switch {
	case objects > 0 && application != applicationID:
		return fmt.Errorf("store: %s is another program's SQLite database", name)
	case version > schemaVersion:
		return fmt.Errorf("store: %s was written by a newer kirimcheck (schema version %d, this one knows %d)",
			name, version, schemaVersion)
	case version == schemaVersion:
		return nil
	}
	// Small pages suit savepoints, which copy every page before it is changed.
	text := fmt.Sprintf(`PRAGMA page_size = 4096; BEGIN IMMEDIATE; %s
		PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT`, schema, applicationID, schemaVersion)
	if err := c.script(ctx, text); err != nil {
		return describe(name, err)
	}
	return nil
}

// configure sets what a connection that writes to a file needs. In WAL mode with synchronous=FULL, each commit is synced
// before it returns, so that it outlives the process and the power. Checkpoints copy the log into the database and
// sync it; at every 16,384 pages (64 MiB) they are rare enough not to matter.
func configure(ctx context.Context, c *conn) error {
	var mode string
	if err := c.each(ctx, "PRAGMA journal_mode = WAL", func(r row) error { mode = r.text(0); return nil }); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system takes no write-ahead log (journal mode is %s)", mode)
	}
	return c.script(ctx, `PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;
		PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 134217728`)
}

// lockFile holds path.lock until the connection is closed or the process ends, however it ends. SQLite's own lock on the
// database cannot do this, because it would keep out the connections that read.
func lockFile(ctx context.Context, path string) (*conn, error) {
	c, err := connect(ctx, dsn(path+".lock", "busy_timeout(0)", "journal_mode(MEMORY)"))
	if err == nil {
		if err = c.script(ctx, "BEGIN EXCLUSIVE"); err == nil {
			return c, nil
		}
		err = errors.Join(err, c.close())
	}
	switch code(err) {
	case sqlite3.SQLITE_BUSY:
		return nil, fmt.Errorf("store: %s is in use by another process", path)
	case sqlite3.SQLITE_CANTOPEN:
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("store: %s: %w", path, err)
		}
		return nil, fmt.Errorf("store: cannot create %s.lock: may this user write to the directory?", path)
	}
	return nil, describe(path+".lock", err)
}

// create makes an empty file that only its owner may read. A file that is there already keeps its mode: it may be
// shared on purpose.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory, not a database", path)
	}
	return err
}

// resolve returns the one path of a file, so that two names of it are locked as one.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// dsn is the driver's name for a file, with PRAGMAs to run on every connection.
func dsn(path string, pragmas ...string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows path begins with its drive
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{"_pragma": pragmas, "_error_rc": {"1"}}.Encode()}
	return u.String()
}

// code returns SQLite's primary result code, or 0 for an error that is not SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// describe says in a line what is wrong with the database of this name.
func describe(name string, err error) error {
	switch code(err) {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("store: %s is not a SQLite database", name)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("store: %s is locked by another program", name)
	}
	return fmt.Errorf("store: %s: %w", name, err)
}
