package software

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// aptCall is one call of apt, apt-get, apt-cache or apt-mark.
type aptCall struct {
	c                 *program.Call
	verb              string
	names             []string
	yes, dry, quiet   bool
	installed, upward bool // of list
	down, purge       bool
}

// aptVersion is the version of apt on the host.
func aptVersion(c *program.Call) string {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == "apt" {
			return p.Version
		}
	}
	return "2.6.1"
}

// aptFlags are options without an argument that apt's programs know.
var aptFlags = strings.Fields("-y --yes --assume-yes -q -qq --quiet -s --simulate --just-print --dry-run --no-act --recon -d --download-only -f --fix-broken -m --fix-missing --ignore-missing --no-install-recommends --install-recommends --install-suggests --no-install-suggests --reinstall --purge --auto-remove --autoremove -V --verbose-versions --allow-unauthenticated --force-yes --allow-downgrades --allow-remove-essential --allow-change-held-packages --only-upgrade --no-upgrade --trivial-only --no-remove -u --show-upgraded --show-progress --installed --upgradable --all-versions -a --manual-installed --names-only -n --full --no-download --allow-releaseinfo-change --allow-insecure-repositories --no-show-progress --assume-no -b --compile --build --print-uris --with-new-pkgs -i --important --no-all-versions --recurse --generate -g --no-cache --fix-policy --upgradeable")

// newApt reads the command line; ok is false where it has been answered.
func newApt(c *program.Call) (a *aptCall, status int, ok bool) {
	a = &aptCall{c: c}
	for i := 0; i < len(c.Args); i++ {
		arg := c.Args[i]
		name, value, _ := strings.Cut(arg, "=")
		switch {
		case arg == "-v" || arg == "--version":
			c.Print("apt " + aptVersion(c) + " (" + architecture(c.Machine.Release) + ")\n")
			return nil, 0, false
		case arg == "-h" || arg == "--help":
			aptUsage(c)
			return nil, 0, false
		case slices.Contains([]string{"-y", "--yes", "--assume-yes", "-qqy", "-yq", "-qy", "-yqq", "-fy", "-yf", "--force-yes"}, arg):
			a.yes = true
			a.quiet = a.quiet || strings.Contains(arg, "qq")
		case slices.Contains([]string{"-s", "--simulate", "--just-print", "--dry-run", "--no-act", "--recon"}, arg):
			a.dry = true
		case arg == "-qq" || arg == "-q=2":
			a.quiet, a.yes = true, true
		case arg == "--installed" || arg == "--manual-installed":
			a.installed = true
		case arg == "--upgradable" || arg == "--upgradeable":
			a.upward = true
		case arg == "-d" || arg == "--download-only":
			a.down = true
		case arg == "--purge":
			a.purge = true
		case slices.Contains([]string{"-o", "-t", "-c", "--option", "--target-release", "--default-release", "--config-file"}, arg):
			i++
		case strings.HasPrefix(arg, "-o") && len(arg) > 2, name == "--option", name == "-t", name == "--target-release", name == "--default-release", strings.HasPrefix(arg, "-t") && len(arg) > 2, name == "-q", value != "" && strings.HasPrefix(name, "--"):
		case slices.Contains(aptFlags, arg):
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			a.complain("E", fmt.Sprintf("Command line option %s is not understood in combination with the other options", aptOption(arg)))
			return nil, 100, false
		case a.verb == "":
			a.verb = arg
		default:
			a.names = append(a.names, arg)
		}
	}
	if a.verb == "" {
		aptUsage(c)
		return nil, map[bool]int{true: 1, false: 0}[strings.HasPrefix(aptVersion(c), "2.6")], false
	}
	return a, 0, true
}

// aptOption is an option as messages quote it: short ones stand for themselves.
func aptOption(arg string) string {
	if strings.HasPrefix(arg, "--") {
		return arg
	}
	return "'" + arg[1:2] + "' [from " + arg + "]"
}

