package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

var movedGrammar = &grammar{arguments: []string{"from", "to"}, required: []string{"from", "to"}}

var removedGrammar = &grammar{
	arguments: []string{"from"}, required: []string{"from"}, blocks: map[string]*grammar{"lifecycle": {arguments: []string{"destroy"}}},
}

var importGrammar = &grammar{arguments: []string{"to", "id", "for_each"}, required: []string{"to", "id"}}

// movedBlock says that an address has changed.
type movedBlock struct {
	declared hcl.Range
	from, to *target
	// exact: a key is given or taken, so that an address without a key is an
	// instance without one, not all instances of a block.
	exact bool
}

// removedBlock lets something go.
type removedBlock struct {
	declared hcl.Range
	from     *target
	destroy  bool
}

// importBlock takes live objects in.
type importBlock struct {
	declared    hcl.Range
	to          *target
	id, forEach *expression
}

// refactoring takes in a moved, removed or import block.
func (l *loader) refactoring(b *hcl.Block, g *grammar) {
	got, diags := g.read(b.Body, b.Type, b.DefRange)
	l.add(diags...)
	if diags.HasErrors() {
		return
	}
	switch b.Type {
	case "moved":
		from, ok := l.target(got.attributes["from"].Expr, nil)
		to, also := l.target(got.attributes["to"].Expr, nil)
		if ok && also {
			exact := from.whole() != to.whole()
			l.configuration.moved = append(l.configuration.moved, &movedBlock{declared: b.DefRange, from: from, to: to, exact: exact})
		}
	case "removed":
		made := &removedBlock{declared: b.DefRange, destroy: true}
		for _, inner := range got.blocks {
			made.destroy = l.destroy(inner)
		}
		var ok bool
		if made.from, ok = l.target(got.attributes["from"].Expr, nil); ok {
			l.configuration.removed = append(l.configuration.removed, made)
		}
	case "import":
		if l.configuration.child {
			l.add(diag.Error(b.DefRange, "import stands in the root module only", "Write it there, with the whole address: to = module.NAME.decky.NAME."))
			return
		}
		l.importBlock(b, got)
	}
}

// destroy reads lifecycle { destroy = false }.
func (l *loader) destroy(b *hcl.Block) bool {
	got, diags := removedGrammar.blocks["lifecycle"].read(b.Body, "lifecycle", b.DefRange)
	l.add(diags...)
	a, given := got.attributes["destroy"]
	if !given {
		return true
	}
	value, diags := a.Expr.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.Bool {
		l.add(diag.Error(a.Expr.Range(), "destroy is true or false", "destroy = false forgets the object and lets it live on; it takes no references."))
		return true
	}
	return value.True()
}

func (l *loader) importBlock(b *hcl.Block, got content) {
	made := &importBlock{declared: b.DefRange}
	a, counted := got.attributes["for_each"]
	o := owner{kind: "import", counted: counted}
	if counted {
		made.forEach = l.late(owner{kind: "import"}, a, false)
	}
	made.id = l.late(o, got.attributes["id"], false)
	to, ok := l.target(got.attributes["to"].Expr, func(key *expression) bool {
		good := l.keyReferences(&expression{}, key, counted)
		l.configuration.late = append(l.configuration.late, key)
		return good
	})
	if !ok {
		return
	}
	made.to = to
	last := to.steps[len(to.steps)-1]
	if last.Type == "module" {
		l.add(diag.Error(to.at, "A module cannot be imported", "It has no object of its own; write %s.decky.NAME.", to.address()))
		return
	}
	l.configuration.imports = append(l.configuration.imports, made)
}

// covers tells whether an address is moved by the block.
func (m *movedBlock) covers(steps []addr.Step) bool {
	from := m.from.steps
	if len(from) > len(steps) {
		return false
	}
	for i, s := range from {
		if s.Type != steps[i].Type || s.Name != steps[i].Name {
			return false
		}
		around := s.Type == "module" && i < len(from)-1 // the way to the block: no key is no key
		if s.Key != steps[i].Key && (m.exact || around || s.Key.Kind != addr.KeyNone) {
			return false
		}
	}
	return true
}

