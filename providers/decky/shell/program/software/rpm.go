package software

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// full is a package's name, version and architecture as rpm has it.
func (p pack) full() string { return p.name + "-" + p.version + "." + p.arch }

// matchesRPM tells whether a package is meant by a name, alone or with its
// version and architecture.
func (p pack) matchesRPM(name string) bool {
	return like(p.name, []string{name}) || name == p.full() || name == p.name+"-"+p.version || name == p.name+"."+p.arch || name == p.name+"-"+strings.SplitN(p.version, "-", 2)[0]
}

// rpmVersion is the host's.
func rpmVersion(c *program.Call) string {
	if p, ok := find(installed(c), "rpm"); ok {
		return strings.SplitN(p.version, "-", 2)[0]
	}
	return "4.16.1.3"
}

// rpm asks rpm's database and installs files, none of which is a package.
func rpm(c *program.Call) int {
	var short strings.Builder
	long := map[string]bool{}
	format := ""
	var names []string
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "--qf" || a == "--queryformat":
			if i++; i < len(c.Args) {
				format = c.Args[i]
			}
		case strings.HasPrefix(a, "--qf=") || strings.HasPrefix(a, "--queryformat="):
			_, format, _ = strings.Cut(a, "=")
		case strings.HasPrefix(a, "--"):
			long[a[2:]] = true
		case strings.HasPrefix(a, "-") && len(a) > 1:
			short.WriteString(a[1:])
		default:
			names = append(names, a)
		}
	}
	o := short.String()
	has := func(letter, name string) bool { return strings.Contains(o, letter) || name != "" && long[name] }
	switch {
	case long["version"]:
		c.Print("RPM version " + rpmVersion(c) + "\n")
	case has("q", "query") || c.Name == "rpmquery":
		return rpmQuery(c, has, names, format)
	case has("V", "verify"):
		have := installed(c)
		for _, n := range names {
			if !slices.ContainsFunc(have, func(p pack) bool { return p.matchesRPM(n) }) {
				c.Print("package " + n + " is not installed\n")
				return 1
			}
		}
	case has("e", "erase"):
		return rpmErase(c, names)
	case has("i", "install"), has("U", "upgrade"), has("F", "freshen"):
		return rpmInstall(c, names)
	case long["import"], long["rebuilddb"], long["initdb"], has("K", "checksig"):
		if c.User.UID != 0 && !has("K", "checksig") {
			c.Err.Print("error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Permission denied)\n")
			return 1
		}
	case long["eval"] || has("E", ""):
		for _, n := range names {
			c.Print(strings.NewReplacer("%{_arch}", c.Machine.Release.Machine, "%_arch", c.Machine.Release.Machine, "%{rhel}", c.Machine.Release.VersionID, "%rhel", strings.SplitN(c.Machine.Release.VersionID, ".", 2)[0], "%fedora", c.Machine.Release.VersionID).Replace(n) + "\n")
		}
	default:
		if len(c.Args) > 0 && len(names) == len(c.Args) {
			c.Err.Print("RPM version " + rpmVersion(c) + "\nCopyright (C) 1998-2002 - Red Hat, Inc.\nThis program may be freely redistributed under the terms of the GNU GPL\n")
			return 1
		}
		c.Print("RPM version " + rpmVersion(c) + "\nCopyright (C) 1998-2002 - Red Hat, Inc.\nThis program may be freely redistributed under the terms of the GNU GPL\n\nUsage: rpm [-afgpqlsiv?] [--queryformat=QUERYFORMAT] [--import] [--checksig] [-V] [-U] [-i] [-e] [PACKAGE...]\n")
		return 1
	}
	return 0
}