// complain prints a message; apt colours it.
func (a *aptCall) complain(kind, text string) {
	if a.c.Name == "apt" && a.c.Err.TTY {
		a.c.Err.Print("\x1b[1;31m" + kind + ": \x1b[0m" + text + "\n")
		return
	}
	a.c.Err.Print(kind + ": " + text + "\n")
}

// aptUsage is a help page of our own.
func aptUsage(c *program.Call) {
	c.Print("apt " + aptVersion(c) + " (" + architecture(c.Machine.Release) + ")\nUsage: " + c.Name + " [options] command\n")
	verbs := "update upgrade install reinstall remove purge autoremove full-upgrade list search show policy edit-sources clean download source"
	switch c.Name {
	case "apt-get":
		c.Print("       apt-get [options] install|remove pkg1 [pkg2 ...]\n       apt-get [options] source pkg1 [pkg2 ...]\n")
		verbs = "update upgrade install reinstall remove purge autoremove dist-upgrade dselect-upgrade build-dep satisfy clean autoclean check source download changelog"
	case "apt-cache":
		c.Print("       apt-cache [options] show pkg1 [pkg2 ...]\n")
		verbs = "showsrc search depends rdepends show pkgnames policy"
	case "apt-mark":
		c.Print("Usage: apt-mark [options] {auto|manual} pkg1 [pkg2 ...]\n")
		verbs = "auto manual minimize-manual hold unhold showauto showmanual showhold"
	}
	c.Print("\nMost used commands:\n")
	for _, v := range strings.Fields(verbs) {
		c.Print("  " + v + "\n")
	}
	c.Print("\nSee " + c.Name + "(8) for more information about the available commands.\nConfiguration options and syntax is detailed in apt.conf(5).\nInformation about how to configure sources can be found in sources.list(5).\nPackage and version choices can be expressed via apt_preferences(5).\nSecurity details are available in apt-secure(8).\n")
}

// apt is apt and apt-get.
func apt(c *program.Call) int {
	a, status, ok := newApt(c)
	if !ok {
		return status
	}
	if c.Name == "apt" && !c.Out.TTY && a.verb != "moo" {
		c.Err.Print("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n")
	}
	switch a.verb {
	case "update":
		return a.update()
	case "install", "reinstall", "satisfy", "build-dep":
		return a.install()
	case "remove", "purge", "autopurge":
		return a.remove()
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove", "dselect-upgrade", "auto-remove":
		if !a.locked() {
			return 100
		}
		a.reading(true)
		if strings.Contains(a.verb, "upgrade") {
			a.c.Print("Calculating upgrade..." + a.done())
		}
		a.c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "clean", "autoclean", "auto-clean", "distclean":
		if c.User.UID != 0 && !a.dry {
			a.complain("E", "Could not open lock file /var/cache/apt/archives/lock - open (13: Permission denied)")
			a.complain("E", "Unable to lock directory /var/cache/apt/archives/")
			return 100
		}
		if a.verb != "clean" {
			a.reading(true)
		}
	case "check":
		a.reading(true)
	case "list":
		return a.list()
	case "search", "show", "policy", "depends", "rdepends", "showsrc", "madison":
		return a.query()
	case "download", "source", "changelog":
		return a.download()
	case "edit-sources":
		return c.Run([]string{"editor", "/etc/apt/sources.list"}, c.Streams)
	case "moo":
		c.Print("                 (__) \n                 (oo) \n           /------\\/ \n          / |    ||   \n         *  /\\---/\\ \n            ~~   ~~   \n...\"Have you mooed today?\"...\n")
	default:
		a.complain("E", "Invalid operation "+a.verb)
		return 100
	}
	return 0
}

// done ends a line of progress: a terminal sees that it is done.
func (a *aptCall) done() string {
	if a.c.Out.TTY {
		return " Done\n"
	}
	return "\n"
}

