package target

import (
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// ScheduleConfig is a schedule of retries that is the relay's own. The specs wait by it; what Kirim's schedule asks for and
// this one does not have is not applicable where the relay keeps to its own.
type ScheduleConfig struct {
	// Own is why it is not Kirim's.
	Own string `yaml:"own"`
	// Delays are the waits before each attempt, the first one included; by default Kirim's.
	Delays []time.Duration `yaml:"delays"`
	// Jitter is the largest relative deviation of a delay; by default Kirim's.
	Jitter *float64 `yaml:"jitter"`
	// Timeout bounds one attempt; by default Kirim's.
	Timeout time.Duration `yaml:"timeout"`
}

// fewestAttempts is how many attempts specs look at in any case.
const fewestAttempts = 4

// resolve returns the rule of the relay.
func (c *ScheduleConfig) resolve(kirim contract.DeliveryRule) (contract.DeliveryRule, *fieldError) {
	if c == nil {
		return kirim, nil
	}
	rule := kirim
	switch {
	case c.Own == "":
		return kirim, &fieldError{"own", "is missing; write the reason why the schedule is not Kirim's"}
	case c.Delays != nil && len(c.Delays) < fewestAttempts:
		return kirim, &fieldError{"delays", fmt.Sprintf("has %d; write the waits before each attempt, %d of them or more, the first one 0s", len(c.Delays), fewestAttempts)}
	case c.Jitter != nil && !(*c.Jitter >= 0 && *c.Jitter < 1):
		return kirim, &fieldError{"jitter", fmt.Sprintf("%v is none; write the largest relative deviation, such as 0.2", *c.Jitter)}
	case c.Timeout < 0:
		return kirim, &fieldError{"timeout", fmt.Sprintf("%s is negative; write a duration such as 10s", c.Timeout)}
	}
	for i, d := range c.Delays {
		if (i == 0) != (d == 0) || d < 0 {
			return kirim, &fieldError{"delays", fmt.Sprintf("number %d is %s; the first attempt comes at once (0s), and each other one some time after the one before it", i+1, d)}
		}
	}
	if c.Delays != nil {
		rule.Delays = c.Delays
	}
	if c.Jitter != nil {
		rule.Jitter = *c.Jitter
	}
	rule.Timeout = orDefault(c.Timeout, rule.Timeout)
	return rule, nil
}
