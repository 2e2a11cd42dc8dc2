package mutants

import (
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v4"
)

//go:embed single.yaml
var singleYAML []byte

// Single returns the requirements that no two mutants of different kinds can break, each with the reason.
func Single() (map[string]string, error) {
	var all map[string]string
	if err := yaml.Load(singleYAML, &all, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("mutants/single.yaml: %w", err)
	}
	for id, reason := range all {
		if reason == "" {
			return nil, fmt.Errorf("mutants/single.yaml: %s has no reason", id)
		}
	}
	return all, nil
}
