package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exampleWith returns the first YAML block of docs/target.md that holds a text.
func exampleWith(t *testing.T, holds string) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/target.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(doc), "```yaml\n") {
		block, _, _ = strings.Cut(block, "```")
		if i > 0 && strings.Contains(block, holds) {
			return block
		}
	}
	t.Fatalf("docs/target.md has no example with %q", holds)
	return ""
}

// The example of a relay with a schema of its own works as it stands.
func TestTheDocumentsGraphQLExampleFitsItsSchema(t *testing.T) {
	t.Setenv("HOOKS_KEY", testKey)
	t.Setenv("META_APP_SECRET", "0123456789abcdef0123456789abcdef")
	path := writeTarget(t, exampleWith(t, "endpointCreate"))
	schema, err := os.ReadFile("testdata/hooks.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "hooks.graphql"), schema, 0o600); err != nil {
		t.Fatal(err)
	}
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tgt.NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.(*GraphQL).learn.operations); n != 3 {
		t.Errorf("there are %d operations", n)
	}
}

// Every operation stands in the document's table, with the capability it belongs to and each of its values.
func TestTheDocumentListsEveryOperation(t *testing.T) {
	doc, err := os.ReadFile("../docs/target.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## GraphQL\n")
	for _, call := range graphQLCalls {
		_, row, found := strings.Cut(section, "\n| `"+call.name+"` | ")
		row, _, _ = strings.Cut(row, "\n")
		if !found {
			t.Errorf("%s is not in the table", call.name)
			continue
		}
		if call.needs != "" && !strings.HasPrefix(row, "`"+string(call.needs)+"`") {
			t.Errorf("%s belongs to %s; the row says %s", call.name, call.needs, row)
		}
		spec := call.spec(vocabulary{attempts: true})
		for _, v := range spec.Values {
			name := "`" + v.Name + "`"
			if v.Sometimes {
				name = "`" + v.Name + "?`"
			}
			if v.Name != accountID.Name && !strings.Contains(row, name) {
				t.Errorf("%s: the row lacks the value %s", call.name, name)
			}
		}
		for _, r := range spec.Results {
			if !strings.Contains(row, "`"+r.Name+"`") && !strings.Contains(row, "the same") {
				t.Errorf("%s: the row lacks the result %s", call.name, r.Name)
			}
		}
	}
}
