package reports

import (
	"os"
	"path/filepath"
	"runtime"
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

func TestWriteAllWritesTheThreeFilesAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	paths, err := WriteAll(dir, sampleReport())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(paths).To(Equal([]string{
		filepath.Join(dir, "report.json"), filepath.Join(dir, "junit.xml"), filepath.Join(dir, "report.html"),
	}))
	files := listing(t, dir)
	g.Expect(files).To(HaveLen(3))
	for name, text := range files {
		g.Expect(text).NotTo(BeEmpty(), name)
		for _, secret := range []string{sampleSecret, strings.TrimPrefix(sampleSecret, "whsec_"), "hunter2", "topsecret", "very-private"} {
			g.Expect(text).NotTo(ContainSubstring(secret), name)
		}
	}
	info, err := os.Stat(paths[0])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()&0o444).To(Equal(os.FileMode(0o444)), "another user, such as a CI's uploader, can read it")
}

func TestAnEmptyRedactedIsNotWritten(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	_, err := WriteAll(dir, Redacted{})
	g.Expect(err).To(HaveOccurred())
	g.Expect(listing(t, dir)).To(BeEmpty())
}

func TestAFileThatCannotBeRenamedLeavesNoTemporaryFiles(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.Mkdir(filepath.Join(dir, JSONFile), 0o755)).To(Succeed())
	_, err := WriteAll(dir, sampleReport())
	g.Expect(err).To(MatchError(ContainSubstring(JSONFile)))
	g.Expect(listing(t, dir)).To(Equal(map[string]string{JSONFile: "(a folder)"}))
}

func TestCheckWritable(t *testing.T) {
	tests := map[string]struct {
		prepare func(g *WithT, dir string) (path string)
		want    string // what the error says, empty for none
	}{
		"a folder that does not exist yet": {func(_ *WithT, dir string) string { return filepath.Join(dir, "a", "b") }, ""},
		"a folder with a report in it": {func(g *WithT, dir string) string {
			g.Expect(os.WriteFile(filepath.Join(dir, JSONFile), []byte("old"), 0o600)).To(Succeed())
			return dir
		}, ""},
		"a file in the folder's place": {func(g *WithT, dir string) string {
			path := filepath.Join(dir, "file")
			g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
			return path
		}, "cannot be made: not a directory"},
		"a file above it": {func(g *WithT, dir string) string {
			path := filepath.Join(dir, "file")
			g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
			return filepath.Join(path, "reports")
		}, "cannot be made: not a directory"},
		"a folder in a report's place": {func(g *WithT, dir string) string {
			g.Expect(os.Mkdir(filepath.Join(dir, HTMLFile), 0o755)).To(Succeed())
			return dir
		}, "report.html is a folder"},
		"a file system that takes no files": {func(*WithT, string) string { return "/proc/self" }, "cannot be written"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			path := test.prepare(g, t.TempDir())
			if strings.HasPrefix(path, "/proc") && runtime.GOOS != "linux" {
				t.Skip("only Linux has /proc")
			}
			err := CheckWritable(path)
			if test.want != "" {
				g.Expect(err).To(MatchError(ContainSubstring(test.want)))
				g.Expect(err.Error()).To(ContainSubstring(path))
				g.Expect(err.Error()).NotTo(ContainSubstring("\n"))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			for entry := range listing(t, path) {
				g.Expect(entry).To(Equal(JSONFile), "nothing of the probe stays")
			}
		})
	}
}

func TestAReadOnlyFolderIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("permissions do not bind root; the test of /proc covers a folder that takes no files")
	}
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.Chmod(dir, 0o555)).To(Succeed())
	g.Expect(CheckWritable(dir)).To(MatchError(ContainSubstring("cannot be written: permission denied")))
}
