package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseShare reads a share in percent, such as 2%. The sign is required: 0.02 could be meant either way.
func parseShare(text string) (float64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(value >= 0 && value <= 100) {
		return 0, fmt.Errorf("%q is not a share from 0%% to 100%%, such as 2%%", text)
	}
	return value / 100, nil
}

// parseSize reads a number of bytes, such as 2000, 64KiB or 3MB.
func parseSize(text string) (int, error) {
	number := strings.TrimRight(text, "KMiB")
	unit := map[string]float64{"": 1, "B": 1, "KB": 1e3, "KiB": 1 << 10, "MB": 1e6, "MiB": 1 << 20}[text[len(number):]]
	value, err := strconv.ParseFloat(number, 64)
	if unit == 0 || err != nil || !(value > 0 && value*unit <= math.MaxInt32) {
		return 0, fmt.Errorf("%q is not a size, such as 2000, 64KiB or 3MB", text)
	}
	return int(value * unit), nil
}
