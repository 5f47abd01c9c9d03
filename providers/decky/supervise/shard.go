package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/jail"
)

// Times of a shard.
const (
	firstBackoff = 20 * time.Millisecond // before a worker is started again
	lastBackoff  = 500 * time.Millisecond
	goodLife     = 10 * time.Second // after which a death counts as the first
	takePatience = 10 * time.Second // for a worker to take a unit
	stopPatience = 5 * time.Second  // for a worker to end
	beat         = time.Second / 2  // between two looks at a worker
	beatPatience = 5 * time.Second  // for a worker to answer: one that was stopped is found at once
)

// unitState says how far a worker is with a unit.
type unitState int

const (
	pending unitState = iota
	served
	refused
)

// hosted is a unit with its sockets. The sockets belong to the supervisor; the
// state belongs to the shard and its lock.
type hosted struct {
	unit    Unit
	digest  string
	inode   uint64
	sockets []*os.File

	state unitState
	err   error
	deaf  bool // its sockets no longer listen, and watchers were told
}

// shard owns one worker: it starts it, feeds it and starts it again.
type shard struct {
	index   int
	uid     uint32
	single  bool
	dirs    Dirs
	command []string
	log     *slog.Logger
	forking *sync.RWMutex // the supervisor's

	write sync.Mutex // one message at a time; never held together with mu

	mu       sync.Mutex
	changed  *sync.Cond
	units    map[Key]*hosted
	waiting  map[uint64]func(error)
	last     uint64
	conn     *net.UnixConn // nil while no worker runs
	pid      int
	restarts int
	life     int // which worker conn leads to
	// name of that life for others, "" while no worker runs; inherited is the
	// name for the first one.
	name      string
	inherited string
	ended     bool

	tell func(string) // what watchers should hear
}

func newShard(index int, s *Supervisor) *shard {
	sh := &shard{
		index: index, uid: UID(s.options.Lineage, index), single: s.single, dirs: s.dirs, command: s.options.Worker, log: s.options.Log.With("worker", index),
		forking: &s.forking, units: map[Key]*hosted{}, waiting: map[uint64]func(error){}, tell: s.watchers.tell,
	}
	sh.changed = sync.NewCond(&sh.mu)
	return sh
}

// run keeps a worker running until ctx ends. It keeps its thread: a worker dies
// with the thread that started it.
func (sh *shard) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	backoff := firstBackoff
	for ctx.Err() == nil {
		started := time.Now()
		err := sh.live(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(started) > goodLife {
			backoff = firstBackoff
		}
		sh.log.Error("worker died and is started again", "error", err, "after", time.Since(started).String(), "wait", backoff.String())
		sh.mu.Lock()
		sh.restarts++
		sh.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, lastBackoff)
	}
	sh.mu.Lock()
	sh.ended = true
	sh.changed.Broadcast()
	sh.mu.Unlock()
}

// live is one worker from start to death.
func (sh *shard) live(ctx context.Context) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd := exec.Command(sh.command[0], sh.command[1:]...)
	cmd.ExtraFiles = []*os.File{theirs}
	options := jail.Options{UID: sh.uid, Single: sh.single, Dirs: map[string]string{"journal": sh.dirs.Journal(), "store": sh.dirs.Store()}}
	if err := jail.Confine(cmd, options); err != nil {
		return errors.Join(err, theirs.Close())
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		return errors.Join(err, theirs.Close())
	}
	sh.forking.Lock()
	err = cmd.Start()
	sh.forking.Unlock()
	if err != nil {
		return errors.Join(fmt.Errorf("start worker: %w", err), theirs.Close())
	}
	if err := theirs.Close(); err != nil {
		sh.log.Warn("close the worker's end", "error", err)
	}
	var owned sync.WaitGroup
	owned.Go(func() { sh.relay(said) })
	owned.Go(func() { sh.answers(ours) })
	owned.Go(func() { sh.guard(cmd.Process.Pid) })
	stop := context.AfterFunc(ctx, func() { // the worker sees the end and leaves; if not, it is killed
		_ = ours.Close()
		time.AfterFunc(stopPatience, func() { _ = cmd.Process.Kill() })
	})
	defer stop()
	sh.begin(ours, cmd.Process.Pid)
	beating, still := context.WithCancel(ctx)
	var heart sync.WaitGroup
	heart.Go(func() { sh.heart(beating, cmd.Process) })
	owned.Wait() // all end with the worker
	still()
	heart.Wait()
	err = cmd.Wait()
	sh.end()
	return err
}

// begin gives a new worker everything that the shard serves.
func (sh *shard) begin(conn *net.UnixConn, pid int) {
	sh.mu.Lock()
	sh.conn, sh.pid = conn, pid
	sh.name, sh.inherited = sh.inherited, ""
	if sh.name == "" {
		sh.name = newLife()
	}
	sh.life++
	life := sh.life
	all := make([]*hosted, 0, len(sh.units))
	for _, h := range sh.units {
		h.state, h.err = pending, nil
		all = append(all, h)
	}
	sh.mu.Unlock()
	for _, h := range all {
		sh.give(h, life)
	}
	sh.tell(fmt.Sprintf("worker %d runs", sh.index))
}

func (sh *shard) end() {
	defer sh.tell(fmt.Sprintf("worker %d died", sh.index))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.conn, sh.pid, sh.name = nil, 0, ""
	for _, h := range sh.units {
		h.state, h.err = pending, errors.New("no worker runs")
	}
	waiting := sh.waiting
	sh.waiting = map[uint64]func(error){}
	for _, done := range waiting {
		done(errWorkerDied)
	}
	sh.changed.Broadcast()
}

var errWorkerDied = errors.New("the worker died")

