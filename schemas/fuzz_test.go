package schemas

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// addFixtures makes every fixture of these patterns a seed.
func addFixtures(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join("..", "fixtures", filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			f.Fatalf("%s: %d seeds, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			body, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
}

// Whatever comes in: no panic, only errors of the documented kind, findings that are there, the same answer twice, and
// an observed level that takes all that the documented level takes.
func FuzzValidateMeta(f *testing.F) {
	addFixtures(f, "events/message.*/*.json", "meta/*/*.json")
	for _, bodies := range []map[string]string{relaxations, refused} {
		for _, body := range bodies {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":[],"field":7}]},null,5]}`))
	f.Add([]byte(`{"entry":{"0":{}},"object":[]}`))
	set, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		valid := map[Level]bool{}
		for _, level := range Levels() {
			findings, err := set.ValidateMeta(level, body)
			again, errAgain := set.ValidateMeta(level, body)
			if !reflect.DeepEqual(findings, again) || !reflect.DeepEqual(err, errAgain) {
				t.Errorf("level %s: first %v, %v, then %v, %v", level, findings, err, again, errAgain)
			}
			var broken *ValidationError
			if err != nil && (!errors.As(err, &broken) || len(broken.Problems) == 0 || err.Error() == "") {
				t.Errorf("level %s: %#v is no ValidationError with its problems", level, err)
			}
			var doc any
			if json.Unmarshal(body, &doc) == nil {
				for _, pointer := range findings.UnknownFields {
					if _, ok := lookUp(doc, pointer); !ok {
						t.Errorf("level %s: there is nothing at %s", level, pointer)
					}
				}
			}
			valid[level] = err == nil
		}
		if valid[Documented] && !valid[Observed] {
			_, err := set.ValidateMeta(Observed, body)
			t.Errorf("valid to the letter, and yet %v", err)
		}
	})
}

func FuzzValidateEvent(f *testing.F) {
	addFixtures(f, "events/*/*.json")
	set, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, edition := range []string{"kckit", "kirim.chat", "kirimdev"} {
			for _, event := range set.Events(edition) {
				var broken *ValidationError
				if err := set.ValidateEvent(edition, event, body); err != nil && !errors.As(err, &broken) {
					t.Errorf("%s, %s: %v", edition, event, err)
				}
			}
		}
	})
}
