package follow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// rig is a log file and what was seen of it.
type rig struct {
	t    *testing.T
	path string
	seen []string
	file *File
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, path: filepath.Join(t.TempDir(), "receiver.log")}
}

// begin begins to follow.
func (r *rig) begin() *rig {
	r.t.Helper()
	f, err := Open(r.path, func(line []byte) { r.seen = append(r.seen, string(line)) })
	if err != nil {
		r.t.Fatal(err)
	}
	r.file = f
	r.t.Cleanup(func() { r.must(f.Close()) })
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// write adds to the file at the path, and makes it where there is none.
func (r *rig) write(text string) *rig {
	r.t.Helper()
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	r.must(err)
	_, err = f.WriteString(text)
	r.must(errors.Join(err, f.Close()))
	return r
}

// saw reads, and fails the test unless exactly these lines were added to those before.
func (r *rig) saw(want ...string) {
	r.t.Helper()
	r.must(r.file.Read(r.t.Context()))
	if !slices.Equal(r.seen, want) {
		r.t.Errorf("saw %q, want %q", r.seen, want)
	}
	r.seen = nil
}

func TestLinesThatAreAddedAreSeen(t *testing.T) {
	r := newRig(t).write("old\n").begin()
	r.saw()
	r.write("a\nb\r\n\nc")
	r.saw("a", "b", "")
	r.saw()
	r.write("d")
	r.saw()
	r.write("\n")
	r.saw("cd")
}

// A line that was begun before and is ended now is new.
func TestLineThatIsNotWholeAtTheStartIsSeenWhole(t *testing.T) {
	r := newRig(t).write("old\nhalf").begin()
	r.saw()
	r.write(" and half\n")
	r.saw("half and half")
	long := newRig(t).write("old\n" + strings.Repeat("x", 2*pieceSize)).begin()
	long.write("y\nnew\n")
	long.saw(strings.Repeat("x", pieceSize)+"y", "new")
}

func TestFileMayAppearLater(t *testing.T) {
	r := newRig(t).begin()
	r.saw()
	if r.file.Exists() {
		t.Error("there is a file before there is one")
	}
	r.write("a\n")
	r.saw("a")
	if !r.file.Exists() {
		t.Error("there is no file")
	}
}

// As logrotate does by default: the file is renamed and a new one made; the receiver writes to the old one until it is
// told to open the new one.
func TestRotationByRenaming(t *testing.T) {
	r := newRig(t).write("old\n").begin()
	writer, err := os.OpenFile(r.path, os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	defer func() { r.must(writer.Close()) }()
	say := func(text string) {
		t.Helper()
		_, err := writer.WriteString(text)
		r.must(err)
	}
	say("a\n")
	r.saw("a")
	say("before\nhalf")
	r.must(os.Rename(r.path, r.path+".1"))
	say(" a line\nafter the renaming\n")
	r.saw("before", "half a line", "after the renaming")
	say("no new file yet\n")
	r.saw("no new file yet")
	r.write("new\n")
	say("still to the old one\n")
	r.saw("still to the old one", "new")
	say("last\n")
	r.write("new too\n")
	r.saw("last", "new too")

	// Again and again.
	for i := range 5 {
		r.must(os.Rename(r.path, fmt.Sprintf("%s.%d", r.path, i+2)))
		r.write(fmt.Sprintf("rotated %d\n", i))
		r.saw(fmt.Sprintf("rotated %d", i))
	}
}

// A file that was deleted, with its last lines in it, is read to its end.
func TestFileThatIsDeletedIsReadToItsEnd(t *testing.T) {
	r := newRig(t).write("old\n").begin()
	r.write("a\n")
	r.must(os.Remove(r.path))
	r.saw("a")
	r.write("b\n")
	r.saw("b")
}

// As logrotate's copytruncate does: the file is copied and cut to nothing, and the receiver goes on writing.
func TestRotationByCutting(t *testing.T) {
	t.Run("shorter than before", func(t *testing.T) {
		r := newRig(t).write("a long line of before\n").begin()
		r.must(os.Truncate(r.path, 0))
		r.saw()
		r.write("a\n")
		r.saw("a")
	})
	t.Run("longer than before", func(t *testing.T) {
		r := newRig(t).begin().write("a\n")
		r.saw("a")
		r.must(os.Truncate(r.path, 0))
		r.write("b, which is longer than what was there\nc\n")
		r.saw("b, which is longer than what was there", "c")
	})
	t.Run("as long as before", func(t *testing.T) {
		r := newRig(t).begin().write("a\n")
		r.saw("a")
		r.must(os.Truncate(r.path, 0))
		r.write("b\n")
		r.saw("b")
	})
	t.Run("in the middle of a line", func(t *testing.T) {
		r := newRig(t).begin().write("a\nhalf")
		r.saw("a")
		r.must(os.Truncate(r.path, 0))
		r.write("whole\n")
		r.saw("whole")
	})
	// A receiver that did not open its log for appending leaves a hole where its old lines were.
	t.Run("the writer goes on at its old place", func(t *testing.T) {
		r := newRig(t)
		writer, err := os.Create(r.path)
		r.must(err)
		defer func() { r.must(writer.Close()) }()
		_, err = writer.WriteString(strings.Repeat("an old line\n", 10_000))
		r.must(err)
		r.begin()
		r.must(os.Truncate(r.path, 0))
		_, err = writer.WriteString("a\nb\n")
		r.must(err)
		r.saw("a", "b")
	})
}

func TestLineThatIsTooLongIsAnErrorAndTheNextOneIsSeen(t *testing.T) {
	r := newRig(t).begin()
	r.write("a\n" + strings.Repeat("x", MaxLine) + "\n")
	r.saw("a", strings.Repeat("x", MaxLine))
	r.write("a\n" + strings.Repeat("x", MaxLine+1) + "\nb\n")
	err := r.file.Read(t.Context())
	if _, ok := errors.AsType[*LongLineError](err); !ok || !strings.Contains(err.Error(), "longer than 16777216 bytes") {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(r.seen, []string{"a", "b"}) {
		t.Errorf("saw %d lines", len(r.seen))
	}
	r.seen = nil
	r.write("c\n")
	r.saw("c")
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                        "is not a file that can be followed (a folder)",
		pipe:                       "is not a file that can be followed (a pipe)",
		filepath.Join(pipe, "log"): "not a directory",
	} {
		f, err := Open(path, func([]byte) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, error %v, want %q", path, f, err, want)
		}
	}
}

// A path that becomes a folder later is an error of the look, and the file is there again after it.
func TestPathThatBecomesAFolderIsAnError(t *testing.T) {
	r := newRig(t).write("old\n").begin()
	r.must(os.Rename(r.path, r.path+".1"))
	r.must(os.Mkdir(r.path, 0o700))
	if err := r.file.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("error %v", err)
	}
	r.must(os.Remove(r.path))
	r.write("a\n")
	r.saw("a")
}

func TestReadingEndsWithItsContext(t *testing.T) {
	r := newRig(t).begin().write("a\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.must(r.file.Read(t.Context()))
	r.write("b\n")
	if err := r.file.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	r.saw("a", "b")
}

// A line that was too long is told although the reading was called off behind it: nobody reads it again.
func TestLineThatWasTooLongIsToldByAReadingThatIsCalledOff(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Open(r.path, func(line []byte) {
		if r.seen = append(r.seen, string(line)); string(line) == "b" {
			cancel()
		}
	})
	r.must(err)
	defer func() { r.must(f.Close()) }()
	r.write(strings.Repeat("x", MaxLine+1) + "\nb\n" + strings.Repeat("y\n", pieceSize))
	err = f.Read(ctx)
	if _, long := errors.AsType[*LongLineError](err); !long || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	r.must(f.Read(t.Context()))
	if len(r.seen) != 1+pieceSize {
		t.Errorf("saw %d lines", len(r.seen))
	}
}

// Whatever the pieces, the lines are the same.
func FuzzLines(f *testing.F) {
	f.Add("a\nb\r\n\x00\x00c\n\nd", uint8(1))
	f.Add("\x00\n\r\n", uint8(2))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		cut := func(size int) (lines []string) {
			l := Lines{Line: func(line []byte) { lines = append(lines, string(line)) }}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				if _, err := l.Write([]byte(rest[:n])); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			return lines
		}
		if whole, pieces := cut(len(text)+1), cut(int(size)+1); !slices.Equal(whole, pieces) {
			t.Errorf("%q at once, %q in pieces of %d", whole, pieces, int(size)+1)
		}
	})
}
