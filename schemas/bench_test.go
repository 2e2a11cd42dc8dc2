package schemas

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture reads an event's fixture: the typical body of its kind.
func fixture(tb testing.TB, path string) []byte {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("..", "fixtures", filepath.FromSlash(path)))
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func BenchmarkValidateMeta(b *testing.B) {
	set, err := Load()
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{
		"events/message.received/text.json", "events/message.received/image.json", "events/message.status/delivered.json",
	} {
		b.Run(strings.TrimSuffix(strings.TrimPrefix(path, "events/"), ".json"), func(b *testing.B) {
			body := fixture(b, path)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.ValidateMeta(Observed, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bodies/s")
		})
	}
}