func rpmQuery(c *program.Call, has func(letter, name string) bool, names []string, format string) int {
	have := installed(c)
	var hits []pack
	status := 0
	switch {
	case has("a", "all"):
		for _, p := range have {
			if like(p.name, names) {
				hits = append(hits, p)
			}
		}
	case has("f", "file"):
		for _, n := range names {
			path := c.Path(n)
			if _, err := c.View().Lstat(path); err != nil {
				c.Print("error: file " + path + ": " + vfs.Text(err) + "\n")
				status++
				continue
			}
			i := slices.IndexFunc(have, func(p pack) bool {
				return slices.ContainsFunc(filesOf(c, p), func(f string) bool { return strings.TrimPrefix(f, "/usr") == strings.TrimPrefix(path, "/usr") })
			})
			if i < 0 {
				c.Print("file " + path + " is not owned by any package\n")
				status++
				continue
			}
			hits = append(hits, have[i])
		}
	case has("p", "package"):
		for _, n := range names {
			if _, err := c.View().Stat(c.Path(n)); err != nil {
				c.Err.Print("error: open of " + n + " failed: " + vfs.Text(err) + "\n")
			} else {
				c.Err.Print("error: " + n + ": not an rpm package (or package manifest)\n")
			}
			status++
		}
	case len(names) == 0:
		c.Err.Print("rpm: no arguments given for query\n")
		return 1
	default:
		for _, n := range names {
			found := false
			for _, p := range have {
				if p.matchesRPM(n) {
					hits = append(hits, p)
					found = true
				}
			}
			if !found {
				c.Print("package " + n + " is not installed\n")
				status++
			}
		}
	}
	for _, p := range hits {
		switch {
		case c.Busy():
			return 1
		case format != "":
			c.Print(rpmFormat(format, p))
		case has("i", "info"):
			c.Print(rpmInfo(c, p))
		case has("l", "list"):
			c.Print(strings.Join(filesOf(c, p), "\n") + "\n")
		case has("c", "configfiles"), has("d", "docfiles"), has("R", "requires"):
			if has("R", "requires") {
				c.Print("libc.so.6()(64bit)\nrpmlib(CompressedFileNames) <= 3.0.4-1\nrpmlib(PayloadFilesHavePrefix) <= 4.0-1\n")
			}
		default:
			c.Print(p.full() + "\n")
		}
	}
	return min(status, 255)
}

// rpmFormat fills %{TAG} in.
func rpmFormat(format string, p pack) string {
	version, release, _ := strings.Cut(p.version, "-")
	tags := strings.NewReplacer("%{NAME}", p.name, "%{name}", p.name, "%{VERSION}", version, "%{version}", version, "%{RELEASE}", release, "%{release}", release, "%{ARCH}", p.arch, "%{arch}", p.arch, "%{SUMMARY}", p.summary, "%{summary}", p.summary, "%{SIZE}", fmt.Sprint(p.size*1024), "%{size}", fmt.Sprint(p.size*1024), "%{EPOCH}", "(none)", "%{epoch}", "(none)", "%{NVRA}", p.full(), "%{nvra}", p.full(), "%{NEVRA}", p.full(), `\n`, "\n", `\t`, "\t")
	return tags.Replace(format)
}

func rpmInfo(c *program.Call, p pack) string {
	version, release, _ := strings.Cut(p.version, "-")
	at := c.Machine.Built.In(c.Machine.Zone.Location).Format("Mon 02 Jan 2006 03:04:05 PM MST")
	vendor := map[string]string{"centos7": "CentOS", "rocky9": "Rocky Enterprise Software Foundation", "fedora": "Fedora Project"}[c.Machine.Release.Slug]
	return fmt.Sprintf("Name        : %s\nVersion     : %s\nRelease     : %s\nArchitecture: %s\nInstall Date: %s\nGroup       : Unspecified\nSize        : %d\nLicense     : GPLv2+\nSource RPM  : %s-%s.src.rpm\nVendor      : %s\nSummary     : %s\nDescription :\n%s.\n", p.name, version, release, p.arch, at, p.size*1024, p.name, p.version, vendor, p.summary, p.summary)
}

func rpmErase(c *program.Call, names []string) int {
	have := installed(c)
	for _, n := range names {
		i := slices.IndexFunc(have, func(p pack) bool { return p.matchesRPM(n) })
		if i < 0 {
			c.Err.Print("error: package " + n + " is not installed\n")
			return 1
		}
		if c.User.UID != 0 {
			c.Err.Print("error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Permission denied)\n")
			return 1
		}
		if err := take(c, have[i]); err != nil {
			c.Err.Print("error: " + vfs.Text(err) + "\n")
			return 1
		}
	}
	return 0
}

func rpmInstall(c *program.Call, names []string) int {
	if len(names) == 0 {
		c.Err.Print("rpm: no packages given for install\n")
		return 1
	}
	for _, n := range names {
		if _, rest, remote := strings.Cut(n, "://"); remote {
			host, _, _ := strings.Cut(rest, "/")
			c.Print("Retrieving " + n + "\n")
			if !reach(c, host) {
				c.Err.Print("curl: (6) Could not resolve host: " + host + "; Unknown error\nerror: skipping " + n + " - transfer failed\n")
			} else {
				c.Err.Print("error: skipping " + n + " - transfer failed\n")
			}
			return 1
		}
		if _, err := c.View().Stat(c.Path(n)); err != nil {
			c.Err.Print("error: open of " + n + " failed: " + vfs.Text(err) + "\n")
			return 1
		}
		c.Err.Print("error: " + n + ": not an rpm package (or package manifest)\n")
	}
	return 1
}

