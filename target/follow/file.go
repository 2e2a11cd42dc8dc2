package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// File follows a file from its end on. It reads when it is told to, so that what was in the file before Read was called
// has been seen when Read returns. It is safe for concurrent use.
type File struct {
	path string
	line func([]byte)

	mu sync.Mutex
	// current is the file at the path as it was last seen; nil before it appears.
	current *opened
	// renamed is the one before it. Whoever writes goes on there until it opens the new one.
	renamed *opened
}

// opened is one file that is read on.
type opened struct {
	file  *os.File
	lines Lines
	// offset is how far it was read.
	offset int64
	// mark is what stands before the offset. Where something else stands there, the file was cut and written anew.
	mark []byte
}

const (
	// markSize is long enough for several lines, which do not occur twice.
	markSize = 1 << 10
	// pieceSize is how much is read at once.
	pieceSize = 64 << 10
	// maxRotations bounds how many new files one Read follows; a path that leads to another file at every look is not
	// one that is rotated.
	maxRotations = 8
)

// Open begins to follow the file at a path, from its last line that is not whole yet, or from the beginning of a file
// that appears later. line gets every line; see Lines.
func Open(path string, line func([]byte)) (*File, error) {
	f := &File{path: path, line: line}
	o, err := f.open()
	if err != nil || o == nil {
		return f, err
	}
	if err := o.seekLastLine(); err != nil {
		return nil, errors.Join(err, o.file.Close())
	}
	f.current = o
	return f, nil
}

// open opens the file at the path; nil where there is none.
func (f *File) open() (*opened, error) {
	// Looked at first: to open a pipe would wait for its writer.
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file that can be followed (%s)", f.path, kind(info.Mode()))
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &opened{file: file, lines: Lines{Line: f.line}}, nil
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	default:
		return m.Type().String()
	}
}

// Exists reports whether there is, or was, a file at the path.
func (f *File) Exists() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current != nil
}

// Read gives the lines of everything that was written so far, through as many rotations as it can see. The error may be
// a *LongLineError; what comes after that line is read all the same.
func (f *File) Read(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var long error
	keep := func(err error) error {
		if _, ok := errors.AsType[*LongLineError](err); ok {
			long = err
			return nil
		}
		return err
	}
	for range maxRotations {
		// The path is looked at before the file is read: what is renamed after that is found by the next Read.
		info, err := os.Stat(f.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, long)
		}
		for _, o := range []*opened{f.renamed, f.current} {
			if err := keep(o.read(ctx)); err != nil {
				return errors.Join(err, long)
			}
		}
		if info == nil {
			return long
		}
		if same, err := f.current.is(info); same || err != nil {
			return errors.Join(err, long)
		}
		next, err := f.open()
		if next == nil {
			return errors.Join(err, long)
		}
		if err := f.renamed.close(); err != nil {
			return errors.Join(err, next.close(), long)
		}
		f.renamed, f.current = f.current, next
	}
	return errors.Join(fmt.Errorf("%s is another file at every look", f.path), long)
}

// Close ends the following.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := errors.Join(f.renamed.close(), f.current.close())
	f.renamed, f.current = nil, nil
	return err
}

func (o *opened) close() error {
	if o == nil {
		return nil
	}
	return o.file.Close()
}

// is reports whether it is the file that was found at the path.
func (o *opened) is(info os.FileInfo) (bool, error) {
	if o == nil {
		return false, nil
	}
	own, err := o.file.Stat()
	return err == nil && os.SameFile(own, info), err
}

// read gives the lines up to the end that the file has now.
func (o *opened) read(ctx context.Context) error {
	if o == nil {
		return nil
	}
	info, err := o.file.Stat()
	if err != nil {
		return err
	}
	cut, err := o.wasCut(info.Size())
	if err != nil {
		return err
	}
	if cut {
		o.offset, o.mark = 0, nil
		o.lines.Drop()
	}
	var long error
	piece := make([]byte, min(pieceSize, max(info.Size()-o.offset, 0)))
	for o.offset < info.Size() {
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), long)
		}
		n, err := o.file.ReadAt(piece[:min(int64(len(piece)), info.Size()-o.offset)], o.offset)
		if n == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				// Cut just now; the next look finds the mark gone.
				return long
			}
			return errors.Join(err, long)
		}
		if _, err := o.lines.Write(piece[:n]); err != nil {
			long = err
		}
		o.offset += int64(n)
		o.remember(piece[:n])
	}
	return long
}

// wasCut reports whether the file was cut since it was last read: it is shorter, or something else stands where the
// reading ended.
func (o *opened) wasCut(size int64) (bool, error) {
	if size < o.offset {
		return true, nil
	}
	if len(o.mark) == 0 {
		return false, nil
	}
	there := make([]byte, len(o.mark))
	_, err := o.file.ReadAt(there, o.offset-int64(len(o.mark)))
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return !bytes.Equal(there, o.mark), err
}

// remember keeps the end of what was read.
func (o *opened) remember(piece []byte) {
	o.mark = append(o.mark, piece...)
	if extra := len(o.mark) - markSize; extra > 0 {
		o.mark = append(o.mark[:0], o.mark[extra:]...)
	}
}

// seekLastLine goes to the beginning of the line that is not whole yet, and to the end where the last one is whole. A
// line of more than a piece is taken from its middle on.
func (o *opened) seekLastLine() error {
	info, err := o.file.Stat()
	if err != nil {
		return err
	}
	from := max(info.Size()-pieceSize, 0)
	end := make([]byte, info.Size()-from)
	n, err := o.file.ReadAt(end, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	whole := bytes.LastIndexByte(end[:n], '\n') + 1
	o.offset = from + int64(whole)
	o.remember(end[:whole])
	return nil
}
