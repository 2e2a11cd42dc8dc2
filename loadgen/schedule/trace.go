package schedule

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// The limits of a trace. Its offsets stay in memory: 8 bytes for a start.
const (
	maxTraceStarts = 10_000_000
	maxTraceLine   = 256
)

// Trace is a recorded course: when deliveries started, and which events they were.
type Trace struct {
	// Offsets are the times of the starts since the beginning, none before the one ahead of it.
	Offsets []time.Duration
	// Events are the events' names by start, empty where the trace does not tell; nil where it tells of none.
	Events []string
	// SHA256 is that of the file, in hexadecimal.
	SHA256 string
}

// ReadTrace reads a trace file. known says which events there are. An error is one line with the file and the line.
func ReadTrace(path string, known func(event string) bool) (t *Trace, err error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("trace %s cannot be read: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	t, err = ParseTrace(f, known)
	if err != nil {
		return nil, fmt.Errorf("trace %s%w", path, err)
	}
	return t, nil
}

// ParseTrace reads a trace: a line for each start, with its time since the beginning in seconds and, behind a comma, its
// event where it is known. Empty lines, lines that begin with # and a first line "seconds" or "seconds,event" count for
// nothing.
//
//	seconds,event
//	0.000,message.received
//	0.012,message.status
//	0.250
func ParseTrace(r io.Reader, known func(event string) bool) (*Trace, error) {
	sum := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, sum))
	lines.Buffer(make([]byte, 0, maxTraceLine), maxTraceLine)
	t := &Trace{}
	names := map[string]string{}
	number := 0
	for lines.Scan() {
		number++
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || number == 1 && (line == "seconds" || line == "seconds,event") {
			continue
		}
		if err := t.add(line, names, known); err != nil {
			return nil, fmt.Errorf(":%d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("the line is longer than %d bytes; a line is a number of seconds and an event", maxTraceLine)
		}
		return nil, fmt.Errorf(":%d: %w", number+1, err)
	}
	if len(t.Offsets) == 0 {
		return nil, errors.New(": there is no start in it; a line is a number of seconds and an event, such as 0.250,message.status")
	}
	t.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return t, nil
}

func (t *Trace) add(line string, names map[string]string, known func(string) bool) error {
	text, event, _ := strings.Cut(line, ",")
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(value >= 0 && value < MaxDuration.Seconds()) {
		return fmt.Errorf("%q is not a time in seconds from 0 to %.0f", text, MaxDuration.Seconds())
	}
	at := seconds(value)
	if n := len(t.Offsets); n > 0 && at < t.Offsets[n-1] {
		return fmt.Errorf("%s comes before %s of the line ahead; times must not go back", at, t.Offsets[n-1])
	}
	if len(t.Offsets) == maxTraceStarts {
		return fmt.Errorf("more than %d starts", maxTraceStarts)
	}
	event = strings.TrimSpace(event)
	if event != "" {
		if _, seen := names[event]; !seen {
			if !known(event) {
				return fmt.Errorf("unknown event %q", event)
			}
			// One string for all lines, whatever the size of the file.
			names[event] = strings.Clone(event)
		}
		if t.Events == nil {
			t.Events = make([]string, len(t.Offsets), cap(t.Offsets))
		}
		event = names[event]
	}
	t.Offsets = append(t.Offsets, at)
	if t.Events != nil {
		t.Events = append(t.Events, event)
	}
	return nil
}

// Mix is the share of each event among the first n starts; those without an event follow the mix that is given.
func (t *Trace) Mix(others map[string]float64, n uint64) map[string]float64 {
	counts := map[string]float64{}
	for _, event := range t.Events[:n] {
		counts[event]++
	}
	out := map[string]float64{}
	for event, count := range counts {
		if event != "" {
			out[event] += count / float64(n)
		}
	}
	for event, share := range others {
		if open := counts[""]; open > 0 {
			out[event] += share * open / float64(n)
		}
	}
	return out
}
