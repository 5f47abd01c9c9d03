package image

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Log is a file of /var/log; the name says which.
type Log string

// logs puts the logs that the distribution writes.
func (b *builder) logs() {
	put := func(path string, mode uint32, owner ...int) {
		e := b.file(path, mode, Log(path))
		if len(owner) == 2 {
			e.UID, e.GID = owner[0], owner[1]
		}
	}
	utmp := gidOf(b.r, "utmp")
	switch b.r.Family {
	case "debian":
		user := 0
		if b.r.ID == "ubuntu" {
			for _, a := range b.accounts() {
				if a == "syslog" {
					user = gidOf(b.r, "syslog") - 6
				}
			}
		}
		for _, n := range strings.Fields("auth.log syslog kern.log cron.log user.log") {
			if b.r.ID == "ubuntu" && (n == "cron.log" || n == "user.log") {
				continue
			}
			put("/var/log/"+n, 0o640, user, 4)
			put("/var/log/"+n+".1", 0o640, user, 4)
			for i := 2; i <= 4; i++ {
				e := b.blob(fmt.Sprintf("/var/log/%s.%d.gz", n, i), 0o640, int64(2000+hash(n+fmt.Sprint(i))%30000))
				e.UID, e.GID = user, 4
			}
		}
		put("/var/log/dpkg.log", 0o644)
		put("/var/log/alternatives.log", 0o644)
		put("/var/log/apt/history.log", 0o644)
		put("/var/log/apt/term.log", 0o640, 0, 4)
		b.blob("/var/log/apt/eipp.log.xz", 0o644, 8000)
		b.blob("/var/log/faillog", 0o644, 0)
		b.blob("/var/log/installer/syslog", 0o640, 380_000)
		b.blob("/var/log/installer/status", 0o644, 120_000)
	case "rhel":
		for _, n := range strings.Fields("messages secure cron maillog spooler") {
			put("/var/log/"+n, 0o600)
		}
		put("/var/log/boot.log", 0o644)
		put("/var/log/audit/audit.log", 0o600)
		if b.slug == "centos7" {
			put("/var/log/yum.log", 0o600)
		} else {
			put("/var/log/dnf.log", 0o644)
			put("/var/log/dnf.rpm.log", 0o644)
		}
		for _, n := range strings.Fields("anaconda.log ks-script-0.log packaging.log program.log storage.log syslog") {
			b.blob("/var/log/anaconda/"+n, 0o600, int64(4000+hash(n)%200000))
		}
		b.blob("/var/log/tallylog", 0o600, 0)
	case "alpine":
		put("/var/log/messages", 0o640)
		put("/var/log/dmesg", 0o640)
	case "arch":
		put("/var/log/pacman.log", 0o644)
	}
	if b.r.Family != "alpine" {
		put("/var/log/wtmp", 0o664, 0, utmp)
		put("/var/log/btmp", 0o660, 0, utmp)
		put("/var/log/lastlog", 0o664, 0, utmp)
		put("/run/utmp", 0o664, 0, utmp)
	}
}

// accounts are the names of the distribution's accounts.
func (b *builder) accounts() []string {
	var out []string
	for _, g := range groupsOf(b.r) {
		out = append(out, g.Name)
	}
	return out
}

// PIDAt is the number of a process that was started at t: numbers rise with
// time, faster on a busy host.
func (f *Facts) PIDAt(t time.Time) int {
	pace := 9 + 40*f.unit("pace") // seconds between two processes
	n := 700 + int(f.unit("first")*500) + int(max(t.Sub(f.Boot).Seconds(), 0)/pace)
	if limit := f.MaxPID(); n > limit {
		n = Wrapped + n%(limit-Wrapped)
	}
	return n
}

// Wrapped is where numbers of processes begin again: those below are taken by
// what the host started at first.
const Wrapped = 1500

