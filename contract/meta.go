package contract

import "time"

// Citation says where a rule is written.
type Citation struct {
	Document string `yaml:"document" json:"document"`
	Section  string `yaml:"section" json:"section"`
}

// String renders the citation as "document, section".
func (c Citation) String() string {
	if c.Section == "" {
		return c.Document
	}
	return c.Document + ", " + c.Section
}

// Parameter is a number of the contract together with the place that states it.
type Parameter[T any] struct {
	Value  T        `yaml:"value"`
	Source Citation `yaml:"source"`
}

// Meta holds the parameters of Meta's own webhooks.
type Meta struct {
	// PayloadLimit is the largest body, in bytes.
	PayloadLimit Parameter[int] `yaml:"payload_limit"`
	// BatchLimit is the largest number of updates in one POST.
	BatchLimit Parameter[int] `yaml:"batch_limit"`
	// RetryWindow is how long Meta goes on trying.
	RetryWindow Parameter[time.Duration] `yaml:"retry_window"`
}

// LoadMeta returns Meta's parameters.
func LoadMeta() (Meta, error) {
	var m Meta
	return m, load("meta.yaml", &m)
}

// Reading is how an open question of the documentation is answered here.
type Reading struct {
	ID       string `yaml:"id"`
	Question string `yaml:"question"`
	Reading  string `yaml:"reading"`
}

// Readings returns every reading by its id.
func Readings() (map[string]Reading, error) {
	var list []Reading
	if err := load("readings.yaml", &list); err != nil {
		return nil, err
	}
	byID := make(map[string]Reading, len(list))
	for _, r := range list {
		byID[r.ID] = r
	}
	return byID, nil
}
