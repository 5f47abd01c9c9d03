package supervise

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/decnet/decnet/providers/decky/listen"
	"github.com/decnet/decnet/providers/link/namespace"
)

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
