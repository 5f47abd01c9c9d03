package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Relabel groups live objects by the instance they stand for: labels says which
// instance has an address other than the one its object carries. The objects
// keep the address that they carry.
func Relabel(objects []Found, labels map[addr.Address]addr.Address) map[addr.Address][]Found {
	all := make(map[addr.Address][]Found, len(objects))
	for _, f := range objects {
		at := f.Address
		if to, ok := labels[at]; ok {
			at = to
		}
		if f.Imported != "" {
			at = f.Imported
		}
		all[at] = append(all[at], f)
	}
	return all
}

// moveRows gives the rows of the state the addresses that moved blocks say, and
// learns which labels stand for which instance.
func (c *computation) moveRows() error {
	rows := c.in.Prior.Instances
	if len(c.in.Desired.Moved) > 0 {
		moves, err := c.resolveMoves(rows)
		if err != nil {
			return err
		}
		rows = c.renamed(rows, moves)
	}
	c.in.Prior.Instances = rows
	for i := range rows {
		if l := rows[i].Labelled; l != "" && l != rows[i].Address {
			if c.labels == nil {
				c.labels = map[addr.Address]addr.Address{}
			}
			c.labels[l] = rows[i].Address
		}
	}
	return nil
}

// resolveMoves follows every row through the moved blocks. A move onto an
// address that another row keeps is left out and reported.
func (c *computation) resolveMoves(rows []state.Instance) (map[addr.Address]Moved, error) {
	wanted := make(map[addr.Address]bool, len(c.in.Desired.Instances))
	for _, i := range c.in.Desired.Instances {
		wanted[i.Address] = true
	}
	taken := make(map[addr.Address]bool, len(rows))
	for _, r := range rows {
		taken[r.Address] = true
	}
	moves := map[addr.Address]Moved{}
	var errs []error
	for _, r := range rows {
		to, source, err := follow(r.Address, c.in.Desired.Moved)
		switch {
		case err != nil:
			errs = append(errs, err)
		case to == r.Address:
		case wanted[r.Address]:
			errs = append(errs, fmt.Errorf("%s: %s has moved to %s, yet it is still in the configuration: take one of the two away", source, r.Address, to))
		default:
			moves[r.Address] = Moved{From: r.Address, To: to, Source: source, Labelled: r.Labelled}
			delete(taken, r.Address)
		}
	}
	for _, from := range slices.SortedFunc(maps.Keys(moves), addr.Compare) {
		m := moves[from]
		if taken[m.To] {
			delete(moves, from)
			c.warn(m.To, fmt.Sprintf("%s cannot move to %s: the state has another instance there", from, m.To), "the moved block at "+m.Source+" is left out; decnet state mv or state rm resolves it")
			continue
		}
		taken[m.To] = true
	}
	return moves, errors.Join(errs...)
}

// Destination is where the moved blocks lead an address; one that they lead in a
// circle stays.
func Destination(address addr.Address, moves []schema.Move) addr.Address {
	to, _, err := follow(address, moves)
	if err != nil {
		return address
	}
	return to
}

// follow is where address ends when every move is made, each at most once.
func follow(address addr.Address, moves []schema.Move) (addr.Address, string, error) {
	at, source := address, ""
	seen := map[addr.Address]bool{address: true}
	for again := true; again; {
		again = false
		for _, m := range moves {
			if !addr.Covers(m.From, at) {
				continue
			}
			to, ok := addr.Rename(at, m.From, m.To)
			if !ok || to == at {
				continue
			}
			if seen[to] {
				return address, "", fmt.Errorf("%s: the moved blocks lead %s in a circle", m.Source, address)
			}
			seen[to] = true
			at, source, again = to, cmp.Or(source, m.Source), true
			break
		}
	}
	return at, source, nil
}

// renamed is the rows with every address in them replaced.
func (c *computation) renamed(rows []state.Instance, moves map[addr.Address]Moved) []state.Instance {
	if len(moves) == 0 {
		return rows
	}
	names := func(all []addr.Address) []addr.Address {
		if !slices.ContainsFunc(all, func(a addr.Address) bool { return moves[a].To != "" }) {
			return all
		}
		all = slices.Clone(all)
		for i, a := range all {
			all[i] = cmp.Or(moves[a].To, a)
		}
		return all
	}
	interrupted := make(map[addr.Address]string, len(c.in.Prior.Interrupted))
	for a, action := range c.in.Prior.Interrupted {
		interrupted[cmp.Or(moves[a].To, a)] = action
	}
	c.in.Prior.Interrupted = interrupted
	rows = slices.Clone(rows)
	for i := range rows {
		r := &rows[i]
		r.Parents, r.After = names(r.Parents), names(r.After)
		m, moved := moves[r.Address]
		if !moved {
			continue
		}
		r.Address, r.Labelled = m.To, Label(r.Object != nil, m)
		m.Labelled = r.Labelled
		c.moves = append(c.moves, m)
	}
	slices.SortFunc(c.moves, func(a, b Moved) int { return addr.Compare(a.To, b.To) })
	slices.SortFunc(rows, func(a, b state.Instance) int { return cmp.Compare(a.Address, b.Address) })
	return rows
}

