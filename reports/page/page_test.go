package page

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestDurations(t *testing.T) {
	tests := map[float64]string{0: "0.0 ms", 1.84: "1.8 ms", 41.5: "42 ms", 999.4: "999 ms", 1500: "1.5 s", 83_000: "1m23s"}
	for give, want := range tests {
		NewWithT(t).Expect(Duration(give)).To(Equal(want))
	}
}

func TestAShareNeverRoundsUpToAll(t *testing.T) {
	for give, want := range map[float64]string{0: "0.0 %", 0.5: "50.0 %", 0.9996: "99.9 %", 1: "100.0 %"} {
		NewWithT(t).Expect(Percent(give)).To(Equal(want))
	}
}