// reading says what apt reads first.
func (a *aptCall) reading(state bool) {
	if a.quiet {
		return
	}
	a.c.Print("Reading package lists..." + a.done())
	if !state {
		return
	}
	if strings.HasPrefix(aptVersion(a.c), "2.0") && a.c.Out.TTY {
		a.c.Print("Building dependency tree       \nReading state information... Done\n")
		return
	}
	a.c.Print("Building dependency tree..." + a.done() + "Reading state information..." + a.done())
}

// locked takes dpkg's lock, which only root may.
func (a *aptCall) locked() bool {
	if a.c.User.UID == 0 || a.dry {
		return true
	}
	a.complain("E", "Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)")
	a.complain("E", "Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?")
	return false
}

// source is a line of sources.list.
type source struct{ url, host, suite, parts string }

// sources are the archives that are configured.
func sources(c *program.Call) []source {
	files := []string{"/etc/apt/sources.list"}
	if entries, err := root(c).ReadDir("/etc/apt/sources.list.d"); err == nil {
		for _, e := range entries {
			if strings.HasSuffix(e.Name, ".list") && len(files) < 20 {
				files = append(files, "/etc/apt/sources.list.d/"+e.Name)
			}
		}
	}
	var out []source
	for _, f := range files {
		data, err := root(c).ReadFile(f)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			w := strings.Fields(regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(line, ""))
			if len(w) < 3 || w[0] != "deb" || len(out) > 30 {
				continue
			}
			url := strings.TrimSuffix(w[1], "/")
			_, rest, _ := strings.Cut(url, "://")
			host, _, _ := strings.Cut(rest, "/")
			out = append(out, source{url, host, w[2], strings.Join(w[3:], " ")})
		}
	}
	return out
}

// stampFile says when the lists were last fetched.
const stampFile = "/var/lib/apt/periodic/update-success-stamp"

// update fetches the lists.
func (a *aptCall) update() int {
	c := a.c
	if c.User.UID != 0 {
		c.Print("Reading package lists..." + a.done())
		a.complain("E", "Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)")
		a.complain("E", "Unable to lock directory /var/lib/apt/lists/")
		a.complain("W", "Problem unlinking the file /var/cache/apt/pkgcache.bin - RemoveCaches (13: Permission denied)")
		a.complain("W", "Problem unlinking the file /var/cache/apt/srcpkgcache.bin - RemoveCaches (13: Permission denied)")
		return 100
	}
	say := func(format string, args ...any) {
		if !a.quiet {
			c.Printf(format, args...)
		}
	}
	fresh := false
	if info, err := root(c).Stat(stampFile); err == nil && c.Now().Sub(info.MTime) < 6*time.Hour {
		fresh = true
	}
	fetched, n := 0, 0
	var failed []source
	began := c.Now()
	for _, s := range sources(c) {
		n++
		if !reach(c, s.host) {
			if c.Stop != nil {
				return 100
			}
			say("Err:%d %s %s InRelease\n  Temporary failure resolving '%s'\n", n, s.url, s.suite, s.host)
			failed = append(failed, s)
			continue
		}
		if fresh || !strings.Contains(s.suite, "-") {
			say("Hit:%d %s %s InRelease\n", n, s.url, s.suite)
			continue
		}
		size := 40 + int(hash(s.suite)%90)
		say("Get:%d %s %s InRelease [%d.%d kB]\n", n, s.url, s.suite, size, hash(s.url)%10)
		fetched += size
		for _, part := range strings.Fields(s.parts)[:min(2, len(strings.Fields(s.parts)))] {
			n++
			size := 20 + int(hash(s.suite+part)%600)
			say("Get:%d %s %s/%s %s Packages [%d kB]\n", n, s.url, s.suite, part, architecture(c.Machine.Release), size)
			fetched += size
			c.Wait(time.Duration(size) * time.Millisecond)
		}
	}
	if fetched > 0 {
		took := max(c.Now().Sub(began).Seconds(), 1)
		say("Fetched %s kB in %.0fs (%s kB/s)\n", thousands(fetched), took, thousands(int(float64(fetched)/took)))
	}
	say("Reading package lists...%s", a.done())
	if len(failed) > 0 {
		for _, s := range failed {
			a.complain("W", "Failed to fetch "+s.url+"/dists/"+s.suite+"/InRelease  Temporary failure resolving '"+s.host+"'")
		}
		a.complain("W", "Some index files failed to download. They have been ignored, or old ones used instead.")
	}
	if len(failed) < n {
		if err := appendTo(root(c), stampFile, ""); err != nil {
			a.complain("W", "Problem writing "+stampFile+" - "+vfs.Text(err))
		}
	}
	if c.Name == "apt" {
		say("Building dependency tree...%sReading state information...%sAll packages are up to date.\n", a.done(), a.done())
	}
	return 0
}