// MaxPID is kernel.pid_max: systemd raises it since 243.
func (f *Facts) MaxPID() int {
	if f.Release.Init != "systemd" || f.Release.Slug == "centos7" {
		return 32768
	}
	return 4194304
}

// Visit is a session of the past.
type Visit struct {
	User, TTY string
	From      netip.Addr
	In, Out   time.Time
	PID       int
}

// Visits are the sessions that the administrator had since the last start,
// oldest first.
func (f *Facts) Visits() []Visit {
	now := f.Now()
	var out []Visit
	gap := time.Duration((2 + 9*f.unit("visits")) * float64(24*time.Hour))
	user := f.Persona.Administrator()
	b := f.Persona.Prefix().Masked().Addr().As16()
	b[15] += byte(f.Persona.SiteNumber("desk", 20, 60))
	from := netip.AddrFrom16(b).Unmap()
	for n := 0; n < 40; n++ {
		label := fmt.Sprint("visit", n)
		at := f.Boot.Add(time.Duration((float64(n) + f.unit(label)) * float64(gap))).In(f.Zone.Location)
		// During office hours.
		at = time.Date(at.Year(), at.Month(), at.Day(), 8+int(f.unit(label+"h")*9), int(f.unit(label+"m")*60), int(f.unit(label+"s")*60), 0, f.Zone.Location)
		end := at.Add(time.Duration((1 + 50*f.unit(label+"l")) * float64(time.Minute)))
		if at.Before(f.Boot) {
			continue
		}
		if end.After(now.Add(-10 * time.Minute)) {
			break
		}
		out = append(out, Visit{User: user, TTY: "pts/0", From: from, In: at.UTC(), Out: end.UTC(), PID: f.PIDAt(at)})
	}
	return out
}

// line is one of a log.
type line struct {
	at   time.Time
	text string
}

// Entry is a message of the journal.
type Entry struct {
	At     time.Time
	Source string // "sshd", "kernel", "systemd"
	PID    int    // 0 for the kernel's
	Text   string
	Unit   string // that it belongs to, where its source does not say so
}

// maxEntries bounds what a journal tells.
const maxEntries = 4000

// Entries are what the host's journal holds since its start, oldest first: the
// lines of /var/log in another form, no more than the newest of them.
func (f *Facts) Entries() []Entry {
	kinds := []string{"syslog", "auth.log"}
	if f.Release.Family != "debian" {
		kinds = []string{"messages", "secure", "cron"}
	}
	seen := map[line]bool{}
	var all []line
	for _, kind := range kinds {
		for _, week := range []string{"/var/log/" + kind + ".1", "/var/log/" + kind} {
			for _, l := range f.regular(week) {
				if !seen[l] {
					seen[l] = true
					all = append(all, l)
				}
			}
		}
	}
	f.bootLines(func(at time.Time, text string) {
		if l := (line{at, text}); !seen[l] {
			all = append(all, l)
		}
	})
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	out := make([]Entry, 0, len(all))
	for _, l := range all[max(len(all)-maxEntries, 0):] {
		source, text, _ := strings.Cut(l.text, ": ")
		e := Entry{At: l.at, Text: text}
		name, pid, _ := strings.Cut(strings.TrimSuffix(source, "]"), "[")
		_, _ = fmt.Sscan(pid, &e.PID)
		if e.Source = name; name == "kernel" {
			_, e.Text, _ = strings.Cut(text, "] ")
		}
		out = append(out, e)
	}
	return out
}

