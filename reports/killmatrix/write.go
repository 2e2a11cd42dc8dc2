package killmatrix

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports/staging"
)

// The names of the files in a report folder.
const (
	JSONFile = "mutants.json"
	HTMLFile = "mutants.html"
)

// CheckWritable creates the folder where it is missing and proves that the files can be written there (see staging.Check).
func CheckWritable(dir string) error { return staging.Check(dir, JSONFile, HTMLFile) }

// WriteAll writes mutants.json and mutants.html into the folder, which it creates where it is missing, and returns their
// paths. The files appear only once both have been written (see staging.Write).
func WriteAll(dir string, m Matrix) ([]string, error) {
	if m.SchemaVersion == "" {
		return nil, errors.New("matrix is empty: it has no version, so no run made it")
	}
	return staging.Write(dir, []staging.File{
		{Name: JSONFile, Write: func(w io.Writer) error { return WriteJSON(w, m) }},
		{Name: HTMLFile, Write: func(w io.Writer) error { return WriteHTML(w, m) }},
	})
}

// WriteJSON writes the matrix as indented JSON, as schemas/mutants.schema.json describes it. The same matrix always gives
// the same bytes.
func WriteJSON(w io.Writer, m Matrix) error {
	enc := json.NewEncoder(w)
	// The file is no part of a page, and easier to read with its < and > as they were.
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(m.normal())
}

// normal replaces absent lists by empty ones, so that JSON shows [] and never null. The matrix given is not changed.
func (m Matrix) normal() Matrix {
	m.Problems, m.Holes, m.Families = list(m.Problems), list(m.Holes), list(m.Families)
	m.Requirements, m.Mutants, m.Correct = slices.Clone(list(m.Requirements)), slices.Clone(list(m.Mutants)), slices.Clone(list(m.Correct))
	for i := range m.Requirements {
		r := &m.Requirements[i]
		r.Mutants, r.Specs = list(r.Mutants), list(r.Specs)
	}
	for i := range m.Mutants {
		m.Mutants[i].Red = list(m.Mutants[i].Red)
	}
	for i := range m.Correct {
		m.Correct[i].Unusual = list(m.Correct[i].Unusual)
	}
	if m.Inventory == nil {
		m.Inventory = Inventory{}
	}
	return m
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