// plan is what an installation brings.
func (a *aptCall) plan() (want []pack, extra []string, status int) {
	have, archive := installed(a.c), known(a.c)
	seen := map[string]bool{}
	var add func(p pack, named bool)
	add = func(p pack, named bool) {
		if _, ok := find(have, p.name); ok || seen[p.name] || len(want) > maxInstalls {
			return
		}
		seen[p.name] = true
		for _, d := range p.deps {
			if q, ok := find(archive, d); ok {
				add(q, false)
			}
		}
		want = append(want, p)
		if !named {
			extra = append(extra, p.name)
		}
	}
	for _, name := range a.names {
		if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "./") {
			if _, err := a.c.View().Stat(a.c.Path(name)); err != nil {
				a.complain("E", "Unsupported file "+name+" given on commandline")
			} else {
				a.complain("E", "Invalid archive signature")
				a.complain("E", "The package lists or status file could not be parsed or opened.")
			}
			return nil, nil, 100
		}
		bare := strings.TrimSuffix(strings.TrimSuffix(name, "+"), "-")
		if base, version, ok := strings.Cut(bare, "="); ok {
			if p, found := find(archive, base); found && p.version != version {
				a.complain("E", "Version '"+version+"' for '"+base+"' was not found")
				status = 100
				continue
			}
		}
		p, ok := find(archive, bare)
		if !ok {
			a.complain("E", "Unable to locate package "+name)
			if strings.ContainsAny(name, ".*") {
				a.complain("E", "Couldn't find any package by glob '"+name+"'")
			}
			status = 100
			continue
		}
		if q, there := find(have, p.name); there {
			a.c.Print(p.name + " is already the newest version (" + q.version + ").\n")
			continue
		}
		add(p, true)
	}
	return want, extra, status
}

// wrapped prints names as apt lists them: indented, in lines of 80.
func (a *aptCall) wrapped(names []string) {
	line := " "
	for _, n := range names {
		if len(line)+1+len(n) > 79 {
			a.c.Print(line + "\n")
			line = " "
		}
		line += " " + n
	}
	if line != " " {
		a.c.Print(line + "\n")
	}
}

// bytesText is a size in apt's words, of KiB.
func bytesText(kib int) string {
	b := float64(kib) * 1024
	switch {
	case b >= 100e6:
		return fmt.Sprintf("%.0f MB", b/1e6)
	case b >= 10e6:
		return fmt.Sprintf("%.1f MB", b/1e6)
	}
	return thousands(int(b/1e3)) + " kB"
}

// agreed asks whether to go on.
func (a *aptCall) agreed() bool {
	if a.yes || a.dry {
		return true
	}
	a.c.Print("Do you want to continue? [Y/n] ")
	answer, eof, err := program.ReadLine(a.c.In, '\n', 64)
	if answer = strings.ToLower(strings.TrimSpace(answer)); eof && answer == "" || err != nil || answer != "" && answer[0] != 'y' {
		a.c.Print("Abort.\n")
		return false
	}
	return true
}

