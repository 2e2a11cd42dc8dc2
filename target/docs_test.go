package target

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var example = regexp.MustCompile("(?ms)^```yaml\n(# (?:in a )?target\\.yaml\n.*?)^```$")

// The documentation's target files of receivers work as they stand there.
func TestExamplesOfTheDocumentationAreTargetFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "target.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KIRIM_SECRET", hush)
	t.Setenv("EFFECTS_TOKEN", hush)
	t.Setenv("RECEIVER_DSN", "postgres://reader:"+hush+"@127.0.0.1:5432/orders")
	// What the examples run need not be here.
	programs := t.TempDir()
	add(t, filepath.Join(programs, "docker"), "")
	if err := os.Chmod(filepath.Join(programs, "docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	seen := map[string]bool{}
	for _, m := range example.FindAllStringSubmatch(string(text), -1) {
		file := m[1]
		if strings.HasPrefix(file, "# in a") {
			file += "url: http://127.0.0.1:8080/\nsecret: {env: KIRIM_SECRET}\n"
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "count-effects"), nil, 0o700); err != nil {
			t.Fatal(err)
		}
		add(t, filepath.Join(dir, "target.yaml"), file)
		tgt, err := ReadFile(filepath.Join(dir, "target.yaml"))
		if err != nil {
			t.Errorf("%v\n%s", err, file)
			continue
		}
		for _, adapter := range tgt.Observe.adapters() {
			seen[adapter] = true
		}
	}
	for _, adapter := range []string{"http", "callback", "sql", "command", "log", "graphql"} {
		if !seen[adapter] {
			t.Errorf("no example of %s", adapter)
		}
	}
}
