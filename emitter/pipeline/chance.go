package pipeline

// chance is the unit of an attempt's jitter, in [0, 1). It depends on nothing but the arguments, so that a run with the
// same seed has the same schedule however its attempts interleave.
func chance(seed uint64, delivery int64, attempt int) float64 {
	h := mix(seed)
	h = mix(h ^ uint64(delivery))
	h = mix(h ^ uint64(attempt))
	// A float64 has 53 bits of precision.
	return float64(h>>11) / (1 << 53)
}

// mix is one step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
