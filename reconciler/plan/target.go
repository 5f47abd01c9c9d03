package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema/addr"
)

// limit takes out of the plan what was not asked for: everything but the
// targets with what they need, and the excluded with what needs them.
func (c *computation) limit() error {
	if len(c.in.Targets) == 0 && len(c.in.Excludes) == 0 {
		return nil
	}
	chosen, err := c.covered("target", c.in.Targets)
	if err != nil {
		return err
	}
	left, err := c.covered("exclude", c.in.Excludes)
	if err != nil {
		return err
	}
	dependents, holders := c.dependents(), c.holders()
	spread(chosen, func(n *node) []*node {
		near := c.nodesOf(n.dependencies())
		if n.goes() || n.made() {
			near = append(near, slices.DeleteFunc(slices.Clone(dependents[n]), func(m *node) bool { return !c.falls(m, n) })...)
		}
		near = append(near, holders[n]...)
		if n.made() || n.readdress {
			for _, h := range c.nodes {
				if h.label() == n.address {
					near = append(near, h)
				}
			}
		}
		return near
	})
	takers := map[*node][]*node{}
	for n, all := range holders {
		for _, h := range all {
			takers[h] = append(takers[h], n)
		}
	}
	spread(left, func(n *node) []*node {
		near := slices.DeleteFunc(slices.Clone(dependents[n]), func(m *node) bool { return m.want == nil })
		for _, d := range c.nodesOf(n.formerly()) {
			if d.goes() || d.made() {
				near = append(near, d) // it would take n with it
			}
		}
		return append(near, takers[n]...)
	})
	hidden := 0
	for _, n := range c.nodes {
		if (len(c.in.Targets) == 0 || chosen[n]) && !left[n] {
			continue
		}
		if n.change.Action != NoOp || n.extra != nil {
			hidden++
		}
		n.change.Action, n.adopt, n.record, n.readdress, n.extra, n.change.CreateFirst = NoOp, false, false, false, nil, false
		n.left = true
	}
	c.warn("", fmt.Sprintf("the plan is limited by --target or --exclude: %d further changes are not in it", hidden), "plan without them afterwards, so that everything is as the configuration says")
	return nil
}

// covered are the nodes that the given addresses mean; one that means nothing
// is an error.
func (c *computation) covered(flag string, all []addr.Address) (map[*node]bool, error) {
	set := map[*node]bool{}
	var errs []error
	for _, a := range all {
		found := false
		for _, n := range c.nodes {
			if addr.Covers(a, n.address) {
				set[n], found = true, true
			}
		}
		if !found {
			errs = append(errs, fmt.Errorf("--%s %s: there is no such instance, block or module in configuration or state", flag, a))
		}
	}
	return set, errors.Join(errs...)
}

// spread adds to a set whatever its members bring along.
func spread(set map[*node]bool, near func(*node) []*node) {
	queue := make([]*node, 0, len(set))
	for n := range set {
		queue = append(queue, n)
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, m := range near(n) {
			if !set[m] {
				set[m] = true
				queue = append(queue, m)
			}
		}
	}
}

// dependents are, for every node, those that need it or live in it.
func (c *computation) dependents() map[*node][]*node {
	all := make(map[*node][]*node, len(c.nodes))
	for _, n := range c.nodes {
		for _, d := range c.nodesOf(slices.Concat(n.dependencies(), n.formerly())) {
			all[d] = append(all[d], n)
		}
	}
	return all
}

// holders are, for every decky that is made or changed, those whose name, IP or
// MAC it takes over.
func (c *computation) holders() map[*node][]*node {
	held := map[string]*node{}
	for _, n := range c.nodes {
		if n.prior != nil && n.prior.Type == providers.TypeDecky && n.object != nil && n.change.Action != NoOp {
			for _, k := range claimed(n.prior.Config) {
				held[k] = n
			}
		}
	}
	all := map[*node][]*node{}
	for _, n := range c.nodes {
		if n.want == nil || n.want.Type != providers.TypeDecky || n.change.Action == NoOp {
			continue
		}
		for _, k := range claimed(n.want.Config) {
			if h := held[k]; h != nil && h != n {
				all[n] = append(all[n], h)
			}
		}
	}
	return all
}

func (c *computation) nodesOf(addresses []addr.Address) []*node {
	var all []*node
	for _, a := range addresses {
		if n := c.index[a]; n != nil && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// dependencies are what a desired node needs.
func (n *node) dependencies() []addr.Address {
	if n.want == nil {
		return nil
	}
	return slices.Concat(n.want.Parents, n.want.After)
}

// formerly is what its object lives in.
func (n *node) formerly() []addr.Address {
	if n.prior == nil {
		return nil
	}
	return n.prior.Parents
}

// goes tells that the node's object is removed for good.
func (n *node) goes() bool { return n.change.Action == Delete }

// falls tells that m cannot stay as it is where n's object goes.
func (c *computation) falls(m, n *node) bool {
	if slices.Contains(m.formerly(), n.address) {
		return true
	}
	return c.in.Destroy && m.prior != nil && slices.Contains(m.prior.After, n.address)
}

// seenOnly turns every change into a note of what was seen.
func (c *computation) seenOnly() {
	for _, n := range c.nodes {
		n.change.Action, n.adopt, n.record, n.readdress, n.extra = NoOp, false, false, false, nil
		n.seen = n.prior != nil && n.drift != nil && !n.unknown
	}
}
