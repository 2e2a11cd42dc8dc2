package killmatrix

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

func matrixSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile("../../schemas/mutants.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	g.Expect(c.AddResource("mutants.schema.json", bytes.NewReader(text))).To(Succeed())
	schema, err := c.Compile("mutants.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	return schema
}

// document is mutants.json decoded as a reader without our types decodes it.
func document(t *testing.T, m Matrix) map[string]any {
	t.Helper()
	g := NewWithT(t)
	var text bytes.Buffer
	g.Expect(WriteJSON(&text, m)).To(Succeed())
	var doc map[string]any
	g.Expect(json.Unmarshal(text.Bytes(), &doc)).To(Succeed())
	return doc
}

func TestMatricesMatchTheSchema(t *testing.T) {
	schema := matrixSchema(t)
	for name, m := range map[string]Matrix{
		"open": sampleMatrix(), "shut": shutMatrix(), "of the real size": manyMatrix(),
		"nothing ran": {SchemaVersion: SchemaVersion, Version: "development", Jobs: 1, Started: began},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(schema.Validate(document(t, m))).To(Succeed())
		})
	}
}

func TestTheSchemaRefusesCorruptMatrices(t *testing.T) {
	schema := matrixSchema(t)
	first := func(doc map[string]any, list string) map[string]any { return doc[list].([]any)[0].(map[string]any) }
	for name, corrupt := range map[string]func(doc map[string]any){
		"an unknown member":         func(doc map[string]any) { doc["extra"] = true },
		"another major version":     func(doc map[string]any) { doc["schema_version"] = "2.0" },
		"null for a list":           func(doc map[string]any) { doc["problems"] = nil },
		"a figure that is missing":  func(doc map[string]any) { delete(doc["figures"].(map[string]any), "killed") },
		"no process":                func(doc map[string]any) { doc["jobs"] = 0 },
		"a time that is none":       func(doc map[string]any) { doc["started"] = "yesterday" },
		"a mutant of no role":       func(doc map[string]any) { first(doc, "mutants")["role"] = "sender" },
		"a mutant without a defect": func(doc map[string]any) { delete(first(doc, "mutants"), "defect") },
		"a malformed id":            func(doc map[string]any) { first(doc, "mutants")["red"] = []any{"Stale"} },
		"an unknown level":          func(doc map[string]any) { first(doc, "requirements")["level"] = "MAY" },
		"an inventory of no role":   func(doc map[string]any) { doc["inventory"] = map[string]any{"sender/kckit": map[string]any{}} },
		"a requirement without specs": func(doc map[string]any) {
			doc["inventory"] = map[string]any{"relay/kckit": map[string]any{"relay.retry.delays": []any{}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, sampleMatrix())
			corrupt(doc)
			NewWithT(t).Expect(schema.Validate(doc)).NotTo(Succeed())
		})
	}
}
