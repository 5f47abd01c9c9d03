package image

import (
	"slices"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/persona"
)

// Unit is a unit of systemd that a distribution ships.
type Unit struct {
	Name        string // "ssh.service"
	State       string // SUB of list-units after the start: "running", "exited", "active", "dead"; "-" for a template
	Daemon      string // what the machine calls the process of a running service
	Install     string // "enabled:multi-user.target", "disabled:...", "static"
	Description string

	body []string // directives
}

// unitTable are the lines of the table, in pieces.
var unitTable = sync.OnceValue(func() [][]string {
	var out [][]string
	for _, line := range lines("units.txt") {
		if f := strings.SplitN(line, "|", 5); len(f) == 5 {
			out = append(out, f)
		}
	}
	return out
})

// Units are the units of a release, sorted by name; none where systemd is not
// its init. Names and descriptions are facts of the distributions' packages.
func Units(r persona.Release) []Unit {
	if r.Init != "systemd" {
		return nil
	}
	var out []Unit
	for _, f := range unitTable() {
		words := strings.Fields(f[0])
		name := words[len(words)-1]
		if !applies(r, words[:len(words)-1]) {
			continue
		}
		state, daemon, _ := strings.Cut(f[1], "=")
		u := Unit{Name: name, State: state, Daemon: daemon, Install: f[2], Description: f[3]}
		if f[4] != "" {
			u.body = strings.Split(f[4], ";")
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Unit) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// daemonUnits are the units of daemons by distribution and daemon.
var daemonUnits = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, slug := range persona.Distros() {
		out[slug] = map[string]string{}
		for _, u := range Units(persona.Known(slug)) {
			if u.Daemon != "" {
				out[slug][u.Daemon] = u.Name
			}
		}
	}
	return out
})

// DaemonUnit is the unit that a daemon runs in, "" for none.
func DaemonUnit(r persona.Release, daemon string) string { return daemonUnits()[r.Slug][daemon] }

// applies tells whether tags name a release: its slug, or its family with "@";
// "-" in front of one excludes it.
func applies(r persona.Release, tags []string) bool {
	positive, hit := false, false
	for _, t := range tags {
		bare, not := strings.CutPrefix(t, "-")
		is := bare == r.Slug || bare == "@"+r.Family || bare == r.Family
		switch {
		case t == "*":
		case not && is:
			return false
		case not:
		default:
			positive = true
			hit = hit || is
		}
	}
	return hit || !positive
}

// unitSections are the sections of a kind's own directives.
var unitSections = map[string]string{"service": "Service", "socket": "Socket", "timer": "Timer", "mount": "Mount", "automount": "Automount", "slice": "Slice"}

// text is the file of a unit.
func (u Unit) text() string {
	stem, kind, _ := cutLast(u.Name, ".")
	head := "[Unit]\nDescription=" + u.Description + "\nDocumentation=man:systemd.special(7)\n"
	if kind == "service" || kind == "socket" {
		head = "[Unit]\nDescription=" + u.Description + "\nDocumentation=man:" + strings.TrimSuffix(strings.Replace(stem, "@", "", 1), ".service") + "(8)\n"
	}
	if stem == "ssh" || stem == "sshd" {
		head = strings.Replace(head, "man:"+stem+"(8)", "man:sshd(8) man:sshd_config(5)", 1)
	}
	body, alias := "", ""
	for _, d := range u.body {
		name, _, _ := strings.Cut(d, "=")
		switch {
		case name == "After" || strings.HasPrefix(name, "Condition"):
			head += d + "\n"
		case name == "Alias":
			alias += d + "\n"
		default:
			body += d + "\n"
		}
	}
	if s := unitSections[kind]; s != "" && body != "" {
		head += "\n[" + s + "]\n" + body
	}
	if _, target, ok := strings.Cut(u.Install, ":"); ok {
		head += "\n[Install]\nWantedBy=" + target + "\n" + alias
	}
	return head
}

// aliases are the other names that an enabled unit gets.
func (u Unit) aliases() []string {
	var out []string
	for _, d := range u.body {
		if name, ok := strings.CutPrefix(d, "Alias="); ok {
			out = append(out, name)
		}
	}
	return out
}

// cutLast cuts around the last sep.
func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
