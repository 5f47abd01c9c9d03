package service

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
)

type entry = image.Entry

// filter are the entries that keep says to keep.
func filter(list []entry, keep func(entry) bool) []entry {
	var out []entry
	for _, e := range list {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// readsJournal tells who may read the system's journal.
func readsJournal(c *program.Call) bool {
	if c.User.UID == 0 {
		return true
	}
	for _, g := range c.Machine.GroupsOf(c.User) {
		if g.Name == "adm" || g.Name == "systemd-journal" || g.Name == "wheel" {
			return true
		}
	}
	return false
}

// journal are the host's entries, oldest first: what its logs hold, what its
// services said at their start, who logged in, and what clients did since.
func (m *manager) journal() []entry {
	mach := m.c.Machine
	list := mach.Entries()
	for _, u := range m.all(false) {
		if u.kind() == "service" && !u.since.IsZero() && u.active == "active" {
			if _, changed := mach.Unit(u.name); !changed {
				list = append(list, m.startLines(u)...)
			}
		}
	}
	for _, s := range m.sessions() {
		at := s.login.Since
		list = append(list,
			entry{At: at, Source: "sshd", PID: s.login.PID - 2, Text: fmt.Sprintf("Accepted password for %s from %s port %d ssh2", s.login.User, s.login.From, 30000+s.login.PID%30000)},
			entry{At: at.Add(30 * time.Millisecond), Source: "sshd", PID: s.login.PID - 2, Text: fmt.Sprintf("pam_unix(sshd:session): session opened for user %s(uid=%d) by (uid=0)", s.login.User, s.uid)},
			entry{At: at.Add(40 * time.Millisecond), Source: "systemd-logind", PID: m.pidOf("systemd-logind"), Text: fmt.Sprintf("New session %d of user %s.", s.id, s.login.User), Unit: "systemd-logind.service"},
			entry{At: at.Add(60 * time.Millisecond), Source: "systemd", PID: 1, Text: "Started " + m.title(&unit{name: fmt.Sprintf("session-%d.scope", s.id), desc: fmt.Sprintf("Session %d of User %s", s.id, s.login.User)}) + ".", Unit: fmt.Sprintf("session-%d.scope", s.id)})
	}
	list = append(list, mach.Notes()...)
	ssh, cron := m.find("sshd").name, "cron.service"
	if mach.Release.Family != "debian" {
		cron = "crond.service"
	}
	for i := range list {
		if e := &list[i]; e.Unit == "" {
			switch {
			case strings.HasPrefix(e.Source, "sshd"):
				e.Unit = ssh
			case strings.EqualFold(e.Source, "cron"), e.Source == "crond", e.Source == "CROND", strings.HasPrefix(e.Source, "run-parts"):
				e.Unit = cron
			case e.Source == "systemd":
				e.Unit = "init.scope"
			}
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.At.Compare(b.At) })
	cut := mach.Forgotten()
	return filter(list, func(e entry) bool { return !e.At.Before(cut) })
}

// pidOf is the number of the first process of a name.
func (m *manager) pidOf(name string) int {
	for _, p := range m.procs {
		if p.Name == name {
			return p.PID
		}
	}
	return 0
}

// startLines are what a service that runs since the host's start left behind.
func (m *manager) startLines(u *unit) []entry {
	sys := func(d time.Duration, text string) entry {
		return entry{At: u.since.Add(d), Source: "systemd", PID: 1, Text: text, Unit: u.name}
	}
	list := []entry{sys(-40*time.Millisecond, "Starting "+m.title(u)+"...")}
	say := func(d time.Duration, source, text string) {
		list = append(list, entry{At: u.since.Add(d), Source: source, PID: u.pid, Text: text, Unit: u.name})
	}
	switch u.name {
	case "ssh.service", "sshd.service":
		port := 22
		for _, l := range m.c.Machine.Listening() {
			if l.Name == "sshd" {
				port = l.Port
			}
		}
		say(-20*time.Millisecond, "sshd", fmt.Sprintf("Server listening on 0.0.0.0 port %d.", port))
		say(-19*time.Millisecond, "sshd", fmt.Sprintf("Server listening on :: port %d.", port))
	case "cron.service":
		say(20*time.Millisecond, "cron", "(CRON) INFO (pidfile fd = 3)")
		say(30*time.Millisecond, "cron", "(CRON) INFO (Running @reboot jobs)")
	case "crond.service":
		say(20*time.Millisecond, "crond", "(CRON) STARTUP ("+strings.SplitN(packageVersion(m.c, "cronie"), "-", 2)[0]+")")
		say(30*time.Millisecond, "crond", "(CRON) INFO (running with inotify support)")
	case "rsyslog.service":
		v := strings.SplitN(packageVersion(m.c, "rsyslog"), "-", 2)[0]
		say(20*time.Millisecond, "rsyslogd", "[origin software=\"rsyslogd\" swVersion=\""+v+"\" x-pid=\""+strconv.Itoa(u.pid)+"\" x-info=\"https://www.rsyslog.com\"] start")
	case "systemd-logind.service":
		say(-10*time.Millisecond, "systemd-logind", "New seat seat0.")
	case "systemd-journald.service":
		say(-10*time.Millisecond, "systemd-journald", "Journal started")
	}
	word := "Started "
	if u.sub == "exited" && m.numbered(246) {
		word = "Finished "
	}
	return append(list, sys(0, word+m.title(u)+"."))
}

func packageVersion(c *program.Call, name string) string {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == name {
			return p.Version
		}
	}
	return "1.0"
}

const journalLong = "system=9 user=9 unit=:u user-unit=:9 identifier=:t since=:S until=:U boot=::b dmesg=k lines=::n output=:o reverse=r follow=f catalog=x pager-end=e no-pager=9 no-tail=9 quiet=q merge=m list-boots=B disk-usage=d vacuum-size=:v vacuum-time=:v vacuum-files=:v rotate=R flush=9 sync=9 verify=Y header=H fields=N field=:F priority=:p grep=:g case-sensitive=::9 utc=z no-hostname=h all=a full=l no-full=9 directory=:D file=:i root=:9 version=V help=? cursor=:c after-cursor=:9 show-cursor=9 output-fields=:9 update-catalog=9 list-catalog=9 facility=:9 machine=:M"

func journalctl(c *program.Call) int {
	for i := 1; i < len(c.Args); i++ { // -b takes the next word where it names a boot
		if _, err := strconv.Atoi(c.Args[i]); err == nil && (c.Args[i-1] == "-b" || c.Args[i-1] == "--boot") {
			c.Args = append(slices.Clone(c.Args[:i-1]), append([]string{"-b" + c.Args[i]}, c.Args[i+1:]...)...)
		}
	}
	f, rest, ok := c.Parse("efn::rqmaxlb::kt:u:p:g:S:U:o:D:i:c:NF:M:hV", journalLong)
	if !ok {
		return 1
	}
	m := newManager(c)
	switch {
	case f.Has("V"):
		sayVersion(c)
		return 0
	case f.Has("?"), slices.Contains(c.Args, "-h"):
		usage(c, "journalctl [OPTIONS...] [MATCHES...]\n\nQuery the journal.\n", "Options:", "--system --user -S --since=DATE -U --until=DATE -u --unit=UNIT -t --identifier=STRING -p --priority=RANGE -g --grep=PATTERN -k --dmesg -b --boot[=ID] -e --pager-end -f --follow -n --lines[=INTEGER] -r --reverse -o --output=STRING -x --catalog --no-pager -N --fields -F --field=FIELD --list-boots --disk-usage --vacuum-size=BYTES --vacuum-time=TIME --verify --sync --flush --rotate")
		return 0
	}
	dir := "/var/log/journal/" + c.Machine.Persona.MachineID()
	if _, err := m.view.Stat(dir); err != nil {
		c.Err.Print("No journal files were found.\n")
		c.Print("-- No entries --\n")
		return 0
	}
	if !readsJournal(c) {
		if !f.Has("q") {
			c.Err.Print("Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n")
		}
		c.Err.Print("No journal files were opened due to insufficient permissions.\n")
		return 1
	}
	if done, status := m.keep(f, dir); done {
		return status
	}
	return m.print(f, rest)
}

// keep are the actions that concern the journal's files.
func (m *manager) keep(f program.Flags, dir string) (done bool, status int) {
	c := m.c
	size := "48.0M"
	if c.Machine.Forgotten().After(c.Machine.Boot) {
		size = "8.0M"
	}
	switch {
	case f.Has("B"):
		id := strings.ReplaceAll(c.Machine.BootID(), "-", "")
		list := m.journal()
		last := c.Now()
		if len(list) > 0 {
			last = list[len(list)-1].At
		}
		if m.numbered(251) {
			c.Print("IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY                 \n")
			c.Printf("  0 %s %s %s\n", id, stamp(c, c.Machine.Boot.Add(4*time.Second)), stamp(c, last))
		} else {
			c.Printf(" 0 %s %s—%s\n", id, stamp(c, c.Machine.Boot.Add(4*time.Second)), stamp(c, last))
		}
	case f.Has("d"):
		c.Print("Archived and active journals take up " + size + " in the file system.\n")
	case f.Has("R"), f.Has("v"):
		if c.User.UID != 0 {
			c.Err.Print("Failed to send rotation request: Interactive authentication required.\n")
			return true, 1
		}
		if f.Has("v") {
			if f.Has("R") {
				c.Machine.Forget()
				c.Err.Print("Deleted archived journal " + dir + "/system@" + c.Machine.Persona.UUID4Hex("journal") + "-0000000000000001-0005f0a1b2c3d4e5.journal (40.0M).\nVacuuming done, freed 40.0M of archived journals from " + dir + ".\n")
			} else {
				c.Err.Print("Vacuuming done, freed 0B of archived journals from " + dir + ".\n")
			}
			c.Err.Print("Vacuuming done, freed 0B of archived journals from /var/log/journal.\nVacuuming done, freed 0B of archived journals from /run/log/journal.\n")
		}
	case f.Has("Y"):
		c.Err.Print("PASS: " + dir + "/system.journal\n")
	case f.Has("H"):
		c.Print("File path: " + dir + "/system.journal\nFile ID: " + c.Machine.Persona.UUID4Hex("journal") + "\nMachine ID: " + c.Machine.Persona.MachineID() + "\nState: ONLINE\nDisk usage: 8.0M\n")
	case f.Has("N"):
		c.Print("MESSAGE\nPRIORITY\nSYSLOG_FACILITY\nSYSLOG_IDENTIFIER\n_BOOT_ID\n_CMDLINE\n_COMM\n_EXE\n_GID\n_HOSTNAME\n_MACHINE_ID\n_PID\n_SYSTEMD_CGROUP\n_SYSTEMD_SLICE\n_SYSTEMD_UNIT\n_TRANSPORT\n_UID\n")
	case f.Has("F"):
		seen := map[string]bool{}
		for _, e := range m.journal() {
			v := fields(m, e)[f.Value["F"]]
			if v != "" && !seen[v] {
				seen[v] = true
				c.Print(v + "\n")
			}
		}
	case slices.ContainsFunc(c.Args, func(a string) bool { return a == "--flush" || a == "--sync" || a == "--update-catalog" }):
	default:
		return false, 0
	}
	return true, 0
}

// print shows the entries that the options choose.
func (m *manager) print(f program.Flags, rest []string) int {
	c := m.c
	if b := f.Value["b"]; b != "" && b != "0" && b != "-0" {
		c.Err.Print("Data from the specified boot (" + b + ") is not available: No such boot ID in journal\n")
		return 1
	}
	keep, ok := m.choose(f, rest)
	if !ok {
		return 1
	}
	list := filter(m.journal(), keep)
	n := len(list)
	switch {
	case f.Has("n"):
		v := f.Value["n"]
		if v == "" && len(rest) > 0 {
			if _, err := strconv.Atoi(rest[0]); err == nil {
				v = rest[0]
			}
		}
		if n = 10; v == "all" {
			n = len(list)
		} else if x, err := strconv.Atoi(v); err == nil {
			n = x
		} else if v != "" {
			c.Err.Print("Failed to parse lines '" + v + "'\n")
			return 1
		}
	case f.Has("f"):
		n = 10
	case f.Has("e"):
		n = 1000
	}
	list = list[max(len(list)-max(n, 0), 0):]
	if f.Has("r") {
		slices.Reverse(list)
	}
	form := f.Value["o"]
	if form == "" {
		form = "short"
	}
	if all := m.journal(); !m.numbered(252) && !f.Has("q") && len(all) > 0 && form != "cat" && form != "json" {
		words := "-- Logs begin at %s, end at %s. --\n"
		if m.numbered(247) {
			words = "-- Journal begins at %s, ends at %s. --\n"
		}
		c.Printf(words, stamp(c, all[0].At), stamp(c, all[len(all)-1].At))
	}
	if len(list) == 0 && !f.Has("q") && form != "json" && form != "cat" {
		c.Print("-- No entries --\n")
	}
	for _, e := range list {
		if c.Busy() {
			return 1
		}
		c.Print(m.line(e, form))
	}
	if f.Has("f") {
		m.follow(form, keep)
	}
	return 0
}

// follow prints what comes, until it is stopped.
func (m *manager) follow(form string, keep func(entry) bool) {
	at := m.c.Now()
	for range 3600 {
		if !m.c.Wait(time.Second) {
			return
		}
		for _, e := range m.c.Machine.Notes() {
			if e.At.After(at) && keep(e) {
				m.c.Print(m.line(e, form))
			}
		}
		at = m.c.Now()
	}
}

// choose is what the options keep.
func (m *manager) choose(f program.Flags, rest []string) (func(entry) bool, bool) {
	c := m.c
	var since, until time.Time
	for letter, to := range map[string]*time.Time{"S": &since, "U": &until} {
		if !f.Has(letter) {
			continue
		}
		t, ok := when(f.Value[letter], c)
		if !ok {
			c.Err.Print("Failed to parse timestamp: " + f.Value[letter] + "\n")
			return nil, false
		}
		*to = t
	}
	units := map[string]bool{}
	var idents []string
	for _, o := range f.Given {
		switch o.Letter {
		case "u":
			if strings.ContainsAny(o.Value, "*?[") {
				for _, u := range m.all(false) {
					if matches(u.name, []string{o.Value}) {
						units[u.name] = true
					}
				}
				continue
			}
			units[m.find(o.Value).name] = true
		case "t":
			idents = append(idents, o.Value)
		}
	}
	pattern, err := regexp.Compile("(?i)" + f.Value["g"])
	if err != nil {
		c.Err.Print("Bad pattern \"" + f.Value["g"] + "\": missing terminating ] for character class\n")
		return nil, false
	}
	want := map[string]string{}
	for _, r := range rest {
		if name, value, ok := strings.Cut(r, "="); ok {
			want[name] = value
		} else if _, err := strconv.Atoi(r); err != nil && !strings.HasPrefix(r, "/") {
			c.Err.Print("Failed to add match '" + r + "': Invalid argument\n")
			return nil, false
		}
	}
	most := priority(f.Value["p"])
	return func(e entry) bool {
		switch {
		case len(units) > 0 && !units[e.Unit], len(idents) > 0 && !slices.Contains(idents, e.Source), f.Has("k") && e.Source != "kernel":
			return false
		case !since.IsZero() && e.At.Before(since), !until.IsZero() && e.At.After(until), f.Has("p") && level(e) > most, f.Has("g") && !pattern.MatchString(e.Text):
			return false
		}
		for name, value := range want {
			if fields(m, e)[name] != value {
				return false
			}
		}
		return true
	}, true
}

// when reads a time of --since and --until (systemd.time(7)).
func when(text string, c *program.Call) (time.Time, bool) {
	now := c.Now().In(c.Machine.Zone.Location)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		return now, true
	case "today":
		return midnight, true
	case "yesterday":
		return midnight.AddDate(0, 0, -1), true
	case "tomorrow":
		return midnight.AddDate(0, 0, 1), true
	}
	if s, ok := strings.CutSuffix(text, " ago"); ok {
		d := seconds(s)
		return now.Add(-d), d > 0
	}
	if s, ok := strings.CutPrefix(text, "-"); ok {
		d := seconds(s)
		return now.Add(-d), d > 0
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05", "15:04:05", "15:04", "Mon 2006-01-02 15:04:05"} {
		t, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if strings.HasPrefix(layout, "15") {
			t = midnight.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
		}
		return t, true
	}
	if strings.HasPrefix(text, "@") {
		return clock.ParseDate(text, now)
	}
	return now, false
}