// install fetches and unpacks packages.
func (a *aptCall) install() int {
	c := a.c
	if !a.locked() {
		return 100
	}
	a.reading(true)
	want, extra, status := a.plan()
	if status != 0 {
		return status
	}
	if len(want) == 0 {
		if !a.quiet {
			c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		}
		return 0
	}
	var names []string
	fetch, size := 0, 0
	for _, p := range want {
		names = append(names, p.name)
		fetch += p.fetch
		size += p.size
	}
	slices.Sort(names)
	slices.Sort(extra)
	if !a.quiet {
		if len(extra) > 0 {
			c.Print("The following additional packages will be installed:\n")
			a.wrapped(extra)
		}
		c.Print("The following NEW packages will be installed:\n")
		a.wrapped(names)
		c.Printf("0 upgraded, %d newly installed, 0 to remove and 0 not upgraded.\n", len(want))
	}
	if a.dry {
		for _, p := range want {
			c.Printf("Inst %s (%s %s [%s])\n", p.name, p.version, c.Machine.Release.Name, p.arch)
		}
		for _, p := range want {
			c.Printf("Conf %s (%s %s [%s])\n", p.name, p.version, c.Machine.Release.Name, p.arch)
		}
		return 0
	}
	if !a.quiet {
		c.Printf("Need to get %s of archives.\nAfter this operation, %s of additional disk space will be used.\n", bytesText(fetch), bytesText(size))
	}
	if len(extra) > 0 && !a.agreed() {
		return 1
	}
	if !a.fetch(want, fetch) {
		return 100
	}
	if a.down {
		c.Print("Download complete and in download only mode\n")
		return 0
	}
	return a.unpack(want)
}

// fetch shows the packages as they come.
func (a *aptCall) fetch(want []pack, total int) bool {
	c := a.c
	from := source{url: "http://deb.debian.org/debian", host: "deb.debian.org", suite: c.Machine.Release.Codename}
	part := "main"
	if all := sources(c); len(all) > 0 {
		from = all[0]
		if f := strings.Fields(from.parts); len(f) > 0 {
			part = f[0]
		}
	}
	began := c.Now()
	if !reach(c, from.host) {
		if c.Stop != nil {
			return false
		}
		for i, p := range want {
			c.Printf("Err:%d %s %s/%s %s %s %s %s\n  Temporary failure resolving '%s'\n", i+1, from.url, from.suite, part, p.arch, p.name, p.arch, p.version, from.host)
		}
		for _, p := range want {
			a.complain("E", fmt.Sprintf("Failed to fetch %s/pool/%s/%s/%s/%s_%s_%s.deb  Temporary failure resolving '%s'", from.url, part, p.name[:1], p.name, p.name, strings.ReplaceAll(p.version, ":", "%3a"), p.arch, from.host))
		}
		a.complain("E", "Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?")
		return false
	}
	speed := int(c.Machine.Number("mirror/speed", 1800, 14000)) // kB/s
	for i, p := range want {
		size := fmt.Sprintf("%s kB", thousands(p.fetch*1024/1000))
		if p.fetch < 100 {
			size = fmt.Sprintf("%.1f kB", float64(p.fetch)*1.024)
		}
		if !a.quiet {
			c.Printf("Get:%d %s %s/%s %s %s %s %s [%s]\n", i+1, from.url, from.suite, part, p.arch, p.name, p.arch, p.version, size)
		}
		if !c.Wait(time.Duration(float64(p.fetch)/float64(speed)*float64(time.Second)) + 30*time.Millisecond) {
			return false
		}
	}
	took := max(c.Now().Sub(began).Seconds(), 0.2)
	if !a.quiet {
		c.Printf("Fetched %s in %.0fs (%s kB/s)\n", bytesText(total), took, thousands(int(float64(total)/took)))
	}
	return true
}

