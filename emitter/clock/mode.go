package clock

// Mode says in a word how a clock runs: real, scaled or virtual; other for a clock of somebody else.
func Mode(c Clock) string {
	switch c.(type) {
	case real:
		return "real"
	case scaled:
		return "scaled"
	case *Virtual:
		return "virtual"
	}
	return "other"
}