// level is the priority of an entry (syslog(3)).
func level(e entry) int {
	switch {
	case strings.Contains(e.Text, "Failed to start"), strings.Contains(e.Text, "error:"):
		return 3
	case strings.Contains(e.Text, "Failed with result"), strings.Contains(e.Text, "failed"):
		return 4
	case e.Source == "kernel":
		return 5
	}
	return 6
}

func priority(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if i := slices.Index([]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}, text); i >= 0 {
		return i
	}
	return 7
}

// fields are those of an entry.
func fields(m *manager, e entry) map[string]string {
	p := m.c.Machine.Persona
	f := map[string]string{
		"__REALTIME_TIMESTAMP": strconv.FormatInt(e.At.UnixMicro(), 10), "MESSAGE": e.Text, "PRIORITY": strconv.Itoa(level(e)), "SYSLOG_IDENTIFIER": e.Source, "_HOSTNAME": p.ShortName(), "_MACHINE_ID": p.MachineID(),
		"_BOOT_ID": strings.ReplaceAll(m.c.Machine.BootID(), "-", ""), "_TRANSPORT": "syslog",
	}
	if e.Source == "kernel" {
		f["_TRANSPORT"] = "kernel"
	}
	if e.PID > 0 {
		f["_PID"], f["SYSLOG_PID"] = strconv.Itoa(e.PID), strconv.Itoa(e.PID)
	}
	if e.Unit != "" {
		f["_SYSTEMD_UNIT"] = e.Unit
	}
	return f
}

