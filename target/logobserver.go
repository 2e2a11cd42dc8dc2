package target

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/target/follow"
	"github.com/kirimcheck/kirimcheck/target/program"
)

// readEvery is how often a file is read while nobody asks, so that no rotation in between is missed.
const readEvery = 100 * time.Millisecond

// logObserver counts the lines of a log. Each process of a run follows the log by itself, from when it began.
type logObserver struct {
	place  string
	reader lineReader
	tally  *tally
	// lines and effects are how many were read.
	lines, effects atomic.Int64

	// file is what is followed; nil where it is what a command prints. reading is held until what a reading found is kept.
	file    *follow.File
	reading sync.Mutex
	stop    context.CancelFunc
	busy    sync.WaitGroup

	running *program.Running
	command string
}

func newLogObserver(ctx context.Context, c LogObserver, dir string) (*logObserver, error) {
	reader, wrong := c.check(dir)
	if wrong != nil {
		return nil, wrong
	}
	o := &logObserver{reader: reader, tally: newTally(reader.tells()), stop: func() {}}
	if c.File != "" {
		return o, o.follow(c.path(dir))
	}
	return o, o.start(ctx, c, dir)
}

// take counts the effect that a line tells.
func (o *logObserver) take(line []byte) {
	o.lines.Add(1)
	e, ok, err := o.reader.effect(line)
	switch {
	case err != nil:
		o.tally.spoil(err)
	case ok:
		o.effects.Add(1)
		o.tally.add(e)
	}
}

// follow begins to follow a file, and keeps reading it.
func (o *logObserver) follow(path string) error {
	file, err := follow.Open(path, o.take)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.place, o.file, o.stop = path, file, cancel
	o.busy.Go(func() {
		ticker := time.NewTicker(readEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// An error comes again at the next look, which tells it.
				_ = o.read(ctx)
			}
		}
	})
	return nil
}

// read reads what was written so far. A line that was too long may have been an effect.
func (o *logObserver) read(ctx context.Context) error {
	o.reading.Lock()
	defer o.reading.Unlock()
	err := o.file.Read(ctx)
	if long, ok := errors.AsType[*follow.LongLineError](err); ok {
		o.tally.spoil(long)
		return nil
	}
	return err
}

// start starts a command and gives it the time to begin.
func (o *logObserver) start(ctx context.Context, c LogObserver, dir string) error {
	p := program.Program{Args: c.Command, Dir: dir}
	o.command = c.Command[0]
	if c.Shell {
		p.Args, o.command = program.Shell(c.Command[0]), "the shell line"
	}
	o.place = o.command
	lines := &follow.Lines{Line: o.take}
	running, err := p.Start(func(piece []byte) {
		if _, err := lines.Write(piece); err != nil {
			o.tally.spoil(err)
		}
	})
	if err != nil {
		return fmt.Errorf("command: %w", err)
	}
	o.running = running
	warm, cancel := context.WithTimeout(ctx, orDefault(c.Warmup, defaultWarmup))
	defer cancel()
	select {
	case <-warm.Done():
	case <-running.Done():
	}
	err = o.ended()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, o.running.Close())
	}
	return nil
}

// ended is why the command no longer follows; nil while it does, and where a file is followed.
func (o *logObserver) ended() error {
	if o.running == nil || o.running.Err() == nil {
		return nil
	}
	return fmt.Errorf("command: %s no longer follows: %w", o.command, o.running.Err())
}

// Count reads what was written so far and returns how often the effect is in it.
func (o *logObserver) Count(ctx context.Context, e Effect) (int, error) {
	if o.file != nil {
		if err := o.read(ctx); err != nil {
			return 0, fmt.Errorf("observer log: file: %w", err)
		}
	}
	if err := o.ended(); err != nil {
		return 0, fmt.Errorf("observer log: %w", err)
	}
	n, err := o.tally.count(e)
	if err != nil {
		return 0, fmt.Errorf("observer log: %w, so an effect may be missing", err)
	}
	return n, nil
}

// Tells reports which members the lines have.
func (o *logObserver) Tells() Tells { return o.tally.told }

// Saw tells what was read, for whoever wonders why it was nothing.
func (o *logObserver) Saw() string {
	lines, effects := o.lines.Load(), o.effects.Load()
	switch {
	case o.file != nil && !o.file.Exists():
		return "there is no file " + o.place
	case lines == 0:
		return "no line was added to it since the run began"
	default:
		return fmt.Sprintf("of %d lines that were added since the run began, %d are effects", lines, effects)
	}
}

// String names the observer and what it follows.
func (o *logObserver) String() string { return "log, " + o.place }

// close ends the following.
func (o *logObserver) close() error {
	o.stop()
	o.busy.Wait()
	if o.running != nil {
		return o.running.Close()
	}
	return o.file.Close()
}