// logTime is when a log was last written to.
func (f *Facts) logTime(path string) time.Time {
	if strings.HasSuffix(path, ".gz") || strings.HasSuffix(path, ".xz") || strings.Contains(path, "anaconda/") || strings.Contains(path, "installer/") {
		if i := strings.LastIndex(path, ".log."); i >= 0 && len(path) > i+5 {
			return f.rotated().AddDate(0, 0, -7*int(path[i+5]-'1'))
		}
		return f.Built
	}
	if strings.HasSuffix(path, ".1") {
		return f.rotated()
	}
	switch path {
	case "/var/log/syslog", "/var/log/messages", "/var/log/cron.log", "/var/log/cron", "/var/log/auth.log", "/var/log/secure", "/var/log/audit/audit.log":
		if l := f.regular(path); len(l) > 0 {
			return l[len(l)-1].at
		}
	case "/var/log/wtmp", "/var/log/lastlog":
		if v := f.Visits(); len(v) > 0 {
			return v[len(v)-1].Out
		}
		return f.Boot
	case "/var/log/kern.log", "/var/log/boot.log", "/run/utmp", "/var/log/dmesg", "/var/log/user.log":
		return f.Boot.Add(12 * time.Second)
	case "/var/log", "/var/log/journal":
		return f.rotated()
	}
	return f.Built.Add(time.Duration(f.unit(path) * float64(f.Boot.Sub(f.Built))))
}

// rotated is when logs were last rotated: at midnight before Sunday, but never
// before the installation.
func (f *Facts) rotated() time.Time {
	now := f.Now().In(f.Zone.Location)
	at := time.Date(now.Year(), now.Month(), now.Day()-int(now.Weekday()), 0, 0, 3, 0, f.Zone.Location)
	if at.Before(f.Built) {
		return f.Built
	}
	return at
}

// log is the content of one.
func (f *Facts) log(name Log) []byte {
	switch name {
	case "/var/log/wtmp":
		return f.utmp(true)
	case "/run/utmp":
		return f.utmp(false)
	case "/var/log/lastlog":
		return f.lastlog()
	case "/var/log/dpkg.log", "/var/log/apt/history.log", "/var/log/alternatives.log", "/var/log/yum.log", "/var/log/dnf.rpm.log", "/var/log/pacman.log":
		return f.packaging(string(name))
	}
	var b strings.Builder
	for _, l := range f.regular(string(name)) {
		b.WriteString(f.stamp(l.at) + " " + f.Persona.ShortName() + " " + l.text + "\n")
	}
	return []byte(b.String())
}

// stamp is a time as the distribution's syslog writes it.
func (f *Facts) stamp(t time.Time) string {
	t = t.In(f.Zone.Location)
	if f.Release.Slug == "debian" || f.Release.Slug == "kali" {
		return t.Format("2006-01-02T15:04:05.000000-07:00")
	}
	return t.Format("Jan _2 15:04:05")
}

// regular are the lines that a daemon writes by itself, since the last rotation.
func (f *Facts) regular(name string) []line {
	since, until := f.rotated(), f.Now()
	if strings.HasSuffix(name, ".1") {
		since, until = since.AddDate(0, 0, -7), since
		name = strings.TrimSuffix(name, ".1")
	}
	var out []line
	add := func(at time.Time, text string) {
		if !at.Before(since) && at.Before(until) && !at.Before(f.Boot) {
			out = append(out, line{at, text})
		}
	}
	kind := name[strings.LastIndexByte(name, '/')+1:]
	if kind == "syslog" || kind == "messages" || kind == "kern.log" || kind == "dmesg" || kind == "boot.log" {
		f.bootLines(add)
	}
	if kind == "auth.log" || kind == "secure" {
		for _, v := range f.Visits() {
			port := 30000 + v.PID%30000
			add(v.In, fmt.Sprintf("sshd[%d]: Accepted publickey for %s from %s port %d ssh2: ED25519 SHA256:%s", v.PID, v.User, v.From, port, f.fingerprint()))
			add(v.In.Add(time.Millisecond*40), fmt.Sprintf("sshd[%d]: pam_unix(sshd:session): session opened for user %s(uid=%d) by (uid=0)", v.PID, v.User, f.uidOf(v.User)))
			add(v.Out, fmt.Sprintf("sshd[%d]: pam_unix(sshd:session): session closed for user %s", v.PID, v.User))
		}
	}
	f.cronLines(kind, since, until, add)
	slices.SortStableFunc(out, func(a, b line) int { return a.at.Compare(b.at) })
	return out
}

