package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	// inner has a secret where fmt may not call methods.
	type inner struct{ s Secret }
	type outer struct {
		Public Secret
		hidden Secret
		deep   *inner
		list   []Secret
	}
	s := NewSecret(hush)
	values := map[string]any{
		"itself": s, "by pointer": &s, "in a struct": outer{s, s, &inner{s}, []Secret{s}}, "in a struct by pointer": &outer{Public: s, hidden: s},
		"in a list": []Secret{s}, "in a map": map[string]Secret{"a": s}, "as a key": map[Secret]bool{s: true}, "as any": []any{s},
		"a target": Target{Signing: s, Token: s}, "a target by pointer": &Target{Signing: s},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%t", "%T", "%p", "%U", "%c", "%e", "%10.3s", "%w"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, hush) || strings.Contains(got, fmt.Sprintf("%x", hush)) {
				t.Errorf("%s by %s: %s", name, verb, got)
			}
		}
		if got := fmt.Sprint(v) + fmt.Sprintln(v) + errors.Join(fmt.Errorf("%v", v)).Error(); strings.Contains(got, hush) {
			t.Errorf("%s: %s", name, got)
		}
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("message", "value", v, "group", slog.GroupValue(slog.Any("a", v)))
		}
		if strings.Contains(log.String(), hush) {
			t.Errorf("%s is logged: %s", name, log.String())
		}
	}
	for name, v := range map[string]any{"itself": s, "by pointer": &s, "in a map": map[string]any{"a": s}, "in a struct": struct{ A Secret }{s}} {
		asJSON, err := json.Marshal(v)
		if err != nil || !strings.Contains(string(asJSON), redacted) || strings.Contains(string(asJSON), hush) {
			t.Errorf("%s as JSON: %s, %v", name, asJSON, err)
		}
		asYAML, err := yaml.Dump(v)
		if err != nil || !strings.Contains(string(asYAML), redacted) || strings.Contains(string(asYAML), hush) {
			t.Errorf("%s as YAML: %s, %v", name, asYAML, err)
		}
	}
	if got := fmt.Sprintf("%v %s %d", s, s, s); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("printed as %s", got)
	}
}

func TestSecretIsRevealedOnRequest(t *testing.T) {
	if got := NewSecret(hush).Reveal(); got != hush {
		t.Errorf("revealed %q", got)
	}
	if got := (Secret{}).Reveal(); got != "" {
		t.Errorf("no secret is revealed as %q", got)
	}
}

func TestSecretIsReadFromItsFile(t *testing.T) {
	for name, c := range map[string]struct{ content, want, err string }{
		"no newline":             {"whsec_x", "whsec_x", ""},
		"one newline":            {"whsec_x\n", "whsec_x", ""},
		"one newline of Windows": {"whsec_x\r\n", "whsec_x", ""},
		"two newlines":           {"whsec_x\n\n", "whsec_x\n", ""},
		"blanks are part of it":  {" whsec_x \n", " whsec_x ", ""},
		"the longest":            {strings.Repeat("x", maxSecret), strings.Repeat("x", maxSecret), ""},
		"too long":               {strings.Repeat("x", maxSecret+1), "", "longer than 4096 bytes"},
		"empty":                  {"", "", "is empty"},
		"a newline alone":        {"\n", "", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, place := range []string{"secret", "./secret", filepath.Join(dir, "secret")} {
				s, err := SecretRef{File: place}.read(dir)
				if c.err != "" {
					isError(t, err, c.err, filepath.Join(dir, "secret"))
				} else if err != nil {
					t.Fatal(err)
				}
				if s.Reveal() != c.want {
					t.Errorf("read %q, want %q", s.Reveal(), c.want)
				}
			}
		})
	}
}

func TestSecretThatIsNotThereIsTold(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KIRIM_TEST_EMPTY", "")
	t.Setenv("KIRIM_TEST_SECRET", hush)
	for want, ref := range map[string]SecretRef{
		"is missing; write {env: NAME} or {file: PATH}": {},
		"keep one":                      {Env: "A", File: "b"},
		"NOT_SET_BY_ANYBODY is not set": {Env: "NOT_SET_BY_ANYBODY"},
		"KIRIM_TEST_EMPTY is empty":     {Env: "KIRIM_TEST_EMPTY"},
		filepath.Join(dir, "absent"):    {File: "absent"},
		"is a directory":                {File: dir},
	} {
		_, err := ref.read(dir)
		isError(t, err, want)
	}
	if s, err := (SecretRef{Env: "KIRIM_TEST_SECRET"}).read(dir); err != nil || s.Reveal() != hush {
		t.Errorf("%q, %v", s.Reveal(), err)
	}
}