// unpack is dpkg's part.
func (a *aptCall) unpack(want []pack) int {
	c := a.c
	count := 25_000 + int(c.Machine.Number("dpkg/files", 2000, 19_000))
	for i, p := range want {
		c.Print("Selecting previously unselected package " + p.name + ".\n")
		if i == 0 {
			c.Printf("(Reading database ... %d files and directories currently installed.)\n", count)
		}
		c.Printf("Preparing to unpack .../%s_%s_%s.deb ...\n", prefixed(i, len(want), p.name), strings.ReplaceAll(p.version, ":", "%3a"), p.arch)
		c.Print("Unpacking " + p.name + " (" + p.version + ") ...\n")
		if !c.Wait(time.Duration(40+p.size/200) * time.Millisecond) {
			return 100
		}
	}
	for _, p := range want {
		c.Print("Setting up " + p.name + " (" + p.version + ") ...\n")
		if err := put(c, p); err != nil {
			a.complain("E", "Write error - write (28: No space left on device)")
			return 100
		}
		if !c.Wait(30 * time.Millisecond) {
			return 100
		}
	}
	have := installed(c)
	for _, trigger := range []string{"man-db", "libc-bin"} {
		if p, ok := find(have, trigger); ok {
			c.Print("Processing triggers for " + trigger + " (" + p.version + ") ...\n")
		}
	}
	t := c.Now().In(c.Machine.Zone.Location).Format("2006-01-02  15:04:05")
	var list []string
	for _, p := range want {
		list = append(list, p.name+":"+p.arch+" ("+p.version+")")
	}
	if err := appendTo(root(c), "/var/log/apt/history.log", "\nStart-Date: "+t+"\nCommandline: "+c.Name+" "+strings.Join(c.Args, " ")+"\nInstall: "+strings.Join(list, ", ")+"\nEnd-Date: "+t+"\n"); err != nil {
		a.complain("W", "Could not open file '/var/log/apt/history.log' - EIPP::OpenLog ("+vfs.Text(err)+")")
	}
	return 0
}

// prefixed is the name of an archive as dpkg sees it: of several they are
// numbered.
func prefixed(i, n int, name string) string {
	if n < 2 {
		return name
	}
	width := len(fmt.Sprint(n - 1))
	return fmt.Sprintf("%0*d-%s", width, i, name)
}

// remove takes packages away.
func (a *aptCall) remove() int {
	c := a.c
	if !a.locked() {
		return 100
	}
	a.reading(true)
	have, archive := installed(c), known(c)
	var gone []pack
	size, status := 0, 0
	for _, name := range a.names {
		p, there := find(have, name)
		if !there && strings.Contains(name, "*") {
			for _, q := range have {
				if like(q.name, []string{name}) {
					gone = append(gone, q)
					size += q.size
				}
			}
			continue
		}
		if _, ok := find(archive, name); !there && !ok {
			a.complain("E", "Unable to locate package "+name)
			status = 100
			continue
		}
		if !there {
			c.Print("Package '" + name + "' is not installed, so not removed\n")
			continue
		}
		gone = append(gone, p)
		size += p.size
	}
	if status != 0 {
		return status
	}
	if len(gone) == 0 {
		c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	}
	var names []string
	mark := ""
	if a.verb == "purge" || a.purge {
		mark = "*"
	}
	for _, p := range gone {
		names = append(names, p.name+mark)
	}
	c.Print("The following packages will be REMOVED:\n")
	a.wrapped(names)
	c.Printf("0 upgraded, 0 newly installed, %d to remove and 0 not upgraded.\nAfter this operation, %s disk space will be freed.\n", len(gone), bytesText(size))
	if a.dry {
		return 0
	}
	if !a.agreed() {
		return 1
	}
	c.Printf("(Reading database ... %d files and directories currently installed.)\n", 25_000+int(c.Machine.Number("dpkg/files", 2000, 19_000)))
	for _, p := range gone {
		c.Print("Removing " + p.name + " (" + p.version + ") ...\n")
		if err := take(c, p); err != nil || !c.Wait(120*time.Millisecond) {
			return 100
		}
	}
	return 0
}
