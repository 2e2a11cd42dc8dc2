// Package graphql makes the operations that a user writes for a GraphQL server: it reads the server's schema, checks the
// operations and their mappings against it before anything is sent, fills in variables, and takes answers apart. It sends
// nothing, and knows nothing of Kirim: what an operation is for is said by a Spec.
package graphql

import (
	"errors"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// Problem is what is wrong with a schema, an operation or a mapping, and where.
type Problem struct {
	// Key is the dotted key of the mapping that is at fault, such as result.id; empty where it is the text of the
	// operation or of the schema.
	Key string
	// Line and Column are the place in the text, from 1; 0 where the whole is meant. With a Key they are where the
	// operation's text made the mapping wrong.
	Line, Column int
	// Message says on one line what is wrong, and what would be right where that is known.
	Message string
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// problemOf turns an error of the parser or the validator into a problem: the first, where there are several.
func problemOf(err error) *Problem {
	var one *gqlerror.Error
	if list := (gqlerror.List)(nil); errors.As(err, &list) && len(list) > 0 {
		one = list[0]
	} else if !errors.As(err, &one) {
		return &Problem{Message: oneLine(err.Error())}
	}
	p := &Problem{Message: oneLine(one.Message)}
	if len(one.Locations) > 0 {
		p.Line, p.Column = one.Locations[0].Line, one.Locations[0].Column
	}
	return p
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// LoadSchema reads a schema written in the schema definition language.
func LoadSchema(sdl string) (schema *ast.Schema, problem *Problem) {
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "schema", Input: sdl})
	if err != nil {
		return nil, problemOf(err)
	}
	if schema.Query == nil || len(schema.Query.Fields) == 0 {
		return nil, &Problem{Message: "the schema has no type Query, so nothing could be asked"}
	}
	return schema, nil
}
