package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

func reportSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile("../schemas/report.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	g.Expect(c.AddResource("report.schema.json", bytes.NewReader(text))).To(Succeed())
	schema, err := c.Compile("report.schema.json")
	g.Expect(err).NotTo(HaveOccurred())
	return schema
}

// document is report.json decoded as a reader without our types decodes it.
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
	build := func(in BuildInput) Redacted { return new(Redactor).Report(Build(in)) }
	edited := func(change func(*BuildInput)) Redacted {
		in := sampleInput()
		change(&in)
		return build(in)
	}
	reports := map[string]Redacted{
		"every verdict":    sampleReport(),
		"no record":        build(sampleInput()),
		"hostile strings":  hostileReport(),
		"unreachable":      sampleUnreachable(),
		"nothing selected": edited(func(in *BuildInput) { in.Selected, in.Results = nil, nil }),
		"no spec ran":      edited(func(in *BuildInput) { in.Results = nil }),
		"interrupted":      edited(func(in *BuildInput) { in.Results, in.Interrupted = in.Results[:2], true }),
		"interrupted at once": edited(func(in *BuildInput) {
			in.Results, in.Interrupted, in.Unreachable = nil, true, true
		}),
		"largest seed":      edited(func(in *BuildInput) { in.Tool.Seed = 1<<64 - 1 }),
		"bare spec results": edited(bare),
		"conformant": edited(func(in *BuildInput) {
			in.Selected, in.Results = in.Selected[:1], in.Results[:1]
		}),
	}
	schema := reportSchema(t)
	outcomes := map[any]bool{}
	for name, r := range reports {
		t.Run(name, func(t *testing.T) {
			doc := document(t, r)
			NewWithT(t).Expect(schema.Validate(doc)).To(Succeed())
			outcomes[doc["outcome"]] = true
		})
	}
	NewWithT(t).Expect(outcomes).To(HaveLen(5), "every outcome was validated")
}

// bare takes everything off the results that a spec may have left out.
func bare(in *BuildInput) {
	for i, s := range in.Results {
		in.Results[i] = SpecResult{Requirement: s.Requirement, Verdict: s.Verdict}
	}
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
	// In the sample the first requirement passes, the second fails, and the fourth is a SHOULD.
	tests := map[string]func(doc map[string]any){
		"an unknown member":              func(doc map[string]any) { doc["extra"] = true },
		"no headline":                    func(doc map[string]any) { delete(doc, "headline") },
		"another major version":          func(doc map[string]any) { doc["schema_version"] = "2.0" },
		"null for a list":                func(doc map[string]any) { doc["facts"] = nil },
		"an unknown outcome":             func(doc map[string]any) { doc["outcome"] = "ok" },
		"conformant with fails":          func(doc map[string]any) { doc["outcome"] = "conformant" },
		"incomplete with fails":          func(doc map[string]any) { doc["outcome"] = "incomplete" },
		"non-conformant without fails":   func(doc map[string]any) { object(doc, "counts")["fail"] = json.Number("0") },
		"unreachable with requirements":  func(doc map[string]any) { doc["outcome"], doc["errors"] = "unreachable", []any{"gone"} },
		"interrupted without a word":     func(doc map[string]any) { doc["outcome"] = "interrupted" },
		"a time that is none":            func(doc map[string]any) { doc["started"] = "yesterday" },
		"a count that is missing":        func(doc map[string]any) { delete(object(doc, "counts"), "error") },
		"a negative count":               func(doc map[string]any) { object(doc, "counts")["pass"] = json.Number("-1") },
		"an unknown role":                func(doc map[string]any) { object(doc, "target")["role"] = "sender" },
		"a malformed id":                 func(doc map[string]any) { object(doc, "requirements", 0)["id"] = "Receiver Signature" },
		"an unknown verdict":             func(doc map[string]any) { object(doc, "requirements", 0)["verdict"] = "passed" },
		"an unknown level":               func(doc map[string]any) { object(doc, "requirements", 0)["level"] = "MAY" },
		"a SHOULD that fails":            func(doc map[string]any) { object(doc, "requirements", 3)["verdict"] = "fail" },
		"a pass over a failing spec":     func(doc map[string]any) { object(doc, "requirements", 1)["verdict"] = "pass" },
		"a requirement without specs":    func(doc map[string]any) { object(doc, "requirements", 0)["specs"] = []any{} },
		"a requirement without a source": func(doc map[string]any) { object(doc, "requirements", 0)["source"] = []any{} },
		"a fail without a reason":        func(doc map[string]any) { delete(object(doc, "requirements", 1, "specs", 1), "reason") },
		"a fail without what was seen":   func(doc map[string]any) { delete(object(doc, "requirements", 1, "specs", 1), "seen") },
		"exchanges of a pass": func(doc map[string]any) {
			object(doc, "requirements", 0, "specs", 0)["exchanges"] = object(doc, "requirements", 1, "specs", 1)["exchanges"]
		},
		"a digest that is none": func(doc map[string]any) {
			object(doc, "requirements", 1, "specs", 1, "exchanges", 0, "request", "body")["sha256"] = "abc"
		},
		"a body that is text and not": func(doc map[string]any) {
			object(doc, "requirements", 1, "specs", 1, "exchanges", 0, "request", "body")["base64"] = "YWJj"
		},
		"a record without its digest":  func(doc map[string]any) { delete(object(doc, "self_check"), "digest") },
		"a figure that is missing":     func(doc map[string]any) { delete(object(doc, "self_check", "figures"), "false_alarms") },
		"a proof without its total":    func(doc map[string]any) { delete(object(doc, "requirements", 0, "proven_on"), "total") },
		"a proof without its defect":   func(doc map[string]any) { delete(object(doc, "requirements", 1, "proven_on", "mutants", 0), "defect") },
		"an unknown member of a proof": func(doc map[string]any) { object(doc, "requirements", 1, "proven_on", "mutants", 0)["extra"] = true },
		"an unknown member of a header": func(doc map[string]any) {
			object(doc, "requirements", 1, "specs", 1, "exchanges", 0, "request", "header", 0)["secret"] = "x"
		},
	}
	schema := reportSchema(t)
	NewWithT(t).Expect(schema.Validate(document(t, sampleReport()))).To(Succeed(), "the corruptions start from a valid report")
	for name, corrupt := range tests {
		t.Run(name, func(t *testing.T) {
			doc := document(t, sampleReport())
			corrupt(doc)
			NewWithT(t).Expect(schema.Validate(doc)).NotTo(Succeed())
		})
	}
}

func TestEqualReportsGiveEqualBytes(t *testing.T) {
	g := NewWithT(t)
	var first, second bytes.Buffer
	g.Expect(WriteJSON(&first, sampleReport())).To(Succeed())
	g.Expect(WriteJSON(&second, sampleReport())).To(Succeed())
	g.Expect(first.String()).To(Equal(second.String()))
	g.Expect(strings.Contains(first.String(), "<h1>Internal Server Error</h1>")).To(BeTrue(), "evidence is not escaped for HTML")
}
