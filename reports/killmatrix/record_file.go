package killmatrix

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/staging"
)

// WriteRecord writes the record to a file, as Encode does; on an error, one that was there is as it was.
func WriteRecord(path string, r Record) error {
	_, err := staging.Write(filepath.Dir(path), []staging.File{{Name: filepath.Base(path), Write: r.Encode}})
	return err
}

// Encode writes the record as JSON with one figure, one mutant, and one requirement of the inventory on a line, so that
// a change of the matrix reads well as a difference of lines. The same record always gives the same bytes.
func (r Record) Encode(w io.Writer) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("record: %w", oneLine(err))
	}
	r = r.ordered()
	l := lines{w: bufio.NewWriter(w)}
	l.text("{\n")
	l.member("version", r.Version, ",")
	l.text("\"figures\": ")
	l.figures(r.Figures)
	l.member("problems", r.Problems, ",")
	l.member("holes", r.Holes, ",")
	writeList(&l, "correct", r.Correct)
	writeList(&l, "mutants", r.Mutants)
	l.text("\"inventory\": {")
	keys := slices.Sorted(maps.Keys(r.Inventory))
	for i, key := range keys {
		l.text("\n" + quote(key) + ": {\n")
		ids := slices.Sorted(maps.Keys(r.Inventory[key]))
		for j, id := range ids {
			l.member(id, r.Inventory[key][id], comma(j, len(ids)))
		}
		l.text("}" + comma(i, len(keys)))
	}
	l.text("}\n}\n")
	return errors.Join(l.err, l.w.Flush())
}

// Digest is the SHA-256 of the record as it is written, in hexadecimal digits. Two reports with the same digest speak of the
// same matrix.
func (r Record) Digest() (string, error) {
	hash := sha256.New()
	if err := r.Encode(hash); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// ReadRecord reads what Encode wrote. A record of another major version, a member that is not known, and a record that
// contradicts itself are errors.
func ReadRecord(text []byte) (Record, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var r Record
	if err := dec.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("record: something follows the object")
	}
	major, _, _ := strings.Cut(RecordVersion, ".")
	if got, _, _ := strings.Cut(r.Version, "."); got != major {
		return Record{}, fmt.Errorf("record: version %q; this program reads %s.x", r.Version, major)
	}
	if err := r.Validate(); err != nil {
		return Record{}, fmt.Errorf("record: %w", oneLine(err))
	}
	return r, nil
}

// lines writes parts of a document and keeps the first error of the encoder; that of the writer shows in the last Flush.
type lines struct {
	w   *bufio.Writer
	err error
}

func (l *lines) text(s string) { _, _ = l.w.WriteString(s) }

func (l *lines) value(v any) {
	text, err := encode(v)
	l.err = errors.Join(l.err, err)
	l.text(text)
}

func (l *lines) member(name string, v any, after string) {
	l.text(quote(name) + ": ")
	l.value(v)
	l.text(after + "\n")
}

// figures writes one figure on a line.
func (l *lines) figures(f Figures) {
	text, err := json.MarshalIndent(f, "", "  ")
	l.err = errors.Join(l.err, err)
	l.text(string(text) + ",\n")
}

// writeList writes one item on a line.
func writeList[T any](l *lines, name string, items []T) {
	l.text(quote(name) + ": [\n")
	for i, item := range items {
		l.value(item)
		l.text(comma(i, len(items)) + "\n")
	}
	l.text("],\n")
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

// encode leaves < and > as they are: the file is no part of a page.
func encode(v any) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}

func quote(s string) string {
	// A string always encodes.
	text, _ := encode(s)
	return text
}

// oneLine puts what was joined on one line.
func oneLine(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")) }
