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
