package schemas

import (
	"fmt"
	"maps"
	"strings"
)

// Level says by whose word a body of Meta's is judged.
type Level string

// The levels. Whatever the documented level takes, the observed level takes too.
const (
	// Documented is Meta's documentation to the letter.
	Documented Level = "documented"
	// Observed is the documentation, less what real traffic and working receivers disagree with.
	Observed Level = "observed"
)

// Levels returns both levels, the stricter one first.
func Levels() []Level { return []Level{Documented, Observed} }

// file is the name of one of the level's schemas.
func (l Level) file(name string) string { return "meta/" + string(l) + "/" + name }

// patchSuffix ends the names of the files that say how the observed level differs from the documented one.
const patchSuffix = ".patch.json"

// deriveObserved adds the observed level's schemas to the sources: each documented schema, changed by the JSON merge
// patch (RFC 7386) of the same name, if there is one. References between the schemas of a level are relative, so the
// copies refer to each other.
func deriveObserved(sources, patches map[string]any) error {
	for name, source := range maps.Clone(sources) {
		plain, ok := strings.CutPrefix(name, Documented.file(""))
		if !ok {
			continue
		}
		observed := Observed.file(plain)
		sources[observed] = source
		if patch, ok := patches[observed]; ok {
			sources[observed] = mergePatch(source, patch)
			delete(patches, observed)
		}
	}
	if left := sortedKeys(patches); len(left) > 0 {
		return fmt.Errorf("schemas/%s%s: there is no schema of this name at level %s", left[0], patchSuffix, Documented)
	}
	return nil
}

// mergePatch applies a JSON merge patch (RFC 7386) and leaves its arguments as they are.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	members, _ := target.(map[string]any)
	merged := make(map[string]any, len(members)+len(changes))
	maps.Copy(merged, members)
	for name, change := range changes {
		if change == nil {
			delete(merged, name)
			continue
		}
		merged[name] = mergePatch(merged[name], change)
	}
	return merged
}
