package service

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	runes "unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

type fileInfo = vfs.Info

// matches tells whether a name fits one of the patterns, or there are none.
func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, name); err == nil && ok || p == name || p+".service" == name {
			return true
		}
	}
	return len(patterns) == 0
}

// wanted tells whether a unit fits the options.
func (s *ctl) chosen(u *unit) bool {
	if t := s.flags.Value["t"]; t != "" && !slices.Contains(strings.Split(t, ","), u.kind()) && !slices.Contains(strings.Split(t, ","), u.load) {
		return false
	}
	if t := s.flags.Value["s"]; t != "" {
		states := strings.Split(t, ",")
		return slices.Contains(states, u.active) || slices.Contains(states, u.sub) || slices.Contains(states, u.load) || slices.Contains(states, s.enabled(u))
	}
	if s.flags.Has("F") {
		return u.active == "failed"
	}
	return true
}

func (s *ctl) listUnits() int {
	var rows [][]string
	var marked []bool
	for _, u := range s.all(false) {
		all := s.flags.Has("a") || s.flags.Has("s")
		if !s.chosen(u) || !matches(u.name, s.names) || !all && u.active == "inactive" && len(s.names) == 0 {
			continue
		}
		desc := u.desc
		if desc == "" {
			desc = u.name
		}
		rows = append(rows, []string{u.name, u.load, u.active, u.sub, desc})
		marked = append(marked, u.active == "failed" || u.load == "not-found" || u.load == "masked")
	}
	legend := !s.flags.Has("L") && !slices.Contains(s.c.Args, "--legend=false") && !s.flags.Has("q")
	if len(rows) > 0 {
		s.table(rows, marked, legend)
	}
	if !legend {
		return 0
	}
	s.legend(len(rows))
	return 0
}

// table prints the units with their marks in front.
func (s *ctl) table(rows [][]string, marked []bool, legend bool) {
	header := []string{"UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"}
	width := make([]int, 5)
	for i, h := range header {
		if legend {
			width[i] = len(h)
		}
		for _, r := range rows {
			width[i] = max(width[i], runes.RuneCountInString(r[i]))
		}
	}
	margin := "  "
	if s.flags.Has("L") && slices.Contains(s.c.Args, "--plain") || slices.Contains(s.c.Args, "--plain") || s.old() && !slices.Contains(marked, true) {
		margin = ""
	}
	print := func(lead string, cells []string) {
		var b strings.Builder
		b.WriteString(lead)
		for i, cell := range cells {
			b.WriteString(cell)
			if i < 4 {
				b.WriteString(strings.Repeat(" ", max(width[i]-runes.RuneCountInString(cell), 0)+1))
			}
		}
		s.c.Print(b.String() + "\n")
	}
	if legend {
		print(margin, header)
	}
	for i, r := range rows {
		lead := margin
		if marked[i] && margin != "" {
			lead = glyph(s.c, "●", "*") + " "
		}
		print(lead, r)
	}
}

// legend is what follows the list of units.
func (s *ctl) legend(n int) {
	switch {
	case n == 0:
	case s.numbered(254):
		s.c.Print("\nLegend: LOAD   → Reflects whether the unit definition was properly loaded.\n        ACTIVE → The high-level unit activation state, i.e. generalization of SUB.\n        SUB    → The low-level unit activation state, values depend on unit type.\n\n")
	default:
		s.c.Print("\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n\n")
	}
	tail := " Pass --all to see loaded but inactive units, too."
	if s.flags.Has("a") {
		tail = ""
	}
	text := strconv.Itoa(n) + " loaded units listed."
	if s.flags.Has("s") || s.flags.Has("F") {
		s.c.Print(text + "\n")
		return
	}
	s.c.Print(text + tail + "\nTo show all installed unit files use 'systemctl list-unit-files'.\n")
}

func (s *ctl) listFiles() int {
	var rows [][]string
	for _, u := range s.all(true) {
		if u.load != "loaded" && u.load != "masked" || !s.chosen(u) || !matches(u.name, s.names) {
			continue
		}
		state, preset := s.enabled(u), "-"
		if state == "enabled" || state == "disabled" || state == "masked" {
			preset = s.preset(u)
		}
		rows = append(rows, []string{u.name, state, preset})
	}
	header := []string{"UNIT FILE", "STATE", "PRESET"}
	if !s.numbered(251) {
		header[2] = "VENDOR PRESET"
	}
	n := 3
	if s.old() {
		n = 2
	}
	legend := !s.flags.Has("L") && !s.flags.Has("q")
	s.columns(header[:n], rows, legend)
	if legend {
		s.c.Printf("\n%d unit files listed.\n", len(rows))
	}
	return 0
}

