package killmatrix

import (
	"encoding/json"
	"os"
	"path/filepath"
)

func WriteAll(dir string, m Matrix) ([]string, error) {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	p := filepath.Join(dir, "mutants.json")
	return []string{p}, os.WriteFile(p, b, 0o644)
}

type Record struct{}

func RecordOf(Matrix) Record           { return Record{} }
func WriteRecord(string, Record) error { return nil }
