package target

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Secret is a signing secret. Printed, logged or encoded in any way it shows as [redacted]; only Reveal gives it out.
type Secret struct {
	// A pointer, because fmt calls no methods on what stands in unexported fields of other types, but prints an address.
	value *string
}

// NewSecret wraps a secret.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the secret itself, for signing and for redaction; empty where there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

const redacted = "[redacted]"

// String hides the secret from whoever asks for text.
func (s Secret) String() string { return redacted }

// Format hides the secret from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) {
	// The writer is fmt's own buffer, which takes everything.
	_, _ = io.WriteString(f, redacted)
}

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// maxSecret bounds the read of a secret file; secrets have some dozens of bytes.
const maxSecret = 4096

// read fetches the secret from where the reference points. Errors name the place and never the content.
func (r SecretRef) read(dir string) (Secret, error) {
	switch {
	case r.Env == "" && r.File == "":
		return Secret{}, errors.New("is missing; write {env: NAME} or {file: PATH}")
	case r.Env != "" && r.File != "":
		return Secret{}, errors.New("both env and file are set; keep one")
	case r.Env != "":
		value, ok := os.LookupEnv(r.Env)
		if !ok {
			return Secret{}, fmt.Errorf("the environment variable %s is not set", r.Env)
		}
		if value == "" {
			return Secret{}, fmt.Errorf("the environment variable %s is empty", r.Env)
		}
		return NewSecret(value), nil
	default:
		path := r.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		value, err := readSecretFile(path)
		if err != nil {
			return Secret{}, err
		}
		return NewSecret(value), nil
	}
}

func readSecretFile(path string) (value string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("the file %s is longer than %d bytes, which no secret is", path, maxSecret)
	}
	value = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("the file %s is empty", path)
	}
	return value, nil
}