// columns prints a table; the last column is not filled up.
func (s *ctl) columns(header []string, rows [][]string, legend bool) {
	if legend {
		rows = append([][]string{header}, rows...)
	}
	width := make([]int, len(header))
	for _, r := range rows {
		for i := range header {
			width[i] = max(width[i], runes.RuneCountInString(r[i]))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i := range header {
			b.WriteString(r[i])
			if i < len(header)-1 {
				b.WriteString(strings.Repeat(" ", max(width[i]-runes.RuneCountInString(r[i]), 0)+1))
			}
		}
		s.c.Print(b.String() + "\n")
	}
}

// activates is what a timer or socket starts.
func activates(u *unit) string {
	if name := u.get("Unit"); name != "" {
		return name
	}
	return strings.TrimSuffix(u.name, "."+u.kind()) + ".service"
}

// next is when a timer elapses.
func (m *manager) next(u *unit) time.Time {
	now := m.c.Now()
	if u.get("OnBootSec") != "" || u.get("OnUnitActiveSec") != "" || u.get("OnUnitInactiveSec") != "" {
		every := seconds(u.get("OnUnitActiveSec") + u.get("OnUnitInactiveSec"))
		if every <= 0 {
			every = 24 * time.Hour
		}
		first := m.c.Machine.Boot.Add(seconds(u.get("OnBootSec")))
		if u.since.After(first) {
			first = u.since
		}
		if first.After(now) {
			return first
		}
		return first.Add((now.Sub(first)/every + 1) * every)
	}
	if next, ok := calendar(u.get("OnCalendar"), now.In(m.c.Machine.Zone.Location)); ok {
		delay := seconds(u.get("RandomizedDelaySec")) + seconds(u.get("AccuracySec"))
		return next.Add(time.Duration(m.c.Machine.Number("timer/"+u.name, 0, max(int64(delay/time.Second), 0))) * time.Second)
	}
	return time.Time{}
}

func (s *ctl) listTimers() int {
	now := s.c.Now()
	type row struct {
		next  time.Time
		cells []string
	}
	var rows []row
	for _, u := range s.all(s.flags.Has("a")) {
		if u.kind() != "timer" || u.active != "active" && !s.flags.Has("a") || !matches(u.name, s.names) {
			continue
		}
		next := s.next(u)
		none := "n/a"
		if s.numbered(254) {
			none = "-"
		}
		cells := []string{none, none, none, none, u.name, activates(u)}
		if !next.IsZero() {
			left := ago(next.Sub(now))
			if !s.numbered(252) || !s.numbered(255) {
				left += " left"
			}
			cells[0], cells[1] = stamp(s.c, next), left
			every := 24 * time.Hour
			if u.get("OnCalendar") == "weekly" || strings.HasPrefix(u.get("OnCalendar"), "Sun") {
				every *= 7
			}
			if last := next.Add(-every); last.After(s.c.Machine.Boot) {
				cells[2], cells[3] = stamp(s.c, last), ago(now.Sub(last))+" ago"
			}
		}
		rows = append(rows, row{next, cells})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.next.Compare(b.next) })
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, r.cells)
	}
	s.columns([]string{"NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"}, cells, !s.flags.Has("L"))
	if !s.flags.Has("L") {
		s.c.Printf("\n%d timers listed.\n", len(rows))
		if !s.flags.Has("a") {
			s.c.Print("Pass --all to see loaded but inactive timers, too.\n")
		}
	}
	return 0
}

func (s *ctl) listSockets() int {
	var rows [][]string
	for _, u := range s.all(false) {
		if u.kind() != "socket" || u.active != "active" {
			continue
		}
		for _, name := range []string{"ListenStream", "ListenDatagram", "ListenFIFO", "ListenSequentialPacket", "ListenNetlink"} {
			for _, v := range u.lines[name] {
				target := activates(u)
				if u.sub == "running" && s.find(target).load == "not-found" {
					target = strings.Split(strings.TrimSuffix(u.name, ".socket"), "-dev")[0] + ".service"
				}
				rows = append(rows, []string{v, u.name, target})
			}
		}
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	s.columns([]string{"LISTEN", "UNIT", "ACTIVATES"}, rows, !s.flags.Has("L"))
	if !s.flags.Has("L") {
		s.c.Printf("\n%d sockets listed.\nPass --all to see loaded but inactive sockets, too.\n", len(rows))
	}
	return 0
}

// dependencies is the tree of what a unit wants.
func (s *ctl) dependencies() int {
	name := "default.target"
	if len(s.names) > 0 {
		name = full(s.names[0])
	}
	s.c.Print(name + "\n")
	links, err := s.view.ReadDir(etcUnits + "/" + name + ".wants")
	if name == "default.target" {
		links, err = s.view.ReadDir(etcUnits + "/multi-user.target.wants")
	}
	if err != nil {
		return 0
	}
	for i, l := range links {
		branch := glyph(s.c, "├─", "|-")
		if i == len(links)-1 {
			branch = glyph(s.c, "└─", "`-")
		}
		s.c.Print(s.dot(s.find(l.Name)) + " " + branch + l.Name + "\n")
	}
	return 0
}

// seconds is a span of time as unit files have it: "15min", "1h 30min", "42".
func seconds(text string) time.Duration {
	units := []struct {
		name string
		d    time.Duration
	}{{"fortnight", 336 * time.Hour}, {"weeks", 168 * time.Hour}, {"week", 168 * time.Hour}, {"days", 24 * time.Hour}, {"day", 24 * time.Hour}, {"hours", time.Hour}, {"hour", time.Hour}, {"minutes", time.Minute}, {"minute", time.Minute}, {"seconds", time.Second}, {"second", time.Second}, {"min", time.Minute}, {"sec", time.Second}, {"ms", time.Millisecond}, {"w", 168 * time.Hour}, {"d", 24 * time.Hour}, {"hr", time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	var total time.Duration
	text = strings.ReplaceAll(text, " ", "")
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if end == 0 {
			return total
		}
		if end < 0 {
			end = len(text)
		}
		n, err := strconv.ParseFloat(text[:end], 64)
		if err != nil || n > 1e9 {
			return total
		}
		text = text[end:]
		unit := time.Second
		for _, u := range units {
			if strings.HasPrefix(text, u.name) {
				unit, text = u.d, text[len(u.name):]
				break
			}
		}
		total += time.Duration(n * float64(unit))
	}
	return total
}
