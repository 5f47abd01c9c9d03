package plan

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// node is all that is known of one address.
type node struct {
	address   addr.Address
	want      *schema.Instance // nil: not desired
	prior     *state.Instance  // nil: not in the state
	object    *Found           // the object that is kept, changed or removed; nil: none
	extra     []Found          // further objects under the address, which must go
	unknown   bool             // nobody could look, object is what the state remembers
	change    Change
	drift     *Drift
	record    bool
	adopt     bool // create completes what exists
	steps     nodeSteps
	policy    string  // on drift
	held      bool    // its drift is only reported
	after     []*node // whose change made it a replacement
	readdress bool    // its object is told the new address
	seen      bool    // what was seen of it is recorded, nothing else
	left      bool    // the plan is limited to others
	isolated  bool    // it is kept for study, or lives in what is
	parked    *parked // what would be done to it if it were not
}

type computation struct {
	in          Input
	nodes       []*node // sorted by address
	index       map[addr.Address]*node
	order       []*node // those desired, dependencies first
	unknown     map[providers.Kind]bool
	fingerprint map[addr.Address][]Found
	replace     map[addr.Address]bool
	recycle     map[addr.Address]string       // and why
	labels      map[addr.Address]addr.Address // carried by objects, and whose they are
	moves       []Moved
	full        map[addr.Address]*schema.Instance // what is in the configuration while nothing is desired
	findings    []providers.Finding
}

// Compute makes the plan. It fails on what no plan can be made of: two
// instances of one address, a dependency that is not there or goes in a circle,
// a kind without a handler, a replacement or target that is not there, a
// *PreventedError.
func Compute(in Input) (*Plan, error) {
	c := &computation{in: in, unknown: map[providers.Kind]bool{}, replace: map[addr.Address]bool{}, recycle: map[addr.Address]string{}}
	if in.Destroy || in.Desired == nil {
		c.in.Desired = emptied(in.Desired)
		c.protect(in.Desired)
	}
	for _, u := range in.Observed.Unknown {
		c.unknown[u.Kind] = true
	}
	for _, stage := range []func() error{c.moveRows, c.collect, c.topological, c.classifyAll, c.settle} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	return c.assemble()
}

// settle lets decisions about single nodes reach the others, until nothing more
// follows, and then takes out what was not asked for.
func (c *computation) settle() error {
	for _, n := range c.order {
		c.hold(n)
	}
	c.isolate()
	for again := true; again; {
		again = false
		for _, n := range c.order {
			c.propagate(n)
			again = c.trigger(n) || again
		}
		again = c.relabel() || again
		again = c.release() || again
	}
	for _, n := range c.nodes {
		c.createFirst(n)
		c.unisolated(n)
	}
	if err := c.limit(); err != nil {
		return err
	}
	if c.in.RefreshOnly {
		c.seenOnly()
		return nil
	}
	return c.prevented()
}

// protect remembers what the configuration says of instances that a destroy
// takes away.
func (c *computation) protect(d *schema.Desired) {
	if d == nil {
		return
	}
	c.full = make(map[addr.Address]*schema.Instance, len(d.Instances))
	for i := range d.Instances {
		c.full[d.Instances[i].Address] = &d.Instances[i]
	}
}

func emptied(d *schema.Desired) *schema.Desired {
	if d == nil {
		return &schema.Desired{}
	}
	return &schema.Desired{Name: d.Name, Seed: d.Seed}
}

// collect makes a node of every address that is desired, remembered or alive.
func (c *computation) collect() error {
	desired, prior := c.in.Desired.Instances, c.in.Prior.Instances
	c.index = make(map[addr.Address]*node, max(len(desired), len(prior)))
	at := func(a addr.Address) *node {
		n := c.index[a]
		if n == nil {
			n = &node{address: a}
			c.index[a] = n
			c.nodes = append(c.nodes, n)
		}
		return n
	}
	var errs []error
	for i := range desired {
		n := at(desired[i].Address)
		if n.want != nil {
			errs = append(errs, fmt.Errorf("two instances are called %s: %s and %s", n.address, n.want.Source, desired[i].Source))
		}
		n.want = &desired[i]
	}
	for i := range prior {
		at(prior[i].Address).prior = &prior[i]
	}
	c.fingerprint = Relabel(c.in.Observed.Objects, c.labels)
	if len(c.in.Prior.Released) > 0 {
		for a, objects := range c.fingerprint {
			if n := c.index[a]; n == nil {
				if c.fingerprint[a] = slices.DeleteFunc(objects, c.released); len(c.fingerprint[a]) == 0 {
					delete(c.fingerprint, a)
				}
			}
		}
	}
	for a := range c.fingerprint {
		at(a)
	}
	slices.SortFunc(c.nodes, func(a, b *node) int { return addr.Compare(a.address, b.address) })
	for _, a := range c.in.Replace {
		if n := c.index[a]; n == nil || n.want == nil {
			errs = append(errs, fmt.Errorf("replace %s: no such instance in the configuration", a))
		}
		c.replace[a] = true
	}
	for _, r := range c.in.Recycle {
		if n := c.index[r.Address]; n == nil || n.want == nil {
			errs = append(errs, fmt.Errorf("recycle %s: no such instance in the configuration", r.Address))
		}
		c.recycle[r.Address] = r.Why
	}
	for _, n := range c.nodes {
		c.choose(n)
	}
	return errors.Join(errs...)
}

