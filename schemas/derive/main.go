// Command derive writes what is made of schemas/kirim.graphql: the document for people, or the part that a relay serves.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/kirimcheck/kirimcheck/schemas"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("write document or management, and the file to write to")
	}
	derived, ok := map[string]func(string) (string, error){"document": document, "management": management}[args[0]]
	if !ok {
		return fmt.Errorf("%q is neither document nor management", args[0])
	}
	text, err := derived(schemas.GraphQL())
	if err != nil {
		return err
	}
	return os.WriteFile(args[1], []byte(text), 0o644)
}