// give sends a unit to the worker of that life; a later one gets it at its
// start.
func (sh *shard) give(h *hosted, life int) {
	name := h.unit.Decky
	spec := &decky.Spec{Host: h.unit.Host, Journal: "/journal/" + name, Store: "/store/" + name, Limits: h.unit.Limits}
	sh.order(message{Spec: spec, Service: h.unit.Service}, h.sockets, life, func(err error) {
		switch {
		case errors.Is(err, errWorkerDied):
			h.state, h.err = pending, err
		case err != nil:
			h.state, h.err = refused, err
		default:
			h.state, h.err = served, nil
		}
		sh.changed.Broadcast()
	})
}

// order sends a message to the worker of that life; done is called with the
// lock held when it answered or died.
func (sh *shard) order(m message, sockets []*os.File, life int, done func(error)) {
	sh.mu.Lock()
	conn := sh.conn
	if life != sh.life {
		sh.mu.Unlock()
		return
	}
	if conn == nil {
		done(errWorkerDied)
		sh.mu.Unlock()
		return
	}
	sh.last++
	m.ID = sh.last
	sh.waiting[m.ID] = done
	sh.mu.Unlock()
	err := sh.transmit(conn, m, sockets)
	if err == nil {
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.waiting[m.ID] == nil {
		return // end() was quicker
	}
	delete(sh.waiting, m.ID)
	done(err)
}

func (sh *shard) transmit(conn *net.UnixConn, m message, sockets []*os.File) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode unit: %w", err)
	}
	if len(data) > maxMessage {
		return fmt.Errorf("configuration of %d bytes is over %d", len(data), maxMessage)
	}
	fds := make([]int, len(sockets))
	for i, s := range sockets {
		fds[i] = int(s.Fd())
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	sh.write.Lock()
	defer sh.write.Unlock()
	if _, _, err := conn.WriteMsgUnix(data, rights, nil); err != nil {
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
			return errWorkerDied
		}
		return fmt.Errorf("send to the worker: %w", err)
	}
	return nil
}

// answers reads what the worker answers. Descriptors that it sends are never
// taken.
func (sh *shard) answers(conn *net.UnixConn) {
	buffer := make([]byte, maxAnswer)
	for {
		n, err := conn.Read(buffer)
		if err != nil || n == 0 {
			return
		}
		var a answer
		if err := json.Unmarshal(buffer[:n], &a); err != nil {
			sh.log.Warn("worker answers nonsense", "error", err)
			continue
		}
		if a.Prepare != "" {
			err := sh.prepare(a.Prepare)
			if err != nil {
				sh.log.Error("prepare a decky's directories", "decky", a.Prepare, "error", err)
			}
			if err := sh.transmit(conn, message{Prepared: a.Prepare, Error: textOf(err)}, nil); err != nil {
				sh.log.Warn("answer the worker", "error", err)
			}
			continue
		}
		sh.mu.Lock()
		if done := sh.waiting[a.ID]; done != nil {
			delete(sh.waiting, a.ID)
			done(errorOf(a.Error))
		}
		sh.mu.Unlock()
	}
}

// prepare makes the directories of a decky that the worker serves, and of no
// other.
func (sh *shard) prepare(name string) error {
	sh.mu.Lock()
	mine := false
	for key := range sh.units {
		mine = mine || key.Decky == name
	}
	sh.mu.Unlock()
	if !mine {
		return fmt.Errorf("decky %q is not this worker's", name)
	}
	owner := int(sh.uid)
	if sh.single {
		owner = os.Geteuid()
	}
	for _, parent := range []string{sh.dirs.Journal(), sh.dirs.Store()} {
		if err := give(filepath.Join(parent, name), owner); err != nil {
			return err
		}
	}
	return nil
}

// relayed bounds what a worker may write to the supervisor's log in its life.
const relayed = 64 << 10

func (sh *shard) relay(said io.Reader) {
	lines := bufio.NewScanner(io.LimitReader(said, relayed))
	for lines.Scan() {
		sh.log.Warn("worker says", "line", lines.Text())
	}
	_, _ = io.Copy(io.Discard, said)
}

// put hands units to the worker and waits until it has taken or refused each,
// or takePatience is over.
func (sh *shard) put(all []*hosted) {
	sh.mu.Lock()
	for _, h := range all {
		h.state, h.err = pending, nil
		sh.units[h.unit.Key()] = h
	}
	running, life := sh.conn != nil, sh.life
	sh.mu.Unlock()
	if running {
		for _, h := range all {
			sh.give(h, life)
		}
	}
	sh.await(func() bool {
		for _, h := range all {
			if h.state == pending {
				return false
			}
		}
		return true
	})
}

// await waits, with the lock, until done or takePatience is over.
func (sh *shard) await(done func() bool) {
	late := false
	timer := time.AfterFunc(takePatience, func() {
		sh.mu.Lock()
		late = true
		sh.changed.Broadcast()
		sh.mu.Unlock()
	})
	defer timer.Stop()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for !done() && !late && !sh.ended {
		sh.changed.Wait()
	}
}

// take removes a unit and waits until the worker has ended its sessions. The
// caller closes the sockets.
func (sh *shard) take(h *hosted) error {
	sh.mu.Lock()
	delete(sh.units, h.unit.Key())
	life := sh.life
	sh.mu.Unlock()
	finished := false
	var result error
	sh.order(message{Address: h.unit.Host.Address, Service: decky.ServiceSpec{Name: h.unit.Service.Name}}, nil, life, func(err error) {
		finished, result = true, err
		sh.changed.Broadcast()
	})
	sh.await(func() bool { return finished || sh.life != life })
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if errors.Is(result, errWorkerDied) {
		return nil // its sessions died with it
	}
	return result
}
