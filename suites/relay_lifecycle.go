package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// mortal makes the spec's relay one that can be killed and started again. It is called before anything else: against a
// target that is the target itself; the embedded relay, which dies with the harness, gets another one beside it with a
// database in a file.
func (c *relayCheck) mortal() {
	if c.lifecycle != nil {
		return
	}
	if c.config == nil {
		c.Untestable("the target file has no lifecycle section, so the relay cannot be killed and started")
	}
	dir, err := os.MkdirTemp("", "kirimcheck-")
	if err != nil {
		c.Error("no folder for a database: %v", err)
	}
	ginkgo.DeferCleanup(func() error { return os.RemoveAll(dir) })
	// A session of its own, so that other specs keep their relay.
	session, side := *c.Session, &relaySide{
		subscribers: c.subscribers, names: c.names, allowed: c.allowed, authority: c.authority, tls: c.tls, config: c.config,
	}
	session.relay = side
	life := &embeddedLife{side: side, dir: dir, config: *c.config}
	life.config.Data, life.config.Clock = life.file(), clock.NewVirtual(c.now())
	ginkgo.DeferCleanup(life.close)
	if err := life.Start(c.ctx); err != nil {
		c.Error("no relay with a database in a file: %v", err)
	}
	if err := session.openEmbedded(); err != nil {
		c.Error("no relay with a database in a file: %v", err)
	}
	session.party = session.newParty()
	side.lifecycle = life
	c.Session, c.relaySide = &session, side
}

// embeddedLife starts and ends an embedded relay, always at the same address.
type embeddedLife struct {
	side   *relaySide
	config server.Config
	power  *power
	// dir holds a database for each crash that there was, crashes of them.
	dir     string
	crashes int
}

func (l *embeddedLife) file() string {
	return filepath.Join(l.dir, fmt.Sprintf("relay-%d.db", l.crashes))
}

// Start starts the relay on what its end left behind.
func (l *embeddedLife) Start(ctx context.Context) (err error) {
	l.power = &power{}
	config, change := l.config, l.config.Change
	config.Change = func(p *server.Parts) {
		change(p)
		l.power.connect(p)
	}
	if l.side.reference, err = server.Start(ctx, config); err != nil {
		return err
	}
	// The next one has to be found where this one is.
	l.config.Listen = strings.TrimPrefix(l.side.reference.URL(), "http://")
	return nil
}

// Stop ends the relay in order.
func (l *embeddedLife) Stop(ctx context.Context) error {
	l.rest()
	return l.side.reference.Close(ctx)
}

// Kill ends the relay as a power cut would. From the moment of the cut nothing leaves it any more: no answer, no attempt.
// The files of its database are copied as they are then, which is exactly what a crash leaves behind: the database and
// the write-ahead log beside it. The log only grows until it is checkpointed, after far more than a spec writes, so a
// copy that is made while something is being written ends within the log, as a crash does. The relay that was killed is
// closed when the copy is there, and the next one starts on the copy.
func (l *embeddedLife) Kill(context.Context) error {
	l.rest()
	l.power.cut()
	from := l.file()
	l.crashes++
	l.config.Data = l.file()
	err := copyFile(from, l.config.Data)
	if logged := copyFile(from+"-wal", l.config.Data+"-wal"); !errors.Is(logged, fs.ErrNotExist) {
		err = errors.Join(err, logged)
	}
	if err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	return l.bury()
}

// rest has the next relay go on at the time of this one: whatever happens to a relay, time does not go back.
func (l *embeddedLife) rest() { l.config.Clock = clock.NewVirtual(l.config.Clock.Now()) }

// bury closes a relay without waiting for anything.
func (l *embeddedLife) bury() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	// It says that it was not waited for.
	if err := l.side.reference.Close(now); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("closing the relay: %w", err)
	}
	return nil
}

// close ends what still runs when the spec is over.
func (l *embeddedLife) close() error {
	if l.side.reference == nil {
		return nil
	}
	return l.bury()
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
