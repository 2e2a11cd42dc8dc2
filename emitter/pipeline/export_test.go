package pipeline

// What the tests outside of the package look into.
var (
	Chance        = chance
	MaxRetryAfter = maxRetryAfter
	KeptBodies    = keptBodies
)
