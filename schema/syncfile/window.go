package syncfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/robfig/cron/v3"

	"github.com/decnet/decnet/schema/diag"
)

func (p *parser) window(b *hclsyntax.Block) Window {
	r := p.read(b, "window")
	w := Window{Name: b.Labels[0], Declared: b.DefRange(), Deny: r.text("mode") == "deny", From: 0, To: midnight, Location: time.UTC}
	if name := r.text("timezone"); name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil || strings.EqualFold(name, "local") {
			p.fail(r.place("timezone"), fmt.Sprintf("There is no timezone %q on this host", name), "Write UTC or one such as \"Europe/Berlin\"; the package tzdata has them.")
		} else {
			w.Location = zone
		}
	}
	if r.given("schedule") || r.given("duration") {
		p.scheduled(r, &w)
		return w
	}
	for _, day := range r.texts("days") {
		i := slices.Index(weekdays, day)
		if i < 0 {
			p.diags = append(p.diags, diag.Unknown(r.place("days"), "day", day, weekdays))
			continue
		}
		if slices.Contains(w.Days, time.Weekday(i)) {
			p.fail(r.place("days"), fmt.Sprintf("%s stands twice in days", day), "Once is enough.")
			continue
		}
		w.Days = append(w.Days, time.Weekday(i))
	}
	if r.given("days") && len(w.Days) == 0 {
		p.fail(r.place("days"), fmt.Sprintf("%s is never open", r.where), "Leave days out for every day.")
	}
	slices.Sort(w.Days)
	w.From, w.To = r.clock("from", w.From), r.clock("to", w.To)
	if w.From == midnight {
		p.fail(r.place("from"), "A window cannot open at 24:00", "Write 00:00, and the next day.")
	}
	return w
}

func (p *parser) scheduled(r *reader, w *Window) {
	for _, name := range []string{"days", "from", "to"} {
		if r.given(name) {
			p.fail(r.place(name), fmt.Sprintf("%s stands beside a schedule", name), "A window has days, from and to, or schedule and duration.")
		}
	}
	for _, pair := range [][2]string{{"schedule", "duration"}, {"duration", "schedule"}} {
		if !r.given(pair[1]) {
			p.fail(r.place(pair[0]), fmt.Sprintf("%s has a %s and no %s", r.where, pair[0], pair[1]), "Write schedule = \"0 22 * * 1-5\" and duration = \"8h\", each on a line of its own.")
			return
		}
	}
	w.Schedule = r.text("schedule")
	w.Duration = r.span("duration", time.Hour, time.Minute, maxDuration)
	if w.Schedule == "" {
		return
	}
	schedule, err := ParseSchedule(w.Schedule)
	if err != nil {
		p.fail(r.place("schedule"), fmt.Sprintf("%q is no schedule", w.Schedule), `Write minute, hour, day of the month, month and day of the week, such as "0 22 * * 1-5", or "@daily".`)
		w.Schedule = ""
		return
	}
	if schedule.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		p.fail(r.place("schedule"), fmt.Sprintf("%s never opens", r.where), "There is no such date.")
	}
}

// ParseSchedule reads a schedule as cron(5) has it, five fields or a word such
// as "@daily". A timezone in it and "@every" are refused.
func ParseSchedule(s string) (cron.Schedule, error) {
	if strings.Contains(s, "TZ=") || strings.HasPrefix(s, "@every") || len(s) > maxText {
		return nil, fmt.Errorf("schedule %q: neither a timezone nor @every", s)
	}
	return cron.ParseStandard(s)
}

const midnight Clock = 24 * 60

// String is "22:00".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

var clocks = regexp.MustCompile(`^([01][0-9]|2[0-4]):([0-5][0-9])$`)

func (r *reader) clock(name string, otherwise Clock) Clock {
	s := r.text(name)
	if s == "" {
		return otherwise
	}
	if m := clocks.FindStringSubmatch(s); m != nil {
		hour, _ := strconv.Atoi(m[1])
		minute, _ := strconv.Atoi(m[2])
		if c := Clock(hour*60 + minute); c <= midnight {
			return c
		}
	}
	r.fail(r.place(name), fmt.Sprintf("%q is no time of day", s), `Write hours and minutes, such as "22:00".`)
	return otherwise
}

func (p *parser) webhook(b *hclsyntax.Block) Webhook {
	r := p.read(b, "webhook")
	w := Webhook{Declared: b.DefRange(), Listen: r.listen("listen"), Path: r.text("path"), SecretFile: r.path("secret_file"), Provider: Provider(r.text("provider")), Syncs: r.names("syncs", "")}
	if w.Provider == "" {
		w.Provider = Generic
	}
	if w.Path == "" {
		w.Path = DefaultHook
	}
	if !strings.HasPrefix(w.Path, "/") || strings.ContainsAny(w.Path, "?#{} ") {
		p.fail(r.place("path"), fmt.Sprintf("%q is no path of a URL", w.Path), "It begins with / and has neither ? nor #.")
	}
	for _, other := range p.file.Webhooks {
		if other.Listen == w.Listen && other.Path == w.Path && w.Listen != "" {
			p.fail(w.Declared, fmt.Sprintf("Two webhooks are heard at %s%s", w.Listen, w.Path), "The first one stands at %s; give one of them another path.", place(other.Declared))
		}
	}
	return w
}

// whole checks what only all files together can tell.
func (p *parser) whole() {
	f := p.file
	if len(f.Syncs) > maxSyncs {
		p.fail(f.Syncs[maxSyncs].Declared, fmt.Sprintf("There are %d syncs", len(f.Syncs)), "One daemon follows at most %d.", maxSyncs)
		f.Syncs = f.Syncs[:maxSyncs]
	}
	var names []string
	states := map[string]Sync{}
	for _, s := range f.Syncs {
		names = append(names, s.Name)
		if other, twice := states[s.State]; twice && s.State != "" {
			p.fail(s.Declared, fmt.Sprintf("sync %q and sync %q share a state", other.Name, s.Name), "Each has its own: give one of them another path in state, or leave it out.")
		}
		states[s.State] = s
	}
	for _, n := range p.needs {
		if !slices.Contains(names, n.to) {
			p.diags = append(p.diags, diag.Unknown(n.at, "sync", n.to, names))
		}
	}
	p.circles()
}

// circles reports every circle of depends_on once, spelled out.
func (p *parser) circles() {
	const (
		fresh = iota
		open
		done
	)
	state, next := map[string]int{}, map[string][]need{}
	for _, n := range p.needs {
		if n.from != "" {
			next[n.from] = append(next[n.from], n)
		}
	}
	var way []need
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		for _, n := range next[name] {
			way = append(way, n)
			switch state[n.to] {
			case fresh:
				visit(n.to)
			case open:
				p.circle(way, n.to)
			}
			way = way[:len(way)-1]
		}
		state[name] = done
	}
	for _, s := range p.file.Syncs {
		if state[s.Name] == fresh {
			visit(s.Name)
		}
	}
}

func (p *parser) circle(way []need, to string) {
	start := slices.IndexFunc(way, func(n need) bool { return n.from == to })
	words := make([]string, 0, len(way))
	places := make([]hcl.Range, 0, len(way))
	for _, n := range way[max(start, 0):] {
		words, places = append(words, "sync."+n.from), append(places, n.at)
	}
	d := diag.Error(places[0], "Syncs depend on one another in a circle", "%s -> sync.%s. Take one of these out of depends_on.", strings.Join(words, " -> "), to)
	d.Extra = diag.Related(places[1:])
	p.diags = append(p.diags, d)
}
