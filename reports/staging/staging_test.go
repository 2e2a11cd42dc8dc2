package staging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// listing returns the names in a folder, hidden ones included, with their content.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	all := map[string]string{}
	for _, e := range entries {
		all[e.Name()] = "(a folder)"
		if !e.IsDir() {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			all[e.Name()] = string(text)
		}
	}
	return all
}

func TestAFailedWriteLeavesTheOldFilesAlone(t *testing.T) {
	full := errors.New("no space left on device")
	good := func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }
	bad := func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return full
	}
	for _, position := range []int{0, 1, 2} {
		g := NewWithT(t)
		dir := t.TempDir()
		old := map[string]string{"report.json": "old", "junit.xml": "old", "report.html": "old"}
		files := []File{{"report.json", good}, {"junit.xml", good}, {"report.html", good}}
		for name, text := range old {
			g.Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)).To(Succeed())
		}
		files[position].Write = bad
		paths, err := Write(dir, files)
		g.Expect(err).To(MatchError(full))
		g.Expect(err.Error()).To(ContainSubstring(files[position].Name))
		g.Expect(paths).To(BeNil())
		g.Expect(listing(t, dir)).To(Equal(old))
	}
}

func TestAFolderWithoutANameIsRefused(t *testing.T) {
	if err := Check("", "report.json"); err == nil || !strings.Contains(err.Error(), "has no name") {
		t.Errorf("%v", err)
	}
}
