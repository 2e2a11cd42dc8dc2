package mutants

import (
	_ "embed"
	"fmt"

	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

//go:embed record.json
var recordJSON []byte

// Record returns what the last whole run of the matrix showed, as it was committed.
func Record() (killmatrix.Record, error) {
	r, err := killmatrix.ReadRecord(recordJSON)
	if err != nil {
		return killmatrix.Record{}, fmt.Errorf("mutants/record.json: %w", err)
	}
	return r, nil
}

// RecordedInventory returns the specs that the record knows; nil where it is empty.
func RecordedInventory() (killmatrix.Inventory, error) {
	r, err := Record()
	if err != nil || r.Empty() {
		return nil, err
	}
	return r.Inventory, nil
}
