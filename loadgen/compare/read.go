package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// Read reads a side: a load.json, or a folder with one in it or in each of its subfolders, which is what a baseline of
// several runs is.
func Read(path string) (Side, error) {
	side := Side{Name: path}
	info, err := os.Stat(path)
	if err != nil {
		return side, fmt.Errorf("%s cannot be read: %w", path, reason(err))
	}
	files := []string{path}
	if info.IsDir() {
		files = nil
		for _, pattern := range []string{load.JSONFile, filepath.Join("*", load.JSONFile)} {
			found, err := filepath.Glob(filepath.Join(escaped(path), pattern))
			if err != nil {
				return side, err
			}
			files = append(files, found...)
		}
		if len(files) == 0 {
			return side, fmt.Errorf("%s holds no %s, and none of its subfolders does", path, load.JSONFile)
		}
		slices.Sort(files)
	}
	for _, file := range files {
		r, err := readOne(file)
		if err != nil {
			return side, fmt.Errorf("%s: %w", file, err)
		}
		side.Runs, side.Files = append(side.Runs, r), append(side.Files, file)
	}
	return side, nil
}

func readOne(path string) (r load.Report, err error) {
	f, err := os.Open(path)
	if err != nil {
		return r, reason(err)
	}
	// The file was only read, so that closing it cannot lose anything.
	defer func() { _ = f.Close() }()
	return load.ReadJSON(f)
}

// escaped makes a path match itself alone.
func escaped(path string) string {
	var out []rune
	for _, c := range path {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}

// reason takes the path off an error of the file system, where the message names it already.
func reason(err error) error {
	if path, ok := err.(*os.PathError); ok {
		return path.Err
	}
	return err
}
