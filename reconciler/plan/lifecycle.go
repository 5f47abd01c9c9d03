package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Policies of Lifecycle.OnDrift.
const (
	PolicyHeal       = "heal"
	PolicyReport     = "report"
	PolicyQuarantine = "quarantine"
)

// ignoreAll in Lifecycle.IgnoreChanges stands for every path.
const ignoreAll = "all"

// PreventedError refuses a plan that would destroy what a lifecycle block says
// must not be: all such instances at once.
type PreventedError struct {
	Instances []Prevented // sorted by address
}

// Prevented is one instance that must not be destroyed.
type Prevented struct {
	Address addr.Address
	Source  string // of the block, or where it last stood
	Action  Action // Delete or Replace
	Reasons []Reason
	Because addr.Address
	Gone    bool // the block is no longer in the configuration
}

func (e *PreventedError) Error() string {
	lines := make([]string, len(e.Instances))
	for i, p := range e.Instances {
		why := make([]string, len(p.Reasons))
		for k, r := range p.Reasons {
			why[k] = string(r)
		}
		if p.Because != "" {
			why = append(why, "because of "+string(p.Because))
		}
		verb, remedy := "destroyed", "set prevent_destroy = false there"
		if p.Action == Replace {
			verb = "replaced"
		}
		if p.Gone {
			remedy = "put the block back with prevent_destroy = false and apply, or write a removed block"
		}
		at := ""
		if p.Source != "" {
			at = " (" + p.Source + ")"
		}
		lines[i] = fmt.Sprintf("%s%s has prevent_destroy and would be %s: %s; %s", p.Address, at, verb, strings.Join(why, ", "), remedy)
	}
	return strings.Join(lines, "\n")
}

// inherit gives every desired node its policy on drift: its own, else that of
// the decky it lives in.
func (c *computation) inherit() {
	for _, n := range c.order {
		n.policy = n.want.Lifecycle.OnDrift
		for _, a := range n.want.Parents {
			if parent := c.index[a]; n.policy == "" && parent.want.Type == providers.TypeDecky {
				n.policy = parent.policy
			}
		}
	}
}

// heals tells that drift of the instance is made good.
func (n *node) heals() bool { return n.policy == "" || n.policy == PolicyHeal }

// ignored tells that a difference at path is none.
func ignored(l schema.Lifecycle, path string) bool {
	return slices.ContainsFunc(l.IgnoreChanges, func(p string) bool { return p == ignoreAll || under(path, p) })
}

