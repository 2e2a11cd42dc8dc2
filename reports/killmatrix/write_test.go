package killmatrix

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWriteAllWritesBothFilesAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	g.Expect(CheckWritable(dir)).To(Succeed())
	paths, err := WriteAll(dir, sampleMatrix())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(paths).To(Equal([]string{filepath.Join(dir, "mutants.json"), filepath.Join(dir, "mutants.html")}))
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(HaveLen(2))
}

func TestAMatrixThatNoRunMadeIsNotWritten(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	_, err := WriteAll(dir, Matrix{})
	g.Expect(err).To(MatchError(ContainSubstring("no version")))
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(BeEmpty())
}

func TestAFolderInAFilesPlaceIsToldBeforeTheRun(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.Mkdir(filepath.Join(dir, HTMLFile), 0o755)).To(Succeed())
	g.Expect(CheckWritable(dir)).To(MatchError(ContainSubstring("mutants.html is a folder")))
}

func TestWritingChangesNothingInTheMatrix(t *testing.T) {
	g := NewWithT(t)
	m := shutMatrix()
	_, err := WriteAll(t.TempDir(), m)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m).To(Equal(shutMatrix()))
}