// cronLines are those of the hourly jobs.
func (f *Facts) cronLines(kind string, since, until time.Time, add func(time.Time, string)) {
	minute := map[string]int{"debian": 17, "rhel": 1, "alpine": 0}[f.Release.Family]
	for at := since.Truncate(time.Hour).Add(time.Duration(minute)*time.Minute + time.Second); at.Before(until); at = at.Add(time.Hour) {
		pid := f.PIDAt(at)
		at := at.Add(time.Duration(f.unit(fmt.Sprint(at.Unix())) * float64(300*time.Millisecond)))
		switch kind {
		case "syslog", "cron.log":
			add(at, fmt.Sprintf("CRON[%d]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)", pid+1))
		case "cron":
			add(at, fmt.Sprintf("CROND[%d]: (root) CMD (run-parts /etc/cron.hourly)", pid))
			add(at.Add(time.Millisecond*20), fmt.Sprintf("run-parts(/etc/cron.hourly)[%d]: starting 0anacron", pid))
			add(at.Add(time.Millisecond*60), fmt.Sprintf("run-parts(/etc/cron.hourly)[%d]: finished 0anacron", pid+6))
		case "auth.log":
			add(at, fmt.Sprintf("CRON[%d]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", pid))
			add(at.Add(time.Millisecond*30), fmt.Sprintf("CRON[%d]: pam_unix(cron:session): session closed for user root", pid))
		case "messages":
			if f.Release.Family == "alpine" {
				add(at, fmt.Sprintf("cron.info crond[%d]: USER root pid %d cmd run-parts /etc/periodic/hourly", f.PIDAt(f.Boot), pid))
			} else {
				add(at, fmt.Sprintf("systemd[1]: Started Session %d of user root.", 1+int(at.Sub(f.Boot).Hours())))
			}
		}
	}
}

// bootLines are the kernel's first and the daemons'.
func (f *Facts) bootLines(add func(time.Time, string)) {
	h := f.Hardware
	at := f.Boot.Add(4 * time.Second)
	for i, text := range []string{
		"Linux version " + f.Release.Kernel + " " + f.Release.Builder + " " + f.Release.Build,
		fmt.Sprintf("DMI: %s %s, BIOS %s %s", h.DMI.SystemVendor, h.DMI.ProductName, h.DMI.BIOSVersion, h.DMI.BIOSDate),
		fmt.Sprintf("smpboot: Allowing %d CPUs, 0 hotplug CPUs", h.CPU.Count()),
		fmt.Sprintf("Memory: %dK/%dK available", h.MemTotal-h.MemTotal/40, h.Memory*1024),
		fmt.Sprintf("smpboot: CPU0: %s (family: 0x%x, model: 0x%x, stepping: 0x%x)", h.CPU.Model, h.CPU.Family, h.CPU.Number, h.CPU.Stepping),
		fmt.Sprintf("%s: Link is up", h.NIC.Name),
	} {
		add(at, fmt.Sprintf("kernel: [%12.6f] %s", float64(i)*0.31, text))
	}
	if f.Release.Init == "systemd" {
		add(at.Add(time.Second), "systemd[1]: Reached target multi-user.target - Multi-User System.")
		add(at.Add(time.Second), "systemd[1]: Startup finished in 2.913s (kernel) + 5.102s (userspace) = 8.015s.")
	}
}

func (f *Facts) fingerprint() string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b strings.Builder
	for i := range 43 {
		b.WriteByte(digits[f.Persona.SiteNumber(fmt.Sprint("key", i), 0, 63)])
	}
	return b.String()
}

