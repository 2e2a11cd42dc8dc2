package main

import (
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
)

// withEditions adds the names of the editions to the help of a flag. Where the contract cannot be read there are none: the
// command that needs it says why.
func withEditions(help string) string {
	all, err := contract.Editions()
	if err != nil {
		return help
	}
	var names []string
	for _, e := range all {
		names = append(names, e.ID)
	}
	return help + " (" + strings.Join(names, ", ") + ")"
}
