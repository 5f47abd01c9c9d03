package service

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// analyze is systemd-analyze.
func analyze(c *program.Call) int {
	if early(c, "Profile systemd, show unit dependencies, check unit files.", "time blame critical-chain plot dot dump unit-files unit-paths cat-config verify security calendar timestamp timespan") {
		return 0
	}
	m := newManager(c)
	kernel, user := startup(c)
	verb, rest := verbOf(c)
	switch verb {
	case "", "time":
		c.Printf("Startup finished in %s (kernel) + %s (userspace) = %s \ngraphical.target reached after %s in userspace.\n", span(kernel), span(user), span(kernel+user), span(user-30*time.Millisecond))
	case "blame":
		type row struct {
			name string
			took time.Duration
		}
		var rows []row
		for _, u := range m.all(false) {
			if u.kind() == "service" && u.active == "active" {
				rows = append(rows, row{u.name, time.Duration(c.Machine.Number("blame/"+u.name, 4, 1800)) * time.Millisecond})
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return int(b.took - a.took) })
		for _, r := range rows {
			c.Printf("%8s %s\n", span(r.took), r.name)
		}
	case "critical-chain":
		c.Printf("The time when unit became active or started is printed after the \"@\" character.\nThe time the unit took to start is printed after the \"+\" character.\n\nmulti-user.target @%s\n%s%s @%s +%s\n", span(user), glyph(c, "└─", "`-"), m.find("sshd").name, span(user-90*time.Millisecond), span(70*time.Millisecond))
	case "calendar":
		for _, r := range rest {
			next, ok := calendar(r, c.Now().In(c.Machine.Zone.Location))
			if !ok {
				c.Err.Print("Failed to parse calendar specification '" + r + "': Invalid argument\n")
				return 1
			}
			long := normal(r)
			if long == r {
				c.Printf("Normalized form: %s\n", long)
			} else {
				c.Printf("  Original form: %s\nNormalized form: %s\n", r, long)
			}
			c.Printf("    Next elapse: %s\n", stamp(c, next))
			if c.Machine.Zone.Location.String() != "UTC" && c.Machine.Zone.Name != "Etc/UTC" {
				c.Printf("       (in UTC): %s\n", next.UTC().Format("Mon 2006-01-02 15:04:05 MST"))
			}
			c.Printf("       From now: %s left\n", ago(next.Sub(c.Now())))
		}
	case "timespan":
		for _, r := range rest {
			d := seconds(r)
			c.Printf("Original: %s\n      μs: %d\n   Human: %s\n", r, d.Microseconds(), ago(d))
		}
	case "verify":
		for _, r := range rest {
			if u := m.find(r); u.load == "not-found" {
				c.Err.Print("Failed to load " + r + ": No such file or directory\n")
				return 1
			} else if u.load == "bad-setting" {
				c.Err.Print(u.name + ": Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.\nUnit " + u.name + " has a bad unit file setting.\n")
				return 1
			}
		}
	case "unit-paths":
		c.Print("/etc/systemd/system.control\n/run/systemd/system.control\n/run/systemd/transient\n/run/systemd/generator.early\n/etc/systemd/system\n/etc/systemd/system.attached\n/run/systemd/system\n/run/systemd/system.attached\n/run/systemd/generator\n/usr/local/lib/systemd/system\n/lib/systemd/system\n/usr/lib/systemd/system\n/run/systemd/generator.late\n")
	case "security":
		c.Printf("%-40s %-8s %-9s %s\n", "UNIT", "EXPOSURE", "PREDICATE", "HAPPY")
		for _, u := range m.all(false) {
			if u.kind() == "service" && u.sub == "running" {
				c.Printf("%-40s %8.1f %-9s %s\n", u.name, float64(c.Machine.Number("security/"+u.name, 20, 96))/10, "UNSAFE", glyph(c, "😨", ":-{"))
			}
		}
	case "log-level", "log-target", "dump", "plot", "dot", "unit-files", "cat-config":
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

// detectVirt is systemd-detect-virt.
func detectVirt(c *program.Call) int {
	if early(c, "Detect execution in a virtualized environment.", "--container --vm --chroot --private-users --quiet --list") {
		return 0
	}
	virt := virtualization(c)
	for _, a := range c.Args {
		switch a {
		case "-c", "--container", "-r", "--chroot", "--private-users", "--cvm":
			virt = "none"
			if a == "-r" || a == "--chroot" {
				return 1
			}
		case "--list":
			c.Print("none\nkvm\namazon\nqemu\nbochs\nxen\numl\nvmware\noracle\nmicrosoft\nzvm\nparallels\nbhyve\nqnx\nacrn\npowervm\napple\nsre\ngoogle\nvm-other\nsystemd-nspawn\nlxc-libvirt\nlxc\nopenvz\ndocker\npodman\nrkt\nwsl\nproot\npouch\ncontainer-other\n")
			return 0
		}
	}
	if !slices.Contains(c.Args, "-q") && !slices.Contains(c.Args, "--quiet") {
		c.Print(virt + "\n")
	}
	if virt == "none" {
		return 1
	}
	return 0
}

// cgls is systemd-cgls.
func cgls(c *program.Call) int {
	if early(c, "Recursively show control group contents.", "-a -l -k -u --user-unit") {
		return 0
	}
	m := newManager(c)
	if m.old() || !m.numbered(247) {
		c.Print("Control group /:\n")
	} else {
		c.Print("Control group /:\n")
	}
	c.Print("-.slice\n")
	m.tree("")
	return 0
}

// cgtop is systemd-cgtop: one look at it.
func cgtop(c *program.Call) int {
	if early(c, "Show top control groups by their resource usage.", "-p -t -c -m -i -n -b -d") {
		return 0
	}
	m := newManager(c)
	c.Printf("%-60s %7s %6s %8s %8s %8s\n", "Control Group", "Tasks", "%CPU", "Memory", "Input/s", "Output/s")
	row := func(name string, tasks int, kib int) {
		c.Printf("%-60s %7d %6s %8s %8s %8s\n", name, tasks, "-", bytesText(int64(kib)*1024), "-", "-")
	}
	rss := 0
	for _, p := range m.procs {
		rss += p.RSS
	}
	row("/", len(m.procs), rss)
	for _, u := range m.all(false) {
		if u.kind() == "service" && len(u.processes) > 0 {
			row("system.slice/"+u.name, len(u.processes), u.processes[0].RSS)
		}
	}
	return 0
}

// escapeTool is systemd-escape.
func escapeTool(c *program.Call) int {
	if early(c, "Escape strings for usage in systemd unit names.", "--suffix=SUFFIX --template=TEMPLATE --instance -u --unescape -m --mangle -p --path") {
		return 0
	}
	f, names, ok := c.Parse("ump", "suffix=:s template=:t unescape=u mangle=m path=p instance=i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		c.Err.Print("Not enough arguments.\n")
		return 1
	}
	for i, n := range names {
		text := ""
		switch {
		case f.Has("u"):
			if text = unescape(n); f.Has("p") {
				text = "/" + strings.TrimPrefix(text, "/")
			}
		case f.Has("m"):
			text = full(n)
		default:
			text = escape(n, f.Has("p"))
			if s := f.Value["s"]; s != "" {
				text += "." + s
			}
			if t := f.Value["t"]; t != "" {
				text = strings.Replace(t, "@", "@"+text, 1)
			}
		}
		if i > 0 {
			c.Print(" ")
		}
		c.Print(text)
	}
	c.Print("\n")
	return 0
}

// unescape is the reverse of escape.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var n int
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case strings.HasPrefix(s[i:], `\x`) && i+3 < len(s):
			if _, err := fmt.Sscanf(s[i+2:i+4], "%02x", &n); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// id128 is systemd-id128.
func id128(c *program.Call) int {
	if early(c, "Generate and print 128bit identifiers.", "new machine-id boot-id invocation-id show") {
		return 0
	}
	verb, _ := verbOf(c)
	id := ""
	switch verb {
	case "":
		c.Err.Print("Command verb required.\n")
		return 1
	case "new":
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return 1
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		id = hex.EncodeToString(b[:])
	case "machine-id":
		id = c.Machine.Persona.MachineID()
	case "boot-id":
		id = strings.ReplaceAll(c.Machine.BootID(), "-", "")
	case "invocation-id":
		c.Err.Print("$INVOCATION_ID is not set.\n")
		return 1
	default:
		return unknownVerb(c, verb)
	}
	c.Print(id + "\n")
	return 0
}

// transient is systemd-run: a unit of its own for a command.
func transient(c *program.Call) int {
	if early(c, "Run the specified command in a transient scope or service.", "--user --scope -u --unit=UNIT -p --property= --description= -r --remain-after-exit -t --pty -q --on-active=SECONDS --on-calendar=SPEC") {
		return 0
	}
	f, args, ok := c.Parse("+u:p:rtPqdSE:GHM:", "unit=:u scope=x user=U property=:p description=:D slice=:9 remain-after-exit=r pty=t pipe=P quiet=q on-active=:A on-boot=:A on-startup=:A on-unit-active=:A on-calendar=:C timer-property=:9 wait=w collect=G setenv=:E uid=:i gid=:g no-block=9 same-dir=d working-directory=:W shell=S send-sighup=9 service-type=:9")
	if !ok {
		return 1
	}
	if len(args) == 0 {
		c.Err.Print("Command line to execute required.\n")
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("Failed to start transient service unit: Interactive authentication required.\n")
		return 1
	}
	if _, err := c.Find(args[0]); err != nil {
		c.Err.Print("Failed to find executable " + args[0] + ": No such file or directory\n")
		return 1
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return 1
	}
	name := "run-r" + hex.EncodeToString(id[:]) + "0c1d"
	if f.Has("u") {
		name = strings.TrimSuffix(f.Value["u"], ".service")
	}
	m := newManager(c)
	switch {
	case f.Has("A") || f.Has("C"):
		c.Machine.SetUnit(full(name+".timer"), machine.Unit{Active: "active", Sub: "waiting"}, nil)
		c.Err.Print("Running timer as unit: " + name + ".timer\nWill run service as unit: " + name + ".service\n")
		return 0
	case f.Has("x") || f.Has("t") || f.Has("P") || f.Has("w"):
		if !f.Has("q") {
			c.Err.Print("Running " + map[bool]string{true: "scope as unit: " + name + ".scope", false: "as unit: " + name + ".service"}[f.Has("x")] + "\n")
		}
		return c.Run(args, c.Streams)
	}
	u := &unit{name: full(name), desc: strings.Join(args, " "), lines: map[string][]string{"ExecStart": {strings.Join(args, " ")}}}
	m.noteOf(u, "Started "+m.title(u)+".")
	if m.spawn(u, strings.Join(args, " ")) == 0 {
		c.Err.Print("Failed to start transient service unit: Device or resource busy\n")
		return 1
	}
	if !f.Has("q") {
		c.Err.Print("Running as unit: " + u.name + "\n")
	}
	return 0
}

// catTool is systemd-cat: what a command says goes to the journal.
func catTool(c *program.Call) int {
	if early(c, "Execute process with stdout/stderr connected to the journal.", "-t --identifier=STRING -p --priority=PRIORITY --stderr-priority=PRIORITY") {
		return 0
	}
	f, args, ok := c.Parse("+t:p:", "identifier=:t priority=:p stderr-priority=:9 level-prefix=:9 namespace=:9")
	if !ok {
		return 1
	}
	m := newManager(c)
	name := f.Value["t"]
	var text []byte
	status := 0
	if len(args) == 0 {
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		text = data
		if name == "" {
			name = "cat"
		}
	} else {
		pipe := &program.Pipe{Budget: c.Kernel}
		to := program.Stream{Writer: pipe}
		status = c.Run(args, program.Streams{In: c.In, Out: to, Err: to})
		text = pipe.Bytes()
		if name == "" {
			name = program.Base("/" + args[0])
		}
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if n++; n > 200 {
			break
		}
		m.note(name, c.Machine.NextPID(), strings.TrimRight(line, "\n"))
	}
	return status
}

// paths are what systemd-path tells.
var paths = [][2]string{
	{"temporary", "/tmp"}, {"temporary-large", "/var/tmp"}, {"system-binaries", "/usr/bin"}, {"system-include", "/usr/include"}, {"system-library-private", "/usr/lib"}, {"system-shared", "/usr/share"}, {"system-configuration", "/etc"}, {"system-runtime", "/run"}, {"system-runtime-logs", "/run/log"},
	{"system-state-private", "/var/lib"}, {"system-state-logs", "/var/log"}, {"system-state-cache", "/var/cache"}, {"system-state-spool", "/var/spool"}, {"systemd-system-unit", "/lib/systemd/system"}, {"systemd-system-conf", "/etc/systemd/system"}, {"search-binaries-default", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"},
}

// pathTool is systemd-path.
func pathTool(c *program.Call) int {
	if early(c, "Show system and user paths.", "--suffix=SUFFIX") {
		return 0
	}
	_, names := verbOf(c)
	if verb, _ := verbOf(c); verb != "" {
		names = append([]string{verb}, names...)
	}
	for _, n := range names {
		i := slices.IndexFunc(paths, func(p [2]string) bool { return p[0] == n })
		if i < 0 {
			c.Err.Print("Path name " + n + " not found.\n")
			return 1
		}
		c.Print(paths[i][1] + "\n")
	}
	for _, p := range paths {
		if len(names) == 0 {
			c.Print(p[0] + ": " + p[1] + "\n")
		}
	}
	return 0
}

// inhibit is systemd-inhibit.
func inhibit(c *program.Call) int {
	if early(c, "Execute a process while inhibiting shutdown/sleep/idle.", "--list --what= --who= --why= --mode=") {
		return 0
	}
	var args []string
	for i, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			args = c.Args[i:]
			break
		}
	}
	if len(args) == 0 || slices.Contains(c.Args, "--list") {
		c.Print("WHO                  UID USER PID COMM            WHAT     WHY                                       MODE \n")
		if m := newManager(c); m.pidOf("unattended-upgr") > 0 {
			c.Printf("Unattended Upgrades Shutdown 0 root %d unattended-upgr shutdown Stop ongoing upgrades or perform upgrades before shutdown delay\n\n1 inhibitors listed.\n", m.pidOf("unattended-upgr"))
			return 0
		}
		c.Print("No inhibitors.\n")
		return 0
	}
	return c.Run(args, c.Streams)
}

// simple are programs of systemd's that say little; the words are 252's.
func simple(words string, status int) program.Func {
	return func(c *program.Call) int {
		if early(c, "Part of the system and service manager.", "") {
			return 0
		}
		if len(c.Args) > 0 && status == 1 && strings.HasPrefix(words, "Failed") && c.User.UID == 0 {
			return 0
		}
		if words != "" {
			c.Err.Print(words)
		}
		return status
	}
}

// tmpfiles is systemd-tmpfiles.
func tmpfiles(c *program.Call) int {
	if early(c, "Creates, deletes and cleans up volatile and temporary files and directories.", "--create --clean --remove --boot --prefix=PATH --exclude-prefix=PATH --cat-config") {
		return 0
	}
	if !slices.ContainsFunc(c.Args, func(a string) bool {
		return a == "--create" || a == "--clean" || a == "--remove" || a == "--cat-config"
	}) {
		c.Err.Print("You need to specify at least one of --clean, --create or --remove.\n")
		return 1
	}
	return 0
}

// delta is systemd-delta: what in /etc overrides the distribution's files.
func delta(c *program.Call) int {
	if early(c, "Find overridden configuration files.", "--no-pager --diff --type=LIST") {
		return 0
	}
	m := newManager(c)
	entries, err := m.view.ReadDir(etcUnits)
	if err != nil {
		return 1
	}
	n := 0
	for _, e := range entries {
		if e.Mode&vfs.TypeMask == vfs.TypeLink && e.Target == "/dev/null" {
			n++
			c.Print("[MASKED]     " + etcUnits + "/" + e.Name + " " + glyph(c, "→", "->") + " " + m.shown("/usr/lib/systemd/system/"+e.Name) + "\n")
		}
	}
	c.Printf("\n%d overridden configuration files found.\n", n)
	return 0
}

// busctl lists the bus.
func busctl(c *program.Call) int {
	if early(c, "Introspect the D-Bus IPC bus.", "list status monitor capture tree introspect call emit get-property set-property help") {
		return 0
	}
	m := newManager(c)
	verb, rest := verbOf(c)
	switch verb {
	case "", "list":
		c.Printf("%-32s %5s %-15s %-16s %-12s %-25s %-7s %s\n", "NAME", "PID", "PROCESS", "USER", "CONNECTION", "UNIT", "SESSION", "DESCRIPTION")
		for i, n := range [][3]string{{"org.freedesktop.DBus", "systemd", "init.scope"}, {"org.freedesktop.login1", "systemd-logind", "systemd-logind.service"}, {"org.freedesktop.systemd1", "systemd", "init.scope"}, {"org.freedesktop.timesync1", "systemd-timesyn", "systemd-timesyncd.service"}, {"org.freedesktop.PolicyKit1", "polkitd", "polkit.service"}, {"org.freedesktop.NetworkManager", "NetworkManager", "NetworkManager.service"}} {
			if pid := m.pidOf(n[1]); pid > 0 {
				c.Printf("%-32s %5d %-15s %-16s %-12s %-25s %-7s %s\n", n[0], pid, n[1], "root", fmt.Sprintf(":1.%d", i), n[2], "-", "-")
			}
		}
		for _, n := range []string{"org.freedesktop.hostname1", "org.freedesktop.locale1", "org.freedesktop.timedate1"} {
			c.Printf("%-32s %5s %-15s %-16s %-12s %-25s %-7s %s\n", n, "-", "-", "-", "(activatable)", "-", "-", "-")
		}
	case "tree", "introspect", "call", "get-property", "set-property", "status", "monitor", "capture", "emit":
		if len(rest) == 0 && verb != "tree" && verb != "status" && verb != "monitor" {
			c.Err.Print("Too few arguments.\n")
			return 1
		}
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "org.freedesktop.") {
			c.Err.Print("Failed to introspect object: The name " + rest[0] + " was not provided by any .service files\n")
			return 1
		}
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

// udevadm asks about devices.
func udevadm(c *program.Call) int {
	if len(c.Args) == 1 && (c.Args[0] == "--version" || c.Args[0] == "-V") {
		n, _ := version(c)
		c.Printf("%d\n", n)
		return 0
	}
	if slices.Contains(c.Args, "--help") || slices.Contains(c.Args, "-h") {
		usage(c, "udevadm [--help] [--version] [--debug] COMMAND [COMMAND OPTIONS]\n\nSend control commands or test the device manager.\n", "Commands:", "info trigger settle control monitor test test-builtin wait lock")
		return 0
	}
	verb, rest := verbOf(c)
	switch verb {
	case "":
		c.Err.Print("Command verb required.\n")
		return 1
	case "info":
		if len(rest) > 0 {
			name := strings.TrimPrefix(rest[0], "/dev/")
			for _, b := range c.Machine.Hardware.Blocks {
				if b.Name == name {
					c.Printf("P: /devices/pci0000:00/block/%s\nM: %s\nN: %s\nS: disk/by-uuid/%s\nE: DEVNAME=/dev/%s\nE: DEVTYPE=%s\nE: MAJOR=%d\nE: MINOR=%d\nE: SUBSYSTEM=block\nE: ID_FS_TYPE=%s\nE: ID_FS_UUID=%s\n\n", b.Name, b.Name, b.Name, b.UUID, b.Name, map[bool]string{true: "disk", false: "partition"}[b.Kind == "disk"], b.Major, b.Minor, b.FS, b.UUID)
					return 0
				}
			}
			c.Err.Print("Unknown device \"" + rest[0] + "\": No such device\n")
			return 1
		}
		c.Err.Print("A device name or path is required\n")
		return 1
	case "trigger", "settle", "control", "test", "test-builtin", "wait", "lock", "monitor":
		if c.User.UID != 0 && verb == "control" {
			c.Err.Print("Failed to send reload request: Permission denied\n")
			return 1
		}
	default:
		return unknownVerb(c, verb)
	}
	return 0
}