// apply is where an address that the block covers has moved.
func (m *movedBlock) apply(steps []addr.Step) []addr.Step {
	to := slices.Clone(m.to.steps)
	from := m.from.steps
	for i := 1; i <= min(len(to), len(from)) && !m.exact; i++ {
		t, f := &to[len(to)-i], from[len(from)-i]
		if t.Type != f.Type || t.Type == "module" && i > 1 {
			break
		}
		if t.Key.Kind == addr.KeyNone && f.Key.Kind == addr.KeyNone {
			t.Key = steps[len(from)-i].Key
		}
	}
	return append(to, steps[len(from):]...)
}

// checkMoves checks what can be told of moved and removed blocks without
// evaluating: what they name, circles, contradictions.
func (l *loader) checkMoves() {
	c := l.configuration
	from, to := map[addr.Address]*movedBlock{}, map[addr.Address]*movedBlock{}
	var good []*movedBlock
	for _, m := range c.moved {
		if d := m.check(from, to); d != nil {
			l.add(d)
			continue
		}
		from[m.from.address()], to[m.to.address()] = m, m
		good = append(good, m)
	}
	circles := map[*movedBlock]bool{}
	for _, m := range good {
		if path := circle(m, good); path != nil && !circles[m] {
			for _, step := range path {
				circles[step] = true
			}
			l.add(circleError(path))
		}
	}
	c.moved = slices.DeleteFunc(good, func(m *movedBlock) bool { return circles[m] })
	removed := map[addr.Address]*removedBlock{}
	for _, r := range c.removed {
		address := r.from.address()
		if first := removed[address]; first != nil {
			l.add(diag.Error(r.from.at, fmt.Sprintf("%s is removed twice", address), "The first block stands at %s; leave one of them out.", place(first.declared)))
		} else if m := from[address]; m != nil {
			l.add(diag.Error(r.from.at, fmt.Sprintf("%s is moved and removed", address), "It is moved at %s; leave one of the blocks out.", place(m.declared)))
		}
		removed[address] = r
	}
}

// check checks one moved block beside those before it.
func (m *movedBlock) check(from, to map[addr.Address]*movedBlock) *hcl.Diagnostic {
	a, b := m.from.steps[len(m.from.steps)-1], m.to.steps[len(m.to.steps)-1]
	source, target := m.from.address(), m.to.address()
	switch {
	case source == target:
		return diag.Error(m.to.at, fmt.Sprintf("%s is moved to itself", source), "Leave the block out.")
	case a.Type != b.Type:
		return diag.Error(m.to.at, fmt.Sprintf("A %s cannot become a %s", a.Type, b.Type), "%s and %s are of different types.", source, target)
	case a.Type == "service" && a.Name != b.Name:
		return diag.Error(m.to.at, fmt.Sprintf("A service %q cannot become a service %q", a.Name, b.Name), "Only its label and its decky may change.")
	case from[source] != nil:
		return diag.Error(m.from.at, fmt.Sprintf("%s is moved twice", source), "The first block stands at %s; leave one of them out.", place(from[source].declared))
	case to[target] != nil:
		return diag.Error(m.to.at, fmt.Sprintf("Two things are moved to %s", target), "%s is moved there too, at %s; only one can have the address.",
			to[target].from.address(), place(to[target].declared))
	}
	return nil
}

// circle is the chain of moves that leads from a block back to it.
func circle(m *movedBlock, all []*movedBlock) []*movedBlock {
	path := []*movedBlock{m}
	steps := m.to.steps
	for len(path) <= len(all) {
		next := following(steps, all)
		if next == nil {
			return nil
		}
		if next == m {
			return path
		}
		path = append(path, next)
		steps = next.apply(steps)
	}
	return nil // a circle further on, which has its own report
}

// following is the block that moves an address on: the most specific one.
func following(steps []addr.Step, all []*movedBlock) *movedBlock {
	var best *movedBlock
	for _, m := range all {
		if m.covers(steps) && (best == nil || len(m.from.address()) > len(best.from.address())) {
			best = m
		}
	}
	return best
}