// Label is the address that the object of a moved row goes on carrying, empty
// where that is the new one or there is no object. m.Labelled is the row's so far.
func Label(object bool, m Moved) addr.Address {
	label := cmp.Or(m.Labelled, m.From)
	if label == m.To || !object {
		return ""
	}
	return label
}

// released tells that an object was let go: it is nobody's until an instance is
// wanted at its address.
func (c *computation) released(f Found) bool {
	return slices.Contains(c.in.Prior.Released, state.Released{Address: f.Address, Type: f.Kind.Type, Runtime: f.Kind.Runtime})
}

// removal is the removed block that lets an instance go, nil for none.
func (c *computation) removal(a addr.Address) *schema.Removal {
	for i := range c.in.Desired.Removed {
		if r := &c.in.Desired.Removed[i]; addr.Covers(r.From, a) {
			return r
		}
	}
	return nil
}

// label is the address that the node's object carries, empty where that is the
// node's own.
func (n *node) label() addr.Address {
	if n.object == nil || n.object.Address == n.address {
		return ""
	}
	return n.object.Address
}

// stays tells that the object outlives the plan.
func (n *node) stays() bool {
	switch n.change.Action {
	case NoOp, Update, Move:
		return n.object != nil && n.want != nil
	case Create:
		return n.adopt
	}
	return false
}

// relabel decides which objects are told their new address, which keep an old
// one, and which must be made anew because somebody else takes the address that
// they carry. It reports whether anything became a replacement.
func (c *computation) relabel() bool {
	holder := map[addr.Address]*node{}
	for _, n := range c.nodes {
		n.readdress, n.change.Labelled = false, ""
		label := n.label()
		foreign := n.object != nil && n.object.Lineage != ""
		if label == "" && !foreign || !n.stays() {
			if n.change.Action == Move {
				n.change.Action = NoOp
			}
			continue
		}
		spec := c.spec(n.object.Kind)
		switch {
		case spec.Readdresses && (!foreign || spec.Adopts) && n.object.Kind == kindOf(n.want):
			n.readdress = true
			if n.change.Action == NoOp {
				n.change.Action = Move
			}
		default:
			n.change.Labelled = label
		}
		if !foreign {
			holder[label] = n
		}
	}
	replaced := false
	for _, n := range c.nodes {
		if h := holder[n.address]; h != nil && h != n && (n.made() && !h.readdress || n.readdress && circular(n, holder)) {
			if h.readdress {
				h = n
			}
			delete(holder, h.label())
			h.readdress, h.change.Labelled = false, ""
			h.change.Action, h.adopt, h.record = Replace, false, false
			h.change.Reasons = appendReason(h.change.Reasons, AddressMoved)
			replaced = true
		}
	}
	return replaced
}

// circular tells that the address n takes is held by one that waits for n.
func circular(n *node, holder map[addr.Address]*node) bool {
	at := n
	for range len(holder) {
		if at = holder[at.address]; at == nil || !at.readdress {
			return false
		}
		if at == n {
			return true
		}
	}
	return false
}

// connectLabels frees an address before another object takes it.
func (c *computation) connectLabels(g *graph) {
	for _, h := range c.nodes {
		label := h.label()
		if label == "" || h.object.Lineage != "" {
			continue
		}
		free := h.steps.readdress
		if free < 0 {
			free = h.steps.remove
		}
		taker := c.index[label]
		if free < 0 || taker == nil || taker == h {
			continue
		}
		if taker.made() {
			g.need(taker.steps.make, free)
		}
		g.need(taker.steps.readdress, free)
	}
}

func (c *computation) spec(kind providers.Kind) providers.Spec {
	if c.in.Spec == nil {
		return providers.Spec{}
	}
	return c.in.Spec(kind)
}

func (c *computation) warn(address addr.Address, summary, remedy string) {
	c.findings = append(c.findings, providers.Finding{Severity: providers.SeverityWarning, Address: string(address), Summary: summary, Remedy: remedy})
}

// from is where the instance stood before it moved, empty where it did not.
func (c *computation) from(n *node) (from addr.Address) {
	if at, found := slices.BinarySearchFunc(c.moves, n.address, func(m Moved, a addr.Address) int { return addr.Compare(m.To, a) }); found {
		return c.moves[at].From
	}
	return ""
}
