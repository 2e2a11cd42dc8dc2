package load

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/kirimcheck/kirimcheck/reports"
)

func loadSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile("../../schemas/load.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	g.Expect(c.AddResource("load.schema.json", bytes.NewReader(text))).To(Succeed())
	schema, err := c.Compile("load.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	return schema
}

// document is load.json decoded as a reader without our types decodes it.
func document(t *testing.T, r Redacted) map[string]any {
	t.Helper()
	g := NewWithT(t)
	var text bytes.Buffer
	g.Expect(WriteJSON(&text, r)).To(Succeed())
	dec := json.NewDecoder(&text)
	dec.UseNumber()
	var doc map[string]any
	g.Expect(dec.Decode(&doc)).To(Succeed())
	return doc
}

func TestReportsMatchTheSchema(t *testing.T) {
	schema := loadSchema(t)
	outcomes, kinds := map[any]bool{}, map[any]bool{}
	for name, r := range samples(t) {
		doc := document(t, r)
		NewWithT(t).Expect(schema.Validate(doc)).To(Succeed(), name)
		outcomes[doc["outcome"]], kinds[doc["kind"]] = true, true
	}
	g := NewWithT(t)
	g.Expect(outcomes).To(HaveLen(6), "every outcome was validated")
	g.Expect(kinds).To(HaveLen(3), "and every kind")
}

// A member that the schema has and no type does, or the other way round, would be noticed by nobody else.
func TestEveryMemberIsInTheSchemaAndInTheModel(t *testing.T) {
	text, err := os.ReadFile("../../schemas/load.schema.json")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	inSchema := map[string]bool{}
	var root any
	NewWithT(t).Expect(json.Unmarshal(text, &root)).To(Succeed())
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["additionalProperties"] == false {
				for name := range v["properties"].(map[string]any) {
					inSchema[name] = true
				}
			}
			for _, part := range v {
				walk(part)
			}
		case []any:
			for _, part := range v {
				walk(part)
			}
		}
	}
	walk(root)
	inModel := map[string]bool{}
	var members func(t reflect.Type)
	members = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			members(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
					inModel[name] = true
					members(t.Field(i).Type)
				}
			}
		}
	}
	members(reflect.TypeFor[Report]())
	NewWithT(t).Expect(inModel).To(Equal(inSchema))
}

func TestTheSchemaRefusesCorruptReports(t *testing.T) {
	object := func(v any, path ...any) map[string]any {
		for _, step := range path {
			switch step := step.(type) {
			case string:
				v = v.(map[string]any)[step]
			case int:
				v = v.([]any)[step]
			}
		}
		return v.(map[string]any)
	}
	schema := loadSchema(t)
	tests := map[string]struct {
		sample  string
		corrupt func(doc map[string]any)
	}{
		"an unknown member":                   {"run", func(doc map[string]any) { doc["extra"] = true }},
		"another major version":               {"run", func(doc map[string]any) { doc["schema_version"] = "2.0" }},
		"an unknown outcome":                  {"run", func(doc map[string]any) { doc["outcome"] = "ok" }},
		"null for a list":                     {"run", func(doc map[string]any) { doc["notes"] = nil }},
		"met with a broken threshold":         {"run", func(doc map[string]any) { doc["outcome"] = "met" }},
		"met with nothing to meet":            {"met", func(doc map[string]any) { doc["thresholds"] = []any{} }},
		"met without a result":                {"met", func(doc map[string]any) { delete(doc, "result") }},
		"met and invalid":                     {"met", func(doc map[string]any) { doc["invalid"] = []any{"the generator"} }},
		"not met with nothing broken":         {"met", func(doc map[string]any) { doc["outcome"] = "not-met" }},
		"invalid without a reason":            {"invalid", func(doc map[string]any) { doc["invalid"] = []any{} }},
		"unreachable with figures":            {"run", func(doc map[string]any) { doc["outcome"], doc["errors"] = "unreachable", []any{"gone"} }},
		"unreachable without a word":          {"unreachable", func(doc map[string]any) { doc["errors"] = []any{} }},
		"a comparison without one":            {"compare", func(doc map[string]any) { delete(doc, "compare") }},
		"a capacity in a run":                 {"capacity", func(doc map[string]any) { doc["kind"] = "run" }},
		"a capacity that is not known":        {"capacity", func(doc map[string]any) { delete(object(doc, "capacity"), "rate_per_s") }},
		"a regression that is met":            {"compare", func(doc map[string]any) { doc["outcome"] = "met" }},
		"a threshold that holds without data": {"met", func(doc map[string]any) { delete(object(doc, "thresholds", 0), "observed") }},
		"a broken threshold without a reason": {"run", func(doc map[string]any) { delete(object(doc, "thresholds", 1), "reason") }},
		"a broken step without a reason":      {"capacity", func(doc map[string]any) { delete(object(doc, "capacity", "steps", 3), "reason") }},
		"a latency of nothing":                {"run", func(doc map[string]any) { object(doc, "result", "latency", "corrected")["count"] = json.Number("0") }},
		"a percentile of too little":          {"run", func(doc map[string]any) { object(doc, "result", "latency", "corrected")["count"] = json.Number("99") }},
		"a histogram that is none":            {"run", func(doc map[string]any) { object(doc, "result", "latency", "service")["histogram"] = "{}" }},
		"a negative count":                    {"run", func(doc map[string]any) { object(doc, "result", "counts")["failed"] = json.Number("-1") }},
		"a class with text of the target":     {"run", func(doc map[string]any) { object(doc, "result", "errors", 0)["class"] = "500 Oops <b>" }},
		"a change without its interval":       {"compare", func(doc map[string]any) { delete(object(doc, "compare", "figures", 1), "low") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			doc := document(t, sample(t, test.sample))
			NewWithT(t).Expect(schema.Validate(doc)).To(Succeed(), "the corruption starts from a valid report")
			test.corrupt(doc)
			NewWithT(t).Expect(schema.Validate(doc)).NotTo(Succeed())
		})
	}
}

func TestAReportSurvivesWritingAndReading(t *testing.T) {
	for name, r := range samples(t) {
		g := NewWithT(t)
		var text, again bytes.Buffer
		g.Expect(WriteJSON(&text, r)).To(Succeed())
		first := text.String()
		read, err := ReadJSON(&text)
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(WriteJSON(&again, Redact(new(reports.Redactor), read))).To(Succeed())
		g.Expect(again.String()).To(Equal(first), name)
	}
}

func TestALaterMinorVersionIsRead(t *testing.T) {
	g := NewWithT(t)
	r, err := ReadJSON(strings.NewReader(`{"schema_version": "1.7", "kind": "run", "later": 1, "headline": "h"}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Headline).To(Equal("h"))
}
