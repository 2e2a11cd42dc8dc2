package suites

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayRetryAfter holds the specs of Retry-After (reading Q14: the later of it and the schedule counts, on a 429 alone).
func (s *Session) relayRetryAfter() {
	s.serialSpec("relay.retry.retry-after-seconds", "", func(c *relayCheck) {
		asked := c.asked()
		c.putOff(asked, strconv.Itoa(int(asked/time.Second)))
	}, target.RetryAfter)
	s.serialSpec("relay.retry.retry-after-date", "", func(c *relayCheck) {
		asked := c.asked()
		c.putOff(asked, c.now().Add(asked).UTC().Format(http.TimeFormat))
	}, target.RetryAfter)
	s.serialSpec("relay.retry.retry-after-shorter", "", func(c *relayCheck) {
		past := c.now().Add(-time.Hour).UTC().Format(http.TimeFormat)
		var answers []subscriber.Answer
		for _, value := range []string{"0", "1", past, "-5", "soon"} {
			answers = append(answers, subscriber.RetryAfter(http.StatusTooManyRequests, value))
		}
		c.onSchedule(answers)
	}, target.RetryAfter)
	s.serialSpec("relay.retry.retry-after-other", "", func(c *relayCheck) {
		var answers []subscriber.Answer
		for _, status := range []int{http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusFound} {
			answers = append(answers, subscriber.RetryAfter(status, strconv.Itoa(int(c.asked()/time.Second))))
		}
		c.onSchedule(answers)
	})
}

// asked is a wait that no schedule makes by itself before the second attempt: five times the delay and its jitter, and a
// good deal more than arrivals can tell apart.
func (c *relayCheck) asked() time.Duration {
	return max(5*c.longest(2), 10*c.clock.Resolution()).Truncate(time.Second)
}

// putOff answers 429 with a Retry-After and judges when the next attempt comes: not before, and not much later. What a
// relay adds to spread the retries of many, up to its delay and the jitter of the wait, is its own affair.
func (c *relayCheck) putOff(asked time.Duration, value string) {
	sub := c.Subscribe(messageReceived).Timed()
	sub.Answer(subscriber.RetryAfter(http.StatusTooManyRequests, value))
	c.Meta(c.Message(""))
	from := sub.At(sub.Await(1, "the first attempt")[0])
	slack := rounding + c.lateness()
	least := asked - slack
	most := time.Duration(float64(asked)*(1+c.edition.Delivery.Jitter)) + c.longest(2) + slack
	expected := fmt.Sprintf("after a 429 with Retry-After: %s, attempt 2 comes %s to %s after attempt 1", value, least, most)
	c.Pass(most)
	got := c.came(sub, 2)
	if len(got) < 2 {
		c.Broken(expected, "no second attempt")
	}
	if took := sub.At(got[1]).Sub(from); took < least || took > most {
		c.Broken(expected, fmt.Sprintf("%s after it", took.Round(time.Millisecond)))
	}
}

// onSchedule gives each answer to an event of its own, and judges that the next attempt keeps to the schedule.
func (c *relayCheck) onSchedule(answers []subscriber.Answer) {
	c.tellsApart(2)
	sub := c.Subscribe(messageReceived).Timed()
	events := c.answered(sub, answers)
	c.PassTo(2)
	got := c.came(sub, 2*len(answers))
	least, most := c.band(2)
	for i, a := range answers {
		mine := about(got, events[i])
		expected := fmt.Sprintf("after a %d with Retry-After: %s, attempt 2 comes %s to %s after attempt 1", a.Status, a.Header[0].Value, least, most)
		if len(mine) < 2 {
			c.Broken(expected, fmt.Sprintf("no second attempt within %s", c.longest(2)))
		}
		if took := sub.At(mine[1]).Sub(sub.At(mine[0])); took < least || took > most {
			c.Broken(expected, fmt.Sprintf("%s after it", took.Round(time.Millisecond)))
		}
	}
}
