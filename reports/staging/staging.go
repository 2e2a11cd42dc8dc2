// Package staging puts the files of a report into a folder: all of them, or none.
package staging

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// File is a file to be written: its name in the folder, and what writes its content.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Check creates the folder where it is missing and proves that files of these names can be written there, so that a run
// of an hour does not end with nothing. It overwrites nothing.
func Check(dir string, names ...string) error {
	if dir == "" {
		return errors.New("the report folder has no name; write one, such as reports/out")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report folder %s cannot be made: %w", dir, reason(err))
	}
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return fmt.Errorf("report folder %s: %s is a folder; the report needs that name for a file", dir, name)
		}
	}
	probe := []File{{"probe", func(w io.Writer) error { _, err := io.WriteString(w, "probe\n"); return err }}}
	staged, err := stage(dir, probe)
	if err != nil {
		return err
	}
	return os.RemoveAll(staged)
}

// Write writes the files into the folder, which it creates where it is missing, and returns their paths. The files appear
// only once all of them have been written: on an error those of an earlier run are as they were.
func Write(dir string, files []File) (paths []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report folder %s cannot be made: %w", dir, reason(err))
	}
	staged, err := stage(dir, files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.Rename(filepath.Join(staged, f.Name), path); err != nil {
			return nil, fmt.Errorf("report %s cannot be put in place: %w", path, reason(err))
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// stage writes the files into a new folder inside dir, hence on the same file system, so that each can be renamed into
// place. It leaves nothing behind on an error.
func stage(dir string, files []File) (staged string, err error) {
	staged, err = os.MkdirTemp(dir, ".reports-*")
	if err != nil {
		return "", fmt.Errorf("report folder %s cannot be written: %w", dir, reason(err))
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(staged, f.Name), f.Write); err != nil {
			return "", errors.Join(fmt.Errorf("report %s cannot be written: %w", filepath.Join(dir, f.Name), reason(err)),
				os.RemoveAll(staged))
		}
	}
	return staged, nil
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// reason strips the path off an error of the file system: the message names the folder already, and the path of a
// temporary file only confuses.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