// yum is yum 3.4 and dnf 4.
func yum(c *program.Call) int {
	verb := ""
	var names []string
	yes, quiet := false, false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "-y" || a == "--assumeyes":
			yes = true
		case a == "-q" || a == "--quiet":
			quiet = true
		case a == "--version":
			c.Print(map[bool]string{true: "3.4.3\n", false: "4.14.0\n"}[c.Machine.Release.Slug == "centos7"])
			return 0
		case a == "-c" || a == "-x" || a == "-d" || a == "-e" || a == "-R":
			i++
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		default:
			names = append(names, a)
		}
	}
	y := &yumCall{c: c, names: names, yes: yes, quiet: quiet, old: c.Machine.Release.Slug == "centos7"}
	return y.run(verb)
}

type yumCall struct {
	c          *program.Call
	names      []string
	yes, quiet bool
	old        bool
}

// head is what yum says before it acts.
func (y *yumCall) head() bool {
	c := y.c
	host := map[string]string{"centos7": "mirrorlist.centos.org", "rocky9": "mirrors.rockylinux.org"}[c.Machine.Release.Slug]
	if host == "" {
		host = "mirrors.fedoraproject.org"
	}
	if y.old {
		c.Print("Loaded plugins: fastestmirror\nLoading mirror speeds from cached hostfile\n")
		return true
	}
	if _, failure := peer.Of(c.Machine).Lookup(host); failure != peer.Found {
		c.Resolving()
		c.Print(c.Machine.Release.Name + " - BaseOS                    0.0  B/s |   0  B     00:00    \n")
		c.Err.Print("Errors during downloading metadata for repository 'baseos':\n  - Curl error (6): Couldn't resolve host name for https://" + host + "/mirrorlist [Could not resolve host: " + host + "]\nError: Failed to download metadata for repo 'baseos': Cannot prepare internal mirrorlist: Curl error (6): Couldn't resolve host name for https://" + host + "/mirrorlist [Could not resolve host: " + host + "]\n")
		return false
	}
	age := time.Duration(c.Machine.Number("dnf/cache", 200, 3600*5)) * time.Second
	if !y.quiet {
		c.Printf("Last metadata expiration check: %d:%02d:%02d ago on %s.\n", int(age.Hours()), int(age.Minutes())%60, int(age.Seconds())%60, c.Now().Add(-age).In(c.Machine.Zone.Location).Format("Mon 02 Jan 2006 03:04:05 PM MST"))
	}
	return true
}

func (y *yumCall) run(verb string) int {
	c := y.c
	switch verb {
	case "":
		c.Err.Print(map[bool]string{true: "You need to give some command\nUsage: yum [options] COMMAND\n", false: "usage: dnf [options] COMMAND\n"}[y.old])
		return 1
	case "install", "localinstall", "reinstall", "groupinstall", "remove", "erase", "update", "upgrade", "distro-sync", "autoremove", "clean", "makecache", "update-minimal":
		if c.User.UID != 0 {
			if y.old {
				c.Print("Loaded plugins: fastestmirror\n")
				c.Err.Print("You need to be root to perform this command.\n")
			} else {
				c.Err.Print("Error: This command has to be run with superuser privileges (under the root user on most systems).\n")
			}
			return 1
		}
	}
	switch verb {
	case "install", "localinstall", "groupinstall", "reinstall":
		return y.install()
	case "remove", "erase":
		return y.remove()
	case "update", "upgrade", "distro-sync", "autoremove", "update-minimal", "check-update":
		if !y.head() {
			return 1
		}
		switch {
		case verb == "check-update":
		case y.old:
			c.Print("No packages marked for update\n")
		default:
			c.Print("Dependencies resolved.\nNothing to do.\nComplete!\n")
		}
	case "clean":
		c.Print(map[bool]string{true: "Loaded plugins: fastestmirror\nCleaning repos: base extras updates\n", false: "18 files removed\n"}[y.old])
	case "makecache":
		if !y.head() {
			return 1
		}
		c.Print("Metadata cache created.\n")
	case "list", "info", "search", "provides", "whatprovides":
		return y.query(verb)
	case "repolist", "history", "grouplist", "groups":
		if y.old {
			c.Print("Loaded plugins: fastestmirror\nLoading mirror speeds from cached hostfile\n")
		}
		if verb == "repolist" {
			c.Print(map[string]string{"centos7": "repo id                             repo name                             status\nbase/7/x86_64                       CentOS-7 - Base                       10,072\nextras/7/x86_64                     CentOS-7 - Extras                        526\nupdates/7/x86_64                    CentOS-7 - Updates                     6,173\nrepolist: 16,771\n", "rocky9": "repo id                          repo name\nappstream                        Rocky Linux 9 - AppStream\nbaseos                           Rocky Linux 9 - BaseOS\nextras                           Rocky Linux 9 - Extras\n", "fedora": "repo id                        repo name\nfedora                         Fedora 40 - x86_64\nfedora-cisco-openh264          Fedora 40 openh264 (From Cisco) - x86_64\nupdates                        Fedora 40 - x86_64 - Updates\n"}[c.Machine.Release.Slug])
		}
	default:
		if y.old {
			c.Print("Loaded plugins: fastestmirror\n")
			c.Err.Print("No such command: " + verb + ". Please use /usr/bin/yum --help\n")
		} else {
			c.Err.Print("No such command: " + verb + ". Please use /usr/bin/dnf --help\nIt could be a DNF plugin command, try: \"dnf install 'dnf-command(" + verb + ")'\"\n")
		}
		return 1
	}
	return 0
}