// choose picks the object that stands for the instance: one of the wanted kind,
// else of the remembered kind, else any. The rest is surplus.
func (c *computation) choose(n *node) {
	objects := sorted(c.fingerprint[n.address])
	rank := func(f *Found) int {
		switch {
		case n.want != nil && f.Imported == n.address:
			return 0
		case n.want != nil && f.Kind == kindOf(n.want):
			if n.prior != nil && string(n.prior.Object) == string(f.State) {
				return 0
			}
			return 1 + c.unlike(f, n.want.Config)
		case n.prior != nil && f.Kind == priorKind(n.prior):
			return 4
		}
		return 5
	}
	if len(objects) == 1 {
		rank = func(*Found) int { return 0 }
	}
	best := -1
	for i := range objects {
		if best < 0 || rank(&objects[i]) < rank(&objects[best]) {
			best = i
		}
	}
	for i := range objects {
		if i == best {
			n.object = &objects[i]
		} else {
			n.extra = append(n.extra, objects[i])
		}
	}
	if n.object == nil && n.prior != nil && n.prior.Object != nil && c.unknown[priorKind(n.prior)] {
		n.object = &Found{Kind: priorKind(n.prior), Address: cmp.Or(n.prior.Labelled, n.address), Digest: n.prior.Digest, State: n.prior.Object}
		n.unknown = true
	}
	if n.want != nil && c.unknown[kindOf(n.want)] {
		n.unknown = true
	}
}

// unlike is 0 for an object that is as it should be, 1 for one that can be put
// right and 2 for any other, so that of several the instance's own is taken for
// it.
func (c *computation) unlike(f *Found, config json.RawMessage) int {
	changes, err := c.in.Differ.Diff(f.Kind, config, f.State)
	switch {
	case err != nil || slices.ContainsFunc(changes, replaces):
		return 2
	case len(changes) > 0:
		return 1
	}
	return 0
}

func kindOf(i *schema.Instance) providers.Kind {
	return providers.Kind{Type: i.Type, Runtime: i.Runtime}
}

func priorKind(i *state.Instance) providers.Kind {
	return providers.Kind{Type: i.Type, Runtime: i.Runtime}
}

// topological orders the desired nodes, those depended on first.
func (c *computation) topological() error {
	waiting := make(map[*node]int, len(c.nodes))
	dependents := make(map[*node][]*node, len(c.nodes))
	var errs []error
	var order []*node
	for _, n := range c.nodes {
		if n.want == nil {
			continue
		}
		for _, list := range [][]addr.Address{n.want.Parents, n.want.After} {
			for _, a := range list {
				d := c.index[a]
				if d == nil || d.want == nil {
					errs = append(errs, fmt.Errorf("%s depends on %s, which is not in the configuration", n.address, a))
					continue
				}
				waiting[n]++
				dependents[d] = append(dependents[d], n)
			}
		}
		if waiting[n] == 0 {
			order = append(order, n)
		}
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	for i := 0; i < len(order); i++ {
		for _, d := range dependents[order[i]] {
			if waiting[d]--; waiting[d] == 0 {
				order = append(order, d)
			}
		}
	}
	if len(order) < len(c.in.Desired.Instances) {
		var circle []string
		for _, n := range c.nodes {
			if n.want != nil && waiting[n] > 0 {
				circle = append(circle, string(n.address))
			}
		}
		return fmt.Errorf("these depend on each other in a circle: %s", strings.Join(circle, ", "))
	}
	c.order = order
	return nil
}

// classifyAll decides every node by itself; comparisons are pure, so the nodes
// are shared out over the processors.
func (c *computation) classifyAll() error {
	errs := make([]error, len(c.nodes))
	c.inherit()
	workers := min(runtime.GOMAXPROCS(0), len(c.nodes))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(c.nodes); i += workers {
				if err := c.classify(c.nodes[i]); err != nil {
					errs[i] = fmt.Errorf("plan %s: %w", c.nodes[i].address, err)
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// propagate replaces what lives in an object that is made anew.
func (c *computation) propagate(n *node) {
	for _, a := range n.want.Parents {
		parent := c.index[a]
		if parent.made() && n.held && n.object == nil {
			// Nothing is left to be looked at.
			n.held, n.change.Action, n.change.Because = false, Create, a
			n.change.Reasons = []Reason{Drifted, DependencyReplaced}
			return
		}
		if !parent.made() || n.object == nil {
			continue
		}
		n.change.Action, n.adopt, n.record = Replace, false, false
		n.change.Because = a
		n.change.Reasons = appendReason(n.change.Reasons, DependencyReplaced)
		return
	}
}

// made tells that the instance gets a new object.
func (n *node) made() bool {
	return n.change.Action == Replace || n.change.Action == Create && !n.adopt
}

func appendReason(all []Reason, r Reason) []Reason {
	if slices.Contains(all, r) {
		return all
	}
	return append(all, r)
}
