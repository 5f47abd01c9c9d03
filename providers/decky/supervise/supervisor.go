package supervise

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultShards is how many workers a lineage has.
const DefaultShards = 4

// Options of a Supervisor.
type Options struct {
	Log     *slog.Logger
	Lineage string
	DataDir string // both as providers.Env has them: the lineage is added
	RunDir  string
	// Worker is the command of a worker; it must call jail.Enter and then
	// Work.
	Worker []string
	// Shards is how many workers run, 1 to 16; DefaultShards where 0.
	Shards int
	// Idle ends a supervisor that was given nothing since its start; 30 s
	// where 0.
	Idle time.Duration
	// Rootless lets workers share the supervisor's uid where its user namespace
	// has no other. Only tests ask for it.
	Rootless bool
}

// Supervisor is the privileged process of one lineage.
type Supervisor struct {
	options Options
	dirs    Dirs
	image   string
	single  bool // workers have our own uid
	shards  []*shard
	leave   context.CancelFunc

	// forking is held to start a worker: until its exec, the child holds
	// copies of all our sockets, and a port that one of them closed meanwhile
	// cannot be opened again. Sockets are opened with it held for reading.
	forking sync.RWMutex

	// turn lets one batch or status at a time touch the units.
	turn  sync.Mutex
	units map[Key]*hosted
	gone  bool

	watchers watchers
}

// ErrBusy says that another supervisor serves the lineage.
var ErrBusy = errors.New("another supervisor serves this lineage")

// Run serves a lineage until ctx ends, its last unit is stopped, or a client
// asks it to retire. It first serves every recorded unit. Exactly one runs at a
// time; ErrBusy for a second.
func Run(ctx context.Context, options Options) error {
	if options.Shards == 0 {
		options.Shards = DefaultShards
	}
	if options.Idle == 0 {
		options.Idle = 30 * time.Second
	}
	if options.Shards < 0 || options.Shards > maxShards || len(options.Worker) == 0 || !validName(options.Lineage) {
		return fmt.Errorf("supervise: lineage %q with %d workers of command %q", options.Lineage, options.Shards, options.Worker)
	}
	s := &Supervisor{options: options, dirs: NewDirs(options.Lineage, options.DataDir, options.RunDir), units: map[Key]*hosted{}}
	unlock, err := s.claim()
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	defer unlock()
	if s.image, err = ownImage(); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	if s.single, err = s.sharesUID(); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	ln, err := s.listen()
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	if err := s.serve(ctx, ln); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	return nil
}

// claimPatience is how long a supervisor waits for its leaving predecessor.
const claimPatience = 5 * time.Second

// claim takes the lineage's lock, which the kernel releases if the process
// dies, and makes the directories.
func (s *Supervisor) claim() (unlock func(), err error) {
	for deadline := time.Now().Add(claimPatience); ; time.Sleep(10 * time.Millisecond) {
		if err := os.MkdirAll(s.dirs.Run, 0o700); err != nil {
			return nil, err
		}
		f, err := tryLock(s.dirs.lock())
		if err == nil {
			if err := s.furnish(); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, ErrBusy) && !errors.Is(err, os.ErrNotExist) || time.Now().After(deadline) {
			return nil, err
		}
	}
}

// furnish makes the directories that workers see.
func (s *Supervisor) furnish() error {
	for _, dir := range []string{s.dirs.Journal(), s.dirs.Store()} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
		// Workers pass through to their own directories and cannot list.
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}

// Alone runs fn while no supervisor serves the lineage and none can begin to,
// and tells whether it did: what a running one has mounted must not be removed.
func (d Dirs) Alone(fn func()) bool {
	if err := os.MkdirAll(d.Run, 0o700); err != nil {
		return false
	}
	f, err := tryLock(d.lock())
	if err != nil {
		return false
	}
	defer f.Close()
	fn()
	for _, left := range []string{d.handover(), d.socket()} { // by one that was killed
		_ = os.Remove(left)
	}
	_ = os.Remove(d.lock())
	_ = os.Remove(d.Run) // not empty: something still stands there
	return true
}

// tryLock locks the file that has the name now: a leaving supervisor removes
// its own.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(ErrBusy, f.Close())
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(mine, named) {
		return nil, errors.Join(ErrBusy, f.Close())
	}
	return f, nil
}