func (y *yumCall) install() int {
	c := y.c
	if !y.head() {
		return 1
	}
	have, archive := installed(c), known(c)
	var want []pack
	missing := false
	for _, n := range y.names {
		p, ok := find(archive, n)
		switch q, there := find(have, n); {
		case there && y.old:
			c.Print("Package " + q.full() + " already installed and latest version\n")
		case there:
			c.Print("Package " + q.full() + " is already installed.\n")
		case !ok && y.old:
			c.Print("No package " + n + " available.\n")
			missing = true
		case !ok:
			c.Print("No match for argument: " + n + "\n")
			missing = true
		default:
			want = append(want, p)
		}
	}
	if len(want) == 0 || missing && !y.old {
		switch {
		case missing && y.old:
			c.Err.Print("Error: Nothing to do\n")
			return 1
		case missing:
			c.Err.Print("Error: Unable to find a match: " + strings.Join(y.names, " ") + "\n")
			return 1
		case y.old:
			c.Print("Nothing to do\n")
		default:
			c.Print("Dependencies resolved.\nNothing to do.\nComplete!\n")
		}
		return 0
	}
	y.show(want, "Installing")
	if !y.agreed() {
		return 1
	}
	c.Print(map[bool]string{true: "Downloading packages:\n", false: "Downloading Packages:\n"}[y.old])
	for _, p := range want {
		if !c.Wait(time.Duration(p.fetch/4+60) * time.Millisecond) {
			return 1
		}
		c.Printf("%-50s %6s  00:00:00\n", p.full()+".rpm", rpmSize(p.fetch))
	}
	c.Print("Running transaction check\nRunning transaction test\nTransaction test succeeded\nRunning transaction\n")
	for i, p := range want {
		c.Printf("  Installing : %-55s %d/%d \n", p.full(), i+1, len(want))
		if err := put(c, p); err != nil || !c.Wait(90*time.Millisecond) {
			c.Err.Print("Error: Transaction failed\n")
			return 1
		}
	}
	for i, p := range want {
		c.Printf("  Verifying  : %-55s %d/%d \n", p.full(), i+1, len(want))
	}
	c.Print("\nInstalled:\n")
	for _, p := range want {
		c.Print("  " + p.full() + "\n")
	}
	c.Print("\nComplete!\n")
	return 0
}

// rpmSize is a size of KiB in yum's words.
func rpmSize(kib int) string {
	if kib >= 1024 {
		return fmt.Sprintf("%.1f M", float64(kib)/1024)
	}
	return fmt.Sprintf("%d k", kib)
}

// show is the table of a transaction.
func (y *yumCall) show(list []pack, what string) {
	c := y.c
	repo := map[string]string{"centos7": "base", "rocky9": "appstream", "fedora": "fedora"}[c.Machine.Release.Slug]
	if y.old {
		c.Print("Resolving Dependencies\n--> Running transaction check\n")
		for _, p := range list {
			c.Print("---> Package " + p.name + "." + p.arch + " 0:" + p.version + " will be " + map[bool]string{true: "installed", false: "erased"}[what == "Installing"] + "\n")
		}
		c.Print("--> Finished Dependency Resolution\n\nDependencies Resolved\n\n")
	} else {
		c.Print("Dependencies resolved.\n")
	}
	bar := strings.Repeat("=", 80)
	c.Print(bar + "\n Package              Arch         Version                  Repository     Size\n" + bar + "\n" + what + ":\n")
	total, size := 0, 0
	for _, p := range list {
		c.Printf(" %-20s %-12s %-24s %-12s %6s\n", p.name, p.arch, p.version, repo, rpmSize(p.fetch))
		total += p.fetch
		size += p.size
	}
	c.Print("\nTransaction Summary\n" + bar + "\n")
	verb := "Install"
	if what != "Installing" {
		verb = "Remove"
	}
	plural := map[bool]string{true: "", false: "s"}[len(list) == 1]
	c.Printf("%-8s %d Package%s\n\n", verb, len(list), plural)
	if verb == "Install" {
		c.Printf("Total download size: %s\nInstalled size: %s\n", rpmSize(total), rpmSize(size))
	} else {
		c.Printf("Freed space: %s\n", rpmSize(size))
	}
}

