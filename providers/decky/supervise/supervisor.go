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
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/listen"
	"github.com/decnet/decnet/providers/link/namespace"
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
}

// Supervisor is the privileged process of one lineage.
type Supervisor struct {
	options Options
	dirs    Dirs
	image   string
	shards  []*shard
	leave   context.CancelFunc

	// turn lets one batch or status at a time touch the units.
	turn  sync.Mutex
	units map[Key]*hosted
	gone  bool
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

// claim makes the directories and takes the lineage's lock, which the kernel
// releases if the process dies.
func (s *Supervisor) claim() (unlock func(), err error) {
	if err := os.MkdirAll(s.dirs.Run, 0o700); err != nil {
		return nil, err
	}
	for _, dir := range []string{s.dirs.Journal(), s.dirs.Store()} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, err
		}
		// Workers pass through to their own directories and cannot list.
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, err
		}
	}
	for deadline := time.Now().Add(claimPatience); ; time.Sleep(10 * time.Millisecond) {
		f, err := tryLock(s.dirs.lock())
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, ErrBusy) || time.Now().After(deadline) {
			return nil, err
		}
	}
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
	ctx, s.leave = context.WithCancel(ctx)
	defer s.leave()
	var workers, clients sync.WaitGroup
	for i := range s.options.Shards {
		sh := newShard(i, s)
		s.shards = append(s.shards, sh)
		workers.Go(func() { sh.run(ctx) })
	}
	s.recall()
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
			if err := s.talk(conn); err != nil {
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

func (s *Supervisor) talk(conn *net.UnixConn) error {
	uid, err := peerUID(conn)
	if err != nil {
		return err
	}
	if int(uid) != os.Geteuid() {
		return fmt.Errorf("uid %d may not give orders", uid)
	}
	for {
		var r request
		if err := receive(conn, &r, maxRequest); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
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
	case opApply:
		answer.Errors = s.apply(r.Items)
		if len(s.units) == 0 {
			s.gone, answer.Leaving = true, true
		}
	default:
		answer.Error = fmt.Sprintf("unknown request %q", r.Op)
	}
	return answer
}

var errLeaving = errors.New("the supervisor is leaving")

// apply does a batch: first what must end, then what must be served, all
// sockets of one namespace at once and all workers side by side.
func (s *Supervisor) apply(items []item) []string {
	results := make([]string, len(items))
	var units []Unit
	var places []int
	for i, it := range items {
		switch {
		case it.Stop != nil:
			results[i] = textOf(s.stop(*it.Stop))
		case it.Serve != nil:
			units = append(units, *it.Serve)
			places = append(places, i)
		}
	}
	for i, err := range s.serveAll(units) {
		results[places[i]] = textOf(err)
	}
	return results
}

func (s *Supervisor) stop(k Key) error {
	h := s.units[k]
	if h == nil {
		return nil
	}
	delete(s.units, k)
	err := s.shardOf(k).take(h)
	closeSockets(h.sockets)
	if err != nil {
		return fmt.Errorf("stop %s of %s: %w", k.Service, k.Decky, err)
	}
	return nil
}

func (s *Supervisor) shardOf(k Key) *shard { return s.shards[shardOf(k.Decky, len(s.shards))] }

// serveAll serves units; what is served already in the same namespace stays
// untouched.
func (s *Supervisor) serveAll(units []Unit) []error {
	errs := make([]error, len(units))
	fresh := make([]*hosted, len(units))
	byNamespace := map[string][]int{}
	for i, u := range units {
		if err := u.validate(); err != nil {
			errs[i] = fmt.Errorf("serve %s of %s: %w", u.Service.Name, u.Decky, err)
			continue
		}
		inode, err := namespace.Inode(u.Namespace)
		if err != nil {
			errs[i] = fmt.Errorf("serve %s of %s: %w", u.Service.Name, u.Decky, err)
			continue
		}
		h := &hosted{unit: u, digest: u.Digest(), inode: inode}
		if old := s.units[u.Key()]; old != nil {
			if state, _ := s.shardOf(u.Key()).state(old); state == served && old.digest == h.digest && old.inode == inode {
				continue
			}
			if err := s.stop(u.Key()); err != nil {
				s.options.Log.Warn("replace unit", "error", err)
			}
		}
		fresh[i] = h
		byNamespace[u.Namespace] = append(byNamespace[u.Namespace], i)
	}
	s.openAll(fresh, errs, byNamespace)
	s.handOut(fresh, errs)
	return errs
}

// openAll opens the sockets of every namespace on a few threads.
func (s *Supervisor) openAll(fresh []*hosted, errs []error, byNamespace map[string][]int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for path, indices := range byNamespace {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			err := namespace.Do(path, func() error {
				for _, i := range indices {
					fresh[i].sockets, errs[i] = open(fresh[i].unit)
				}
				return nil
			})
			for _, i := range indices {
				if errs[i] == nil && err != nil {
					errs[i] = fmt.Errorf("serve %s of %s: %w", fresh[i].unit.Service.Name, fresh[i].unit.Decky, err)
					closeSockets(fresh[i].sockets)
				}
			}
		})
	}
	group.Wait()
}

// handOut gives the opened units to their workers.
func (s *Supervisor) handOut(fresh []*hosted, errs []error) {
	byShard := map[*shard][]*hosted{}
	for i, h := range fresh {
		if h != nil && errs[i] == nil {
			s.units[h.unit.Key()] = h
			sh := s.shardOf(h.unit.Key())
			byShard[sh] = append(byShard[sh], h)
		}
	}
	var group sync.WaitGroup
	for sh, all := range byShard {
		group.Go(func() { sh.put(all) })
	}
	group.Wait()
	for i, h := range fresh {
		if h == nil || errs[i] != nil {
			continue
		}
		switch state, err := s.shardOf(h.unit.Key()).state(h); state {
		case served:
		case refused:
			errs[i] = fmt.Errorf("serve %s of %s: %w", h.unit.Service.Name, h.unit.Decky, err)
			if err := s.stop(h.unit.Key()); err != nil {
				s.options.Log.Warn("take back a refused unit", "error", err)
			}
		case pending: // it stays: the worker gets it when it comes up
			errs[i] = fmt.Errorf("serve %s of %s: no worker took it within %s (%v)", h.unit.Service.Name, h.unit.Decky, takePatience, err)
		}
	}
}

// open opens the sockets of a unit in the calling thread's namespace.
func open(u Unit) ([]*os.File, error) {
	var sockets []*os.File
	for _, p := range u.Service.Ports {
		f, err := listen.Socket(fmt.Sprintf("0.0.0.0:%d", p.Number), listen.Options{})
		if err != nil {
			closeSockets(sockets)
			return nil, fmt.Errorf("serve %s of %s: %w", u.Service.Name, u.Decky, err)
		}
		sockets = append(sockets, f)
	}
	return sockets, nil
}

func closeSockets(sockets []*os.File) {
	for _, f := range sockets {
		_ = f.Close() // closing a listening socket twice changes nothing
	}
}

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
		state, err := s.shardOf(k).state(h)
		status.Units = append(status.Units, UnitStatus{
			Key: k, Digest: h.digest, Inode: h.inode, Listening: true, Served: state == served, Error: textOf(err),
		})
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