func circleError(path []*movedBlock) *hcl.Diagnostic {
	var steps []string
	related := diag.Related{}
	for _, m := range path {
		steps = append(steps, fmt.Sprintf("%s (%s)", m.to.address(), place(m.declared)))
		related = append(related, m.declared)
	}
	d := diag.Error(path[len(path)-1].declared, fmt.Sprintf("%s is moved in a circle", path[0].from.address()),
		"It is moved to %s. Break the circle at one of these places.", strings.Join(steps, ", then to "))
	d.Extra = related
	return d
}

// refactorings checks moved, removed and import blocks against the instances
// that there are.
func (e *evaluator) refactorings(desired *Desired) {
	var moved []*movedBlock
	var removed []*removedBlock
	for _, in := range e.everyFrame() {
		for _, m := range in.configuration.moved {
			moved = append(moved, &movedBlock{declared: m.declared, exact: m.exact, from: in.absolute(m.from), to: in.absolute(m.to)})
		}
		for _, r := range in.configuration.removed {
			removed = append(removed, &removedBlock{declared: r.declared, destroy: r.destroy, from: in.absolute(r.from)})
		}
	}
	if len(moved)+len(removed)+len(e.configuration.imports) == 0 {
		return
	}
	live := e.live()
	for _, m := range moved {
		e.checkMoved(m, moved, live)
	}
	desired.Moved = foldMoves(moved)
	for _, r := range removed {
		if at := live.find(r.from.steps, false); at != nil {
			e.add(diag.Error(r.from.at, fmt.Sprintf("%s is still declared", r.from.address()), "It stands at %s; take it out of the configuration, or leave the removed block out.", place(*at)))
		}
		desired.Removed = append(desired.Removed, Removal{From: r.from.address(), Destroy: r.destroy, Source: r.declared.String()})
	}
	slices.SortFunc(desired.Removed, func(a, b Removal) int { return addr.Compare(a.From, b.From) })
	e.resolveImports(desired, live)
}

func (e *evaluator) checkMoved(m *movedBlock, all []*movedBlock, live liveSet) {
	if at := live.find(m.from.steps, m.exact); at != nil {
		e.add(diag.Error(m.from.at, fmt.Sprintf("%s is still declared", m.from.address()), "It stands at %s, so it has not moved; take it out of the configuration, or leave the moved block out.", place(*at)))
	}
	if live.find(m.to.steps, m.exact) != nil || following(m.to.steps, all) != nil {
		return
	}
	e, rest := e.stand(m.to.steps)
	first := rest[0]
	block := e.configuration.blocks[first.Type][first.Name]
	switch {
	case block == nil:
		d := diag.Unknown(m.to.at, first.Type, first.Name, e.configuration.names(first.Type))
		d.Summary = fmt.Sprintf("%s is not declared", m.to.address())
		e.add(d)
	case first.Type == "decky" && e.deckies[first.Name] != nil && !e.deckies[first.Name].failed:
		e.add(diag.Warning(m.to.at, fmt.Sprintf("There is no %s", m.to.address()), "What is moved there is deleted: decky.%s %s.", first.Name,
			strings.Replace(keysOf(e.deckies[first.Name]), "it ", "", 1)))
	}
}

// foldMoves follows chains to their ends, the most specific address first where
// one holds another.
func foldMoves(all []*movedBlock) []Move {
	var out []Move
	add := func(from, steps []addr.Step, source string) {
		for range all { // circles were reported
			next := following(steps, all)
			if next == nil {
				break
			}
			steps = next.apply(steps)
		}
		m := Move{From: addr.Of(from...), To: addr.Of(steps...), Source: source}
		if !slices.ContainsFunc(out, func(o Move) bool { return o.From == m.From }) {
			out = append(out, m)
		}
	}
	for _, m := range all {
		add(m.from.steps, m.to.steps, m.declared.String())
	}
	for _, m := range all { // a part of what m moves may be moved on from each place on the way
		for at, n := m.to.steps, m; n != nil; {
			back := movedBlock{from: &target{steps: at}, to: m.from, exact: m.exact}
			for _, part := range all {
				if !slices.Equal(part.from.steps, at) && back.covers(part.from.steps) {
					add(back.apply(part.from.steps), part.to.steps, part.declared.String())
				}
			}
			if n = following(at, all); n != nil {
				at = n.apply(at)
			}
		}
	}
	slices.SortFunc(out, func(a, b Move) int { return addr.Compare(a.From, b.From) })
	return out
}