// under tells that path is p or one of its children.
func under(path, p string) bool {
	rest, ok := strings.CutPrefix(path, p)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// keepIgnored lets the instance want at its ignored paths what it was given
// last.
func keepIgnored(n *node) error {
	l := n.want.Lifecycle
	if len(l.IgnoreChanges) == 0 || n.prior == nil || n.prior.Type != n.want.Type || n.prior.Digest == n.want.Digest {
		return nil
	}
	merged := *n.want
	switch {
	case slices.Contains(l.IgnoreChanges, ignoreAll):
		merged.Config, merged.Digest = n.prior.Config, n.prior.Digest
	default:
		now, err := tree(n.want.Config)
		if err != nil {
			return err
		}
		was, err := tree(n.prior.Config)
		if err != nil {
			return nil //nolint:nilerr // a row of an older version: nothing can be kept of it
		}
		for _, p := range l.IgnoreChanges {
			now = graft(now, was, splitPath(p))
		}
		if merged.Config, err = canonical(now); err != nil {
			return err
		}
		if same, err := canonical(was); err == nil && bytes.Equal(same, merged.Config) {
			merged.Config, merged.Digest = n.prior.Config, n.prior.Digest
			break
		}
		merged.Digest = ConfigDigest(merged.Config)
	}
	n.want = &merged
	return nil
}

func tree(document json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

func canonical(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// splitPath takes "a.b[0].c" apart: "a", "b", "[0]", "c".
func splitPath(path string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(path, "[", ".["), func(r rune) bool { return r == '.' })
}

// graft is now with what was has at path. A key that holds dots is found, too.
func graft(now, was any, path []string) any {
	target, ok := now.(map[string]any)
	source, both := was.(map[string]any)
	if !ok || !both || len(path) == 0 {
		if list, ok := now.([]any); ok && len(path) > 0 {
			return graftElement(list, was, path)
		}
		return now
	}
	key, used := longestKey(target, source, path)
	target = maps.Clone(target)
	switch old, had := source[key]; {
	case used == len(path) && had:
		target[key] = old
	case used == len(path):
		delete(target, key)
	case had:
		target[key] = graft(target[key], old, path[used:])
	}
	return target
}

func graftElement(now []any, was any, path []string) any {
	old, ok := was.([]any)
	var i int
	if _, err := fmt.Sscanf(path[0], "[%d]", &i); err != nil || !ok || i < 0 || i >= len(now) || i >= len(old) {
		return now
	}
	now = slices.Clone(now)
	if len(path) == 1 {
		now[i] = old[i]
	} else {
		now[i] = graft(now[i], old[i], path[1:])
	}
	return now
}

func longestKey(a, b map[string]any, path []string) (string, int) {
	for n := len(path); n > 1; n-- {
		key := strings.Join(path[:n], ".")
		_, inA := a[key]
		_, inB := b[key]
		if inA || inB {
			return key, n
		}
	}
	return path[0], 1
}

// withoutIgnored drops the differences that are none.
func withoutIgnored(l schema.Lifecycle, changes []providers.Change) []providers.Change {
	if len(l.IgnoreChanges) == 0 || len(changes) == 0 {
		return changes
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c providers.Change) bool { return c.Cause == "" && ignored(l, c.Path) })
}

// trigger replaces what asked to be replaced with another; it reports whether
// that is new.
func (c *computation) trigger(n *node) bool {
	if n.object == nil || n.made() || len(n.want.Lifecycle.ReplaceTriggeredBy) == 0 {
		return false
	}
	for _, t := range n.want.Lifecycle.ReplaceTriggeredBy {
		for _, m := range c.triggering(t) {
			if m == n || !m.triggers() {
				continue
			}
			n.change.Action, n.adopt, n.record = Replace, false, false
			n.change.Because = m.address
			n.change.Reasons = appendReason(n.change.Reasons, Triggered)
			n.after = append(n.after, m)
			return true
		}
	}
	return false
}

// triggering are the desired nodes that a reference means.
func (c *computation) triggering(t addr.Address) []*node {
	if n := c.index[t]; n != nil && n.want != nil {
		return []*node{n}
	}
	var all []*node
	for _, n := range c.order {
		if rest, ok := strings.CutPrefix(string(n.address), string(t)); ok && strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") && !strings.Contains(rest, "].") {
			all = append(all, n)
		}
	}
	return all
}

// triggers tells that the node is made, or changed by its configuration.
func (n *node) triggers() bool {
	return n.made() || n.change.Action == Update && slices.Contains(n.change.Reasons, ConfigChanged)
}

// createFirst orders a replacement as create_before_destroy asks, where the
// object allows it.
func (c *computation) createFirst(n *node) {
	if n.want == nil || !n.want.Lifecycle.CreateBeforeDestroy || n.change.Action != Replace {
		return
	}
	if kind := kindOf(n.want); c.spec(kind).Overwrites && n.object.Kind == kind && n.label() == "" {
		n.change.CreateFirst = true
		return
	}
	c.warn(n.address, fmt.Sprintf("create_before_destroy cannot be had of a %s: two of one name, IP and MAC cannot be at once, so the old one goes first", kindOf(n.want)),
		"for a service without a gap, let a second instance stand beside it")
}

// hold leaves drift that is only to be reported; children of what is gone are
// left as well.
func (c *computation) hold(n *node) {
	for _, a := range n.want.Parents {
		if c.index[a].held && n.change.Action != NoOp {
			n.held = true
			if n.object == nil && n.prior != nil && n.prior.Object != nil {
				n.drift = &Drift{Gone: true}
			}
		}
	}
	if n.held {
		n.change.Action, n.adopt, n.record, n.change.Attributes, n.change.Reasons = NoOp, false, false, nil, nil
	}
}

// prevented collects what must not be destroyed and would be.
func (c *computation) prevented() error {
	var all []Prevented
	for _, n := range c.nodes {
		a := n.change.Action
		if n.object == nil || a != Delete && (a != Replace || n.change.CreateFirst) {
			continue
		}
		protected, source, gone := false, n.change.Source, false
		switch full := c.full[n.address]; {
		case n.want != nil:
			protected = n.want.Lifecycle.PreventDestroy
		case full != nil:
			protected, source = full.Lifecycle.PreventDestroy, full.Source
		case n.prior != nil:
			protected, gone = n.prior.PreventDestroy && c.removal(n.address) == nil, true
		}
		if protected {
			all = append(all, Prevented{Address: n.address, Source: source, Action: a, Reasons: n.change.Reasons, Because: n.change.Because, Gone: gone})
		}
	}
	if all != nil {
		return &PreventedError{Instances: all}
	}
	return nil
}
