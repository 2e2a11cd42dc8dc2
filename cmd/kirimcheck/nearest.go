package main

import (
	"cmp"
	"slices"
	"strings"
)

// maxNearest bounds the names that an error about a wrong one suggests.
const maxNearest = 5

// nearest returns the names that somebody may have meant by a word: those that hold it, or are held by it, first, and then
// those that take the fewest letters to change. Names of equal distance come in the order of the alphabet.
func nearest(word string, names []string) []string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	distances := make(map[string]int, len(names))
	for _, name := range names {
		distances[name] = distance(word, name)
		if word != "" && (strings.Contains(name, word) || strings.Contains(word, name)) {
			distances[name] -= len(word) + len(name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distances[a], distances[b]) })
	return names[:min(len(names), maxNearest)]
}

// distance is the number of bytes to insert, delete and replace to make one word of the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
