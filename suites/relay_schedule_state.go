package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
)

// savedSchedule is the observation of a schedule in a state file. It holds signing secrets, and paths that nobody else
// should know.
type savedSchedule struct {
	// Version is that of this form.
	Version int `json:"version"`
	// Target and Edition are what the observation is of.
	Target        string              `json:"target"`
	Edition       string              `json:"edition"`
	Subscriptions []savedSubscription `json:"subscriptions"`
	// Over says that it went to its end; Fenced and Unended are what was seen there.
	Over    bool `json:"over"`
	Fenced  int  `json:"fenced"`
	Unended int  `json:"unended"`
}

type savedSubscription struct {
	ID string `json:"id"`
	// URL is the whole address, Path what is the endpoint's own of it.
	URL        string    `json:"url"`
	Path       string    `json:"path"`
	Secret     string    `json:"secret"`
	Deliveries []*course `json:"deliveries"`
}

const (
	stateVersion = 1
	// maxState bounds the reading of a state file. A whole observation takes a hundredth of it.
	maxState = 16 << 20
)

// saveSchedule writes the observation to its file.
func (c *relayCheck) saveSchedule(sch *schedule) {
	if err := c.keepSchedule(sch); err != nil {
		c.Error("%v", err)
	}
}

// keepSchedule writes the observation to its file, where it was made and has one.
func (s *Session) keepSchedule(sch *schedule) error {
	if sch == nil || !sch.done || sch.file == "" {
		return nil
	}
	saved := savedSchedule{
		Version: stateVersion, Target: s.target.URL, Edition: s.edition.ID, Over: sch.over, Fenced: sch.fenced, Unended: sch.unended,
	}
	for _, f := range sch.subs {
		one := savedSubscription{ID: f.ID, URL: f.endpoint.URL(), Path: f.path, Secret: f.secret}
		f.each(func(co *course) bool {
			// Copied, because attempts go on coming.
			copied := course{Event: co.Event, Arrivals: append([]arrival(nil), co.Arrivals...)}
			one.Deliveries = append(one.Deliveries, &copied)
			return true
		})
		saved.Subscriptions = append(saved.Subscriptions, one)
	}
	if err := writeState(sch.file, saved); err != nil {
		return fmt.Errorf("the state file cannot be written: %w", err)
	}
	return nil
}

// writeState replaces a state file in one step, so that a run that is killed leaves the old or the new one. Only the
// user may read it.
func writeState(path string, saved savedSchedule) (err error) {
	data, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	// CreateTemp gives the file the mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// readState reads a state file.
func readState(path string) (saved savedSchedule, err error) {
	file, err := os.Open(path)
	if err != nil {
		return saved, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err := io.ReadAll(io.LimitReader(file, maxState+1))
	switch {
	case err != nil:
		return saved, err
	case len(data) > maxState:
		return saved, fmt.Errorf("%s is longer than the %d bytes that a state file can have", path, maxState)
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		return saved, fmt.Errorf("%s is no state file: %w; remove it, and run without --resume to begin anew", path, err)
	}
	if saved.Version != stateVersion {
		return saved, fmt.Errorf("%s is of version %d, and this program writes %d; remove it, and run without --resume to begin anew",
			path, saved.Version, stateVersion)
	}
	return saved, nil
}

// stateFile is where the observation is kept for a later run; empty where none can go on with it.
func (s *Session) stateFile() string {
	if s.relay.clock.Mode() != target.RealClock {
		return ""
	}
	return s.target.StatePath()
}

// resumeSchedule takes up the observation in the state file; nil where there is none yet. It does so before any spec runs:
// a retry that found no subscriber, or that of another spec, would have its answer, and might be the last of its delivery.
func (s *Session) resumeSchedule() (*schedule, error) {
	sch := &schedule{changed: make(chan struct{}, 1), listens: time.Now(), file: s.stateFile()}
	if sch.file == "" {
		return nil, errors.New("nothing can be resumed: it takes a real clock, and a state file in the target file; see clock and state there")
	}
	saved, err := readState(sch.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case saved.Target != s.target.URL || saved.Edition != s.edition.ID:
		return nil, fmt.Errorf("%s is about %s in the edition %s, and not about this target", sch.file, saved.Target, saved.Edition)
	}
	sch.over, sch.fenced, sch.unended = saved.Over, saved.Fenced, saved.Unended
	for _, one := range saved.Subscriptions {
		if url := s.relay.subscribers.URL(one.Path); url != one.URL && !saved.Over {
			return nil, fmt.Errorf("the subscribers stood at %s when the observation began and would stand at %s now; give subscriber.listen a fixed port",
				one.URL, url)
		}
		f, err := s.followedAgain(one, sch.changed)
		if err != nil {
			return nil, err
		}
		f.resume(one.Deliveries)
		sch.subs = append(sch.subs, f)
	}
	sch.done = true
	return sch, nil
}

// followedAgain takes up a subscription of an earlier run.
func (s *Session) followedAgain(one savedSubscription, changed chan struct{}) (*followed, error) {
	if s.relay.byHand != nil {
		h := s.relay.byHand.at(one.Path)
		if h == nil {
			return nil, fmt.Errorf("the observation is of the subscription at %s, which management.static names no more", one.Path)
		}
		return s.followByHand(h, changed, fails), nil
	}
	f := s.newFollowed(one.Path, changed, fails)
	f.ID, f.secret = one.ID, one.Secret
	return f, nil
}

// resume goes on with what an earlier run saw of the deliveries.
func (f *followed) resume(courses []*course) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.courses = courses
	for _, co := range courses {
		co.gap = true
	}
}

// discard deletes the subscriptions of an earlier observation that nobody goes on with.
func (c *relayCheck) discard(path string) {
	saved, err := readState(path)
	if err != nil || saved.Over || saved.Target != c.target.URL {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.arrivalTimeout())
	defer cancel()
	for _, one := range saved.Subscriptions {
		if _, err := c.management.DeleteSubscription(ctx, one.ID); err != nil && !notThere(err) {
			c.Fact("cleanup", "A subscription of an earlier observation could not be deleted: %v.", err)
			return
		}
	}
}

// outOfReach says why an attempt was not seen, and what would let it be. The number after the last attempt's stands for
// the quiet after it.
func (c *relayCheck) outOfReach(sch *schedule, attempt int) string {
	from, to := c.due(sch, attempt), c.due(sch, attempt)
	sch.each(func(co *course) bool {
		least, most := c.band(attempt)
		if at := c.latest(co, attempt).Add(least - most); at.Before(from) {
			from = at
		}
		return true
	})
	due := fmt.Sprintf("attempt %d is due between %s and %s", attempt, utc(from), utc(to))
	if last := len(c.edition.Delivery.Delays); attempt > last {
		due = fmt.Sprintf("what follows attempt %d could come until %s", last, utc(c.quiet(sch)))
	}
	advice := "choose a larger factor or a longer budget"
	switch {
	case c.clock.Mode() == target.RealClock && sch.file == "":
		advice = "with a state file in the target file, a run with --resume that listens then goes on with it"
	case c.clock.Mode() == target.RealClock:
		advice = "a run with --resume that listens then goes on with it"
	}
	return fmt.Sprintf("%s of the target's time, and in %s time the budget of %s ended before; %s", due, c.clock.Mode(), c.target.Budget, advice)
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }
