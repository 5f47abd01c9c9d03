package supervise

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/listen"
	"github.com/decnet/decnet/providers/link/namespace"
)

// apply does a batch: first what must end, then what must be served, all
// sockets of one namespace at once and all workers side by side. lives are those
// of the workers that serve.
func (s *Supervisor) apply(items []item) (results, lives []string) {
	results, lives = make([]string, len(items)), make([]string, len(items))
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
		if err == nil {
			lives[places[i]] = s.shardOf(units[i].Key()).lifeName()
		}
	}
	return results, lives
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
	var waiting []*hosted // for a worker that is about to take them
	var places []int
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
			if state, _ := s.shardOf(u.Key()).state(old); state != refused && old.digest == h.digest && old.inode == inode && old.listening() {
				if state == pending {
					waiting, places = append(waiting, old), append(places, i)
				}
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
	for i, h := range waiting {
		errs[places[i]] = s.settled(h)
	}
	return errs
}

// settled waits for the worker of a unit that has its sockets already: they stay
// open, and clients wait in them.
func (s *Supervisor) settled(h *hosted) error {
	sh := s.shardOf(h.unit.Key())
	sh.await(func() bool { return h.state != pending })
	state, err := sh.state(h)
	switch state {
	case served:
		return nil
	case refused:
		return fmt.Errorf("serve %s of %s: %w", h.unit.Service.Name, h.unit.Decky, err)
	default:
		return fmt.Errorf("serve %s of %s: no worker took it within %s (%v)", h.unit.Service.Name, h.unit.Decky, takePatience, err)
	}
}

// openAll opens the sockets of every namespace on a few threads.
func (s *Supervisor) openAll(fresh []*hosted, errs []error, byNamespace map[string][]int) {
	s.forking.RLock()
	defer s.forking.RUnlock()
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
		f, err := openPort(p.Number)
		if err != nil {
			closeSockets(sockets)
			return nil, fmt.Errorf("serve %s of %s: %w", u.Service.Name, u.Decky, err)
		}
		sockets = append(sockets, f)
	}
	return sockets, nil
}

// portPatience is how long a port may belong to a worker that is just dying.
const portPatience = time.Second

func openPort(number uint16) (*os.File, error) {
	for deadline := time.Now().Add(portPatience); ; time.Sleep(5 * time.Millisecond) {
		f, err := listen.Socket(fmt.Sprintf("0.0.0.0:%d", number), listen.Options{})
		if !errors.Is(err, unix.EADDRINUSE) || time.Now().After(deadline) {
			return f, err
		}
	}
}

// listening tells whether every socket of the unit still listens: one that was
// shut down or destroyed from outside (ss --kill) is open, but deaf.
func (h *hosted) listening() bool {
	for _, f := range h.sockets {
		raw, err := f.SyscallConn()
		if err != nil {
			return false
		}
		accepts := 0
		var optErr error
		if err := raw.Control(func(fd uintptr) {
			accepts, optErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		}); err != nil || optErr != nil || accepts == 0 {
			return false
		}
	}
	return true
}

func closeSockets(sockets []*os.File) {
	for _, f := range sockets {
		_ = f.Close() // closing a listening socket twice changes nothing
	}
}