func ownImage() (string, error) {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read the own binary: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (s *Supervisor) listen() (*net.UnixListener, error) {
	path := s.dirs.socket()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var ln *net.UnixListener
	err := withShortPath(path, func(short string) (err error) {
		ln, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // its name may be a short one
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

func (s *Supervisor) serve(ctx context.Context, ln *net.UnixListener) error {
	raiseFileLimit()
	manager := serviceManager(s.options.Log)
	ctx, s.leave = context.WithCancel(ctx)
	defer s.leave()
	lives := s.takeOver()
	var workers, clients sync.WaitGroup
	for i := range s.options.Shards {
		sh := newShard(i, s)
		sh.inherited = lives[i]
		s.shards = append(s.shards, sh)
		workers.Go(func() { sh.run(ctx) })
	}
	s.recall()
	manager.say("READY=1")
	workers.Go(func() {
		manager.beat(ctx, func() { // while no request is stuck
			s.turn.Lock()
			defer s.turn.Unlock()
		})
	})
	idle := time.AfterFunc(s.options.Idle, func() {
		s.turn.Lock()
		defer s.turn.Unlock()
		if len(s.units) == 0 {
			s.gone = true
			s.leave()
		}
	})
	defer idle.Stop()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	err := s.accept(ctx, ln, &clients)
	manager.say("STOPPING=1")
	workers.Wait()
	err = errors.Join(err, s.cleanup())
	clients.Wait()
	return err
}

func (s *Supervisor) accept(ctx context.Context, ln *net.UnixListener, clients *sync.WaitGroup) error {
	for {
		conn, err := ln.AcceptUnix()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		clients.Go(func() {
			// A client waits for the end of its connection to know that the
			// supervisor is gone: it must not end before the workers.
			stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
			defer stop()
			if err := s.talk(ctx, conn); err != nil {
				s.options.Log.Warn("client", "error", err)
			}
			_ = conn.Close()
		})
	}
}

// cleanup runs when no worker is left: nothing that a destroy should have
// removed stays.
func (s *Supervisor) cleanup() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	for _, h := range s.units {
		closeSockets(h.sockets)
	}
	var errs []error
	files := []string{s.dirs.socket()}
	if len(s.units) == 0 {
		files = append(files, s.dirs.lock(), s.dirs.Log())
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Supervisor) talk(ctx context.Context, conn *net.UnixConn) error {
	cred, err := peer(conn)
	if err != nil {
		return err
	}
	if int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("uid %d may not give orders", cred.Uid)
	}
	for {
		var r request
		if err := receive(conn, &r, maxRequest); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
		switch r.Op {
		case opWatch:
			return s.inform(ctx, conn)
		case opSocket:
			if err := s.lend(conn, r.Decky); err != nil {
				return err
			}
			continue
		}
		answer := s.handle(r)
		if err := send(conn, answer); err != nil {
			return err
		}
		if answer.Leaving {
			s.leave()
			return s.linger()
		}
	}
}

// linger keeps the connection until every worker is gone: its end tells the
// client.
func (s *Supervisor) linger() error {
	for _, sh := range s.shards {
		sh.mu.Lock()
		for !sh.ended {
			sh.changed.Wait()
		}
		sh.mu.Unlock()
	}
	return s.cleanup()
}

func (s *Supervisor) handle(r request) reply {
	s.turn.Lock()
	defer s.turn.Unlock()
	answer := reply{Image: s.image, PID: os.Getpid()}
	if s.gone {
		answer.Error = errLeaving.Error()
		answer.Leaving = true
		return answer
	}
	switch r.Op {
	case opHello:
	case opStatus:
		answer.Status = s.status()
	case opRetire:
		s.gone, answer.Leaving = true, true
		if err := s.handOver(); err != nil {
			s.options.Log.Warn("hand over to the next supervisor", "error", err)
		}
	case opApply:
		answer.Errors, answer.Lives = s.apply(r.Items)
		if len(s.units) == 0 {
			s.gone, answer.Leaving = true, true
		}
	default:
		answer.Error = fmt.Sprintf("unknown request %q", r.Op)
	}
	return answer
}

var errLeaving = errors.New("the supervisor is leaving")

// recall serves what the records say; what cannot be served is logged, and the
// provider's next look shows it.
func (s *Supervisor) recall() {
	s.turn.Lock()
	defer s.turn.Unlock()
	units, err := s.dirs.units()
	if err != nil {
		s.options.Log.Error("read records", "error", err)
	}
	for i, err := range s.serveAll(units) {
		if err != nil {
			s.options.Log.Error("serve a recorded unit", "decky", units[i].Decky, "service", units[i].Service.Name, "error", err)
		}
	}
}

func (s *Supervisor) status() *Status {
	status := &Status{Running: true, PID: os.Getpid(), Image: s.image}
	for k, h := range s.units {
		u := UnitStatus{Key: k, Digest: h.digest, Inode: h.inode, Listening: h.listening()}
		state, err := s.shardOf(k).state(h)
		u.Served, u.Error, u.Life = state == served, textOf(err), s.shardOf(k).lifeName()
		status.Units = append(status.Units, u)
	}
	slices.SortFunc(status.Units, func(a, b UnitStatus) int {
		return strings.Compare(a.Decky+"\x00"+a.Service, b.Decky+"\x00"+b.Service)
	})
	for _, sh := range s.shards {
		status.Workers = append(status.Workers, sh.worker())
	}
	return status
}

// raiseFileLimit makes room for the sockets of thousands of services.
func raiseFileLimit() {
	for _, limit := range []uint64{1 << 20, 1 << 17, 1 << 16} {
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}) == nil {
			return
		}
	}
}
