package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
)

// at is so many seconds after start.
func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// open opens a store that must not lose anything, and closes it at the end of the test.
func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(ctx, path, OnError(func(err error) { t.Errorf("lost: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// everywhere runs a test in memory and on a file.
func everywhere(t *testing.T, run func(t *testing.T, s *Store)) {
	t.Run("memory", func(t *testing.T) { run(t, open(t, "")) })
	t.Run("file", func(t *testing.T) { run(t, open(t, filepath.Join(t.TempDir(), "kirim.db"))) })
}

// update fails the test where fn, or what it wrote, fails. fn must not end the test itself: it runs in the writer.
func update(t *testing.T, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

// view returns what fn reads.
func view[T any](t *testing.T, s *Store, fn func(*Tx) (T, error)) T {
	t.Helper()
	var v T
	if err := s.View(ctx, func(tx *Tx) (err error) { v, err = fn(tx); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}

// set writes a setting of the same key and value, which is the smallest thing that can be written.
func set(key string) func(*Tx) error { return func(tx *Tx) error { return tx.SetValue(key, key) } }

// settings returns the keys of all settings that are there, in the order of the numbers that they are.
func settings(t *testing.T, s *Store) []string {
	t.Helper()
	return view(t, s, func(tx *Tx) ([]string, error) {
		return collect(tx, `SELECT key FROM settings ORDER BY CAST(key AS INTEGER), key`,
			func(r row) (string, error) { return r.text(0), nil })
	})
}

// withWriter hands the writer's connection to fn while the writer rests.
func withWriter(s *Store, fn func(*conn) error) error {
	c := <-s.writer
	defer func() { s.writer <- c }()
	return fn(c)
}

func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

var errFn = errors.New("the function's own error")

// check turns a finding inside an Update or a View into an error.
func check(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}