// packaging is the history of installations and updates.
func (f *Facts) packaging(name string) []byte {
	var b strings.Builder
	at := f.Built
	for i, p := range Packages(f.Release) {
		at = at.Add(time.Duration(1+i%3) * time.Second)
		t := at.In(f.Zone.Location)
		switch name {
		case "/var/log/dpkg.log":
			fmt.Fprintf(&b, "%[1]s install %[2]s:%[3]s <none> %[4]s\n%[1]s status installed %[2]s:%[3]s %[4]s\n", t.Format("2006-01-02 15:04:05"), p.Name, Architecture(f.Release, p), p.Version)
		case "/var/log/yum.log":
			fmt.Fprintf(&b, "%s Installed: %s-%s.%s\n", t.Format("Jan 02 15:04:05"), p.Name, p.Version, f.Release.Machine)
		case "/var/log/dnf.rpm.log":
			fmt.Fprintf(&b, "%s INFO Installed: %s-%s.%s\n", t.Format("2006-01-02T15:04:05-0700"), p.Name, p.Version, f.Release.Machine)
		case "/var/log/pacman.log":
			fmt.Fprintf(&b, "[%s] [ALPM] installed %s (%s)\n", t.Format("2006-01-02T15:04:05-0700"), p.Name, p.Version)
		}
	}
	if name == "/var/log/apt/history.log" {
		t := f.Built.In(f.Zone.Location).Format("2006-01-02  15:04:05")
		fmt.Fprintf(&b, "\nStart-Date: %s\nCommandline: apt-get install -y sudo openssh-server\nInstall: openssh-server:%s\nEnd-Date: %s\n", t, debianArch(f.Release.Machine), t)
	}
	return []byte(b.String())
}

// utmpSize is that of struct utmp on 64-bit Linux (utmp(5)).
const utmpSize = 384

// record is one struct utmp.
func record(kind int16, pid int, tty, id, user, host string, ip netip.Addr, at time.Time) []byte {
	b := make([]byte, utmpSize)
	binary.LittleEndian.PutUint16(b, uint16(kind))
	binary.LittleEndian.PutUint32(b[4:], uint32(pid))
	copy(b[8:40], tty)
	copy(b[40:44], id)
	copy(b[44:76], user)
	copy(b[76:332], host)
	binary.LittleEndian.PutUint32(b[340:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(b[344:], uint32(at.Nanosecond()/1000))
	if ip.Is4() {
		a := ip.As4()
		copy(b[348:], a[:])
	}
	return b
}

// utmp are the start of the host and, in wtmp, the sessions since.
func (f *Facts) utmp(history bool) []byte {
	out := record(2, 0, "~", "~~", "reboot", f.Release.Kernel, netip.Addr{}, f.Boot)
	out = append(out, record(1, 53, "~", "~~", "runlevel", f.Release.Kernel, netip.Addr{}, f.Boot.Add(7*time.Second))...)
	out = append(out, record(6, f.PIDAt(f.Boot)-200, "tty1", "tty1", "LOGIN", "", netip.Addr{}, f.Boot.Add(7*time.Second))...)
	if !history {
		return out
	}
	for _, v := range f.Visits() {
		out = append(out, record(7, v.PID, v.TTY, "ts/0", v.User, v.From.String(), v.From, v.In)...)
		out = append(out, record(8, v.PID, v.TTY, "", "", "", netip.Addr{}, v.Out)...)
	}
	return out
}

func (f *Facts) uidOf(name string) int {
	for _, a := range f.Persona.Accounts(f.Logins) {
		if a.Name == name {
			return a.UID
		}
	}
	return 0
}

// lastlog has a record of 292 bytes per user (lastlog.h).
func (f *Facts) lastlog() []byte {
	visits := f.Visits()
	if len(visits) == 0 {
		return nil
	}
	uid := f.uidOf(visits[0].User)
	b := make([]byte, 292*(uid+1))
	v := visits[len(visits)-1]
	binary.LittleEndian.PutUint32(b[292*uid:], uint32(v.In.Unix()))
	copy(b[292*uid+4:], v.TTY)
	copy(b[292*uid+36:], v.From.String())
	return b
}

var _ vfs.Host = (*Facts)(nil)