func (y *yumCall) agreed() bool {
	if y.yes {
		return true
	}
	y.c.Print(map[bool]string{true: "Is this ok [y/d/N]: ", false: "Is this ok [y/N]: "}[y.old])
	answer, _, err := program.ReadLine(y.c.In, '\n', 64)
	if answer = strings.ToLower(strings.TrimSpace(answer)); err != nil || answer == "" || answer[0] != 'y' {
		y.c.Print(map[bool]string{true: "Exiting on user command\n", false: "Operation aborted.\n"}[y.old])
		return false
	}
	return true
}

func (y *yumCall) remove() int {
	c := y.c
	if y.old {
		c.Print("Loaded plugins: fastestmirror\n")
	}
	have := installed(c)
	var gone []pack
	for _, n := range y.names {
		p, ok := find(have, n)
		if !ok {
			c.Print(map[bool]string{true: "No Match for argument: ", false: "No match for argument: "}[y.old] + n + "\n")
			continue
		}
		gone = append(gone, p)
	}
	if len(gone) == 0 {
		c.Print(map[bool]string{true: "No Packages marked for removal\n", false: "No packages marked for removal.\nDependencies resolved.\nNothing to do.\nComplete!\n"}[y.old])
		return 0
	}
	y.show(gone, "Removing")
	if !y.agreed() {
		return 1
	}
	c.Print("Running transaction check\nRunning transaction test\nTransaction test succeeded\nRunning transaction\n")
	for i, p := range gone {
		c.Printf("  Erasing    : %-55s %d/%d \n", p.full(), i+1, len(gone))
		if err := take(c, p); err != nil {
			return 1
		}
	}
	c.Print("\nRemoved:\n")
	for _, p := range gone {
		c.Print("  " + p.full() + "\n")
	}
	c.Print("\nComplete!\n")
	return 0
}

func (y *yumCall) query(verb string) int {
	c := y.c
	if !y.head() {
		return 1
	}
	have, archive := installed(c), known(c)
	patterns := slices.DeleteFunc(slices.Clone(y.names), func(n string) bool { return n == "installed" || n == "available" || n == "updates" || n == "all" })
	only := ""
	if len(y.names) > 0 && len(patterns) < len(y.names) {
		only = y.names[0]
	}
	found := 0
	title := ""
	for _, p := range archive {
		q, there := find(have, p.name)
		if there {
			p = q
		}
		state, repo := "Installed Packages", "@anaconda"
		if !there {
			state, repo = "Available Packages", "base"
		}
		hit := like(p.name, patterns)
		if verb == "search" || strings.HasSuffix(verb, "provides") {
			hit = slices.ContainsFunc(patterns, func(n string) bool {
				n = strings.Trim(n, "*")
				return strings.Contains(p.name, n) || strings.Contains(strings.ToLower(p.summary), strings.ToLower(n)) || slices.ContainsFunc(p.programs, func(f string) bool { return strings.Contains(f, n) })
			})
		}
		if !hit || only == "installed" && !there || only == "available" && there || only == "updates" {
			continue
		}
		found++
		switch verb {
		case "list":
			if state != title {
				title = state
				c.Print(state + "\n")
			}
			c.Printf("%-38s %-30s %s\n", p.name+"."+p.arch, p.version, repo)
		case "info":
			version, release, _ := strings.Cut(p.version, "-")
			c.Printf("%s\nName         : %s\nVersion      : %s\nRelease      : %s\nArchitecture : %s\nSize         : %s\nSummary      : %s\n\n", state, p.name, version, release, p.arch, rpmSize(p.size), p.summary)
		default:
			c.Print(p.name + "." + p.arch + " : " + p.summary + "\n")
		}
	}
	if found == 0 {
		switch verb {
		case "search":
			c.Print("No matches found.\n")
			return 0
		default:
			c.Err.Print("Error: No matching Packages to list\n")
			return 1
		}
	}
	return 0
}