// line is an entry in one of journalctl's forms.
func (m *manager) line(e entry, form string) string {
	t := e.At.In(m.c.Machine.Zone.Location)
	source := e.Source
	if e.PID > 0 {
		source += fmt.Sprintf("[%d]", e.PID)
	}
	tail := " " + m.c.Machine.Persona.ShortName() + " " + source + ": " + e.Text + "\n"
	switch form {
	case "cat":
		return e.Text + "\n"
	case "short-iso":
		if m.numbered(255) {
			return t.Format("2006-01-02T15:04:05-07:00") + tail
		}
		return t.Format("2006-01-02T15:04:05-0700") + tail
	case "short-iso-precise":
		return t.Format("2006-01-02T15:04:05.000000-0700") + tail
	case "short-precise":
		return t.Format("Jan 02 15:04:05.000000") + tail
	case "short-full":
		return t.Format("Mon 2006-01-02 15:04:05 MST") + tail
	case "short-unix":
		return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) + tail
	case "short-monotonic":
		return fmt.Sprintf("[%12.6f]", e.At.Sub(m.c.Machine.Boot).Seconds()) + tail
	case "with-unit":
		return t.Format("Mon 2006-01-02 15:04:05 MST") + strings.Replace(tail, source, e.Unit+"["+strconv.Itoa(e.PID)+"]", 1)
	case "json", "json-pretty", "json-sse":
		data, err := json.Marshal(fields(m, e))
		if form == "json-pretty" {
			data, err = json.MarshalIndent(fields(m, e), "", "\t")
		}
		if err != nil {
			return ""
		}
		return string(data) + "\n"
	case "verbose", "export":
		var b strings.Builder
		lead := ""
		if form == "verbose" {
			lead = "    "
			b.WriteString(t.Format("Mon 2006-01-02 15:04:05.000000 MST") + " [s=" + m.c.Machine.Persona.UUID4Hex("journal") + "]\n")
		}
		all := fields(m, e)
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if form == "export" || !strings.HasPrefix(name, "__") {
				b.WriteString(lead + name + "=" + all[name] + "\n")
			}
		}
		if form == "export" {
			b.WriteString("\n")
		}
		return b.String()
	}
	return t.Format("Jan 02 15:04:05") + tail
}
