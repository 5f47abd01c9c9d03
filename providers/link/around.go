package link

import (
	"fmt"
	"slices"
	"strings"
)

// maxAround bounds how many links and routes Around tells of.
const maxAround = 300

// Around describes in words, a line each, what concerns a network in the
// namespace: the link called parent, what carries alias, whatever stands on one
// of them with its addresses, whoever was heard on them, and the routes over
// them. A parent that is not there is said to be gone. It changes and sends
// nothing.
func (h *Handle) Around(parent, alias string) (string, error) {
	all, err := h.Dump()
	if err != nil {
		return "", err
	}
	near := map[int]bool{}
	for _, l := range all {
		if l.Name == parent || l.Alias == alias {
			near[l.Index] = true
		}
	}
	var text strings.Builder
	if parent != "" && !slices.ContainsFunc(all, func(l Info) bool { return l.Name == parent }) {
		fmt.Fprintf(&text, "link %s is gone\n", parent)
	}
	if alias != "" && !slices.ContainsFunc(all, func(l Info) bool { return l.Alias == alias }) {
		fmt.Fprintf(&text, "no link is called %s\n", alias)
	}
	count := 0
	var names []string
	for _, l := range all {
		if !near[l.Index] && !near[l.Parent] && !near[l.Master] {
			continue
		}
		if count++; count > maxAround {
			text.WriteString("and more\n")
			break
		}
		state := "down"
		if l.Up {
			state = "up"
		}
		fmt.Fprintf(&text, "link %d %s %s %s %s parent=%d master=%d alias=%q %q\n", l.Index, l.Name, l.Kind, l.MAC, state, l.Parent, l.Master, l.Alias, l.Addrs)
		names = append(names, l.Name)
		if !near[l.Index] {
			continue
		}
		heard, err := h.Neighbours(l.Name)
		if err != nil {
			continue // it went
		}
		for _, n := range heard[:min(len(heard), maxAround)] {
			fmt.Fprintf(&text, "neighbour %s %s dev %s\n", n.IP, n.MAC, l.Name)
		}
	}
	routes, err := h.AllRoutes()
	count = 0
	for _, r := range routes {
		words := strings.Fields(r)
		at := slices.Index(words, "dev")
		if at < 0 || at+1 == len(words) || !slices.Contains(names, words[at+1]) {
			continue
		}
		if count++; count <= maxAround {
			fmt.Fprintf(&text, "route %s\n", r)
		}
	}
	return text.String(), err
}
