package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/schemas"
)

func TestWhatIsDerivedIsUpToDate(t *testing.T) {
	for file, derive := range map[string]func(string) (string, error){
		"../../docs/graphql.md": document, "../../emitter/graphql/management.graphqls": management,
	} {
		want, err := derive(schemas.GraphQL())
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what schemas/kirim.graphql makes; run go generate ./...", file)
		}
	}
}

// Every description of the schema stands in the document.
func TestTheDocumentHasEveryDescription(t *testing.T) {
	text, err := document(schemas.GraphQL())
	if err != nil {
		t.Fatal(err)
	}
	flat := cell(text)
	schema := gqlparser.MustLoadSchema(&ast.Source{Name: "kirim.graphql", Input: schemas.GraphQL()})
	for _, d := range schema.Types {
		if d.BuiltIn {
			continue
		}
		descriptions := []string{d.Description}
		for _, f := range d.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				descriptions = append(descriptions, f.Description)
			}
			for _, a := range f.Arguments {
				descriptions = append(descriptions, a.Description)
			}
		}
		for _, v := range d.EnumValues {
			descriptions = append(descriptions, v.Description)
		}
		for _, description := range descriptions {
			if !strings.Contains(flat, cell(description)) {
				t.Errorf("%s: the document lacks %q", d.Name, description)
			}
		}
	}
}

func TestTheServedPartLeadsNowhereElse(t *testing.T) {
	text, err := management(schemas.GraphQL())
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "management", Input: text})
	if err != nil {
		t.Fatal(err)
	}
	if schema.Types["MetaBody"] != nil || schema.Types["WebhookSubscription"] == nil {
		t.Error("bodies are served, or subscriptions are not")
	}
}

func TestWrongArgumentsAreOneLine(t *testing.T) {
	for _, args := range [][]string{nil, {"document"}, {"poster", "a"}} {
		if err := run(args); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
