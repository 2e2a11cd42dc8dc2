package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// vegetaFile is a file of results in Vegeta's own format, written under another name until it is whole.
type vegetaFile struct {
	path string
	file *os.File
	to   *bufio.Writer
	enc  vegeta.Encoder
}

func (v *vegetaFile) open() error {
	// The file takes the place of what has its name, and only an older file may lose it: not a folder, and no device.
	if info, err := os.Stat(v.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--vegeta-results %s is there already, and no file; name one that may be replaced", v.path)
	}
	f, err := os.CreateTemp(filepath.Dir(v.path), "."+filepath.Base(v.path)+"-*")
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fmt.Errorf("--vegeta-results %s cannot be written: %w", v.path, err)
	}
	v.file, v.to = f, bufio.NewWriter(f)
	v.enc = vegeta.NewEncoder(v.to)
	return nil
}

// encode adds a result. Calls do not overlap.
func (v *vegetaFile) encode(r *vegeta.Result) error { return v.enc.Encode(r) }

// close gives the file its name.
func (v *vegetaFile) close() error {
	err := v.to.Flush()
	if closeErr := v.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(v.file.Name(), v.path)
	}
	if err != nil {
		return fmt.Errorf("--vegeta-results %s cannot be written: %w", v.path, err)
	}
	v.file = nil
	return nil
}

// abandon takes away what is not whole. The run has its own verdict by then.
func (v *vegetaFile) abandon() {
	if v.file != nil {
		_ = v.file.Close()
		_ = os.Remove(v.file.Name())
	}
}
