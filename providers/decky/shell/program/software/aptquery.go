package software

import (
	"regexp"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// list is apt list.
func (a *aptCall) list() int {
	c := a.c
	c.Print("Listing..." + a.done())
	have := installed(c)
	suite := c.Machine.Release.Codename
	stable := map[string]string{"debian": "stable", "kali": "kali-rolling"}[c.Machine.Release.Slug]
	if stable == "" {
		stable = suite
	}
	for _, p := range known(c) {
		q, there := find(have, p.name)
		if a.installed && !there || a.upward || !like(p.name, a.names) {
			continue
		}
		line := p.name + "/" + stable + " " + p.version + " " + p.arch
		switch {
		case there && len(q.fields) > 0:
			line = p.name + "/" + stable + ",now " + q.version + " " + q.arch + " [installed]"
		}
		c.Print(line + "\n")
	}
	return 0
}

// query is what apt-cache answers, which apt passes on.
func (a *aptCall) query() int {
	c := a.c
	have, archive := installed(c), known(c)
	if len(a.names) == 0 && a.verb != "policy" {
		if a.verb == "search" {
			a.complain("E", "You must give at least one search pattern")
			return 100
		}
		a.complain("E", "No packages found")
		return 100
	}
	switch a.verb {
	case "search":
		return a.search(archive, have)
	case "show":
		found := false
		for _, n := range a.names {
			p, ok := find(archive, n)
			if q, there := find(have, n); there {
				p, ok = q, true
			}
			if !ok {
				if c.Err.TTY || !strings.HasPrefix(aptVersion(c), "2.6") {
					a.complain("N", "Unable to locate package "+n)
				}
				continue
			}
			found = true
			c.Print(a.stanza(p) + "\n")
		}
		if !found {
			a.complain("E", "No packages found")
			return 100
		}
	case "policy":
		a.policy(archive, have)
	case "depends", "rdepends":
		for _, n := range a.names {
			p, ok := find(archive, n)
			if !ok {
				a.complain("E", "No packages found")
				return 100
			}
			c.Print(p.name + "\n")
			if a.verb == "rdepends" {
				c.Print("Reverse Depends:\n")
				continue
			}
			for _, d := range append([]string{"libc6"}, p.deps...) {
				c.Print("  Depends: " + d + "\n")
			}
		}
	case "madison":
		for _, n := range a.names {
			if p, ok := find(archive, n); ok {
				s := sources(c)
				if len(s) > 0 {
					c.Printf("%10s | %10s | %s %s/main %s Packages\n", p.name, p.version, s[0].url, s[0].suite, p.arch)
				}
			}
		}
	}
	return 0
}

// stanza is a package as show prints it.
func (a *aptCall) stanza(p pack) string {
	if p.fields != "" && a.c.Name != "apt" {
		return p.fields + "\n"
	}
	section := p.section
	if section == "" {
		section = "misc"
	}
	text := "Package: " + p.name + "\nVersion: " + p.version + "\n"
	if a.c.Name == "apt" {
		return text + "Priority: optional\nSection: " + section + "\nMaintainer: Debian developers <debian-devel@lists.debian.org>\nInstalled-Size: " + bytesText(p.size) + "\nDownload-Size: " + bytesText(max(p.fetch, 4)) + "\nAPT-Sources: " + a.origin() + "\nDescription: " + p.summary + "\n"
	}
	return text + "Installed-Size: " + program.Decimal(int64(p.size)) + "\nMaintainer: Debian developers <debian-devel@lists.debian.org>\nArchitecture: " + p.arch + "\nDescription-en: " + p.summary + "\nSection: " + section + "\nPriority: optional\nFilename: pool/main/" + p.name[:1] + "/" + p.name + "/" + p.name + "_" + p.version + "_" + p.arch + ".deb\n"
}

// origin is the archive that packages come from.
func (a *aptCall) origin() string {
	if s := sources(a.c); len(s) > 0 {
		return s[0].url + " " + s[0].suite + "/main " + architecture(a.c.Machine.Release) + " Packages"
	}
	return "/var/lib/dpkg/status"
}

func (a *aptCall) search(archive, have []pack) int {
	c := a.c
	if c.Name == "apt" {
		c.Print("Sorting..." + a.done() + "Full Text Search..." + a.done())
	}
	var patterns []*regexp.Regexp
	for _, n := range a.names {
		re, err := regexp.Compile("(?i)" + n)
		if err != nil || len(n) > 200 {
			a.complain("E", "Regex compilation error - Invalid regular expression")
			return 100
		}
		patterns = append(patterns, re)
	}
	onlyNames := slices.Contains(c.Args, "-n") || slices.Contains(c.Args, "--names-only")
	for _, p := range archive {
		hit := true
		for _, re := range patterns {
			hit = hit && (re.MatchString(p.name) || !onlyNames && re.MatchString(p.summary))
		}
		if !hit {
			continue
		}
		if c.Name != "apt" {
			c.Print(p.name + " - " + p.summary + "\n")
			continue
		}
		state := ""
		if _, there := find(have, p.name); there {
			state = " [installed]"
		}
		suite := c.Machine.Release.Codename
		if c.Machine.Release.Slug == "debian" {
			suite = "stable"
		}
		c.Print(p.name + "/" + suite + " " + p.version + " " + p.arch + state + "\n  " + p.summary + "\n\n")
	}
	return 0
}

func (a *aptCall) policy(archive, have []pack) {
	c := a.c
	if len(a.names) == 0 {
		c.Print("Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n")
		for _, s := range sources(c) {
			c.Print(" 500 " + s.url + " " + s.suite + "/main " + architecture(c.Machine.Release) + " Packages\n     release o=" + c.Machine.Release.Name + ",n=" + s.suite + ",c=main,b=" + architecture(c.Machine.Release) + "\n     origin " + s.host + "\n")
		}
		c.Print("Pinned packages:\n")
		return
	}
	for _, n := range a.names {
		p, ok := find(archive, n)
		if !ok {
			if c.Name == "apt" {
				a.complain("N", "Unable to locate package "+n)
			}
			continue
		}
		q, there := find(have, n)
		c.Print(p.name + ":\n")
		if there {
			c.Print("  Installed: " + q.version + "\n  Candidate: " + q.version + "\n  Version table:\n *** " + q.version + " 500\n        500 " + a.origin() + "\n        100 /var/lib/dpkg/status\n")
			continue
		}
		c.Print("  Installed: (none)\n  Candidate: " + p.version + "\n  Version table:\n     " + p.version + " 500\n        500 " + a.origin() + "\n")
	}
}

// download fetches an archive into the working directory.
func (a *aptCall) download() int {
	c := a.c
	if a.verb == "source" {
		a.reading(false)
		a.complain("E", "You must put some 'deb-src' URIs in your sources.list")
		return 100
	}
	for _, n := range a.names {
		p, ok := find(known(c), n)
		if !ok {
			a.complain("E", "Unable to locate package "+n)
			return 100
		}
		if a.verb == "download" && !a.fetch([]pack{p}, p.fetch) {
			return 100
		}
	}
	return 0
}

// aptCache is apt-cache.
func aptCache(c *program.Call) int {
	a, status, ok := newApt(c)
	if !ok {
		return status
	}
	switch a.verb {
	case "search", "show", "policy", "depends", "rdepends", "madison", "showsrc":
		return a.query()
	case "pkgnames":
		prefix := ""
		if len(a.names) > 0 {
			prefix = a.names[0]
		}
		for _, p := range known(c) {
			if strings.HasPrefix(p.name, prefix) {
				c.Print(p.name + "\n")
			}
		}
	case "stats":
		c.Print("Total package names: 121033 (3389 k)\nTotal package structures: 108017 (4753 k)\n  Normal packages: 63277\n  Pure virtual packages: 1915\nTotal distinct versions: 65612 (5774 k)\nTotal dependencies: 398657/108759 (9713 k)\n")
	case "gencaches", "dump", "dumpavail", "unmet", "xvcg", "dotty", "showpkg":
	default:
		a.complain("E", "Invalid operation "+a.verb)
		return 100
	}
	return 0
}

// aptMark marks packages.
func aptMark(c *program.Call) int {
	a, status, ok := newApt(c)
	if !ok {
		return status
	}
	have := installed(c)
	switch a.verb {
	case "showhold", "showheld", "showauto":
	case "showmanual", "showinstall", "showinstalls":
		for _, p := range have {
			if !strings.HasPrefix(p.name, "lib") && like(p.name, a.names) {
				c.Print(p.name + "\n")
			}
		}
	case "hold", "unhold", "auto", "manual", "markauto", "unmarkauto":
		for _, n := range a.names {
			if _, ok := find(known(c), n); !ok {
				a.complain("E", "Unable to locate package "+n)
				a.complain("E", "No packages found")
				return 100
			}
			if c.User.UID != 0 {
				a.complain("E", "Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)")
				a.complain("E", "Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?")
				return 100
			}
			c.Print(n + map[string]string{"hold": " set on hold.\n", "unhold": " was already not on hold.\n", "auto": " set to automatically installed.\n", "manual": " was already set to manually installed.\n"}[a.verb])
		}
	default:
		a.complain("E", "Invalid operation "+a.verb)
		return 100
	}
	return 0
}

// aptConfig shows apt's settings.
func aptConfig(c *program.Call) int {
	a, status, ok := newApt(c)
	if !ok {
		return status
	}
	settings := [][2]string{
		{"APT", ""}, {"APT::Architecture", architecture(c.Machine.Release)}, {"APT::Build-Essential", ""}, {"APT::Build-Essential::", "build-essential"}, {"APT::Install-Recommends", "1"}, {"APT::Install-Suggests", "0"}, {"APT::Sandbox", ""}, {"APT::Sandbox::User", "_apt"}, {"APT::Periodic", ""}, {"APT::Periodic::Update-Package-Lists", "1"},
		{"Dir", "/"}, {"Dir::State", "var/lib/apt"}, {"Dir::State::lists", "lists/"}, {"Dir::State::status", "/var/lib/dpkg/status"}, {"Dir::Cache", "var/cache/apt"}, {"Dir::Etc", "etc/apt"}, {"Dir::Etc::sourcelist", "sources.list"}, {"Dir::Bin::dpkg", "/usr/bin/dpkg"}, {"DPkg", ""}, {"CommandLine", ""}, {"CommandLine::AsString", "apt-config dump"},
	}
	switch a.verb {
	case "dump":
		for _, s := range settings {
			if len(a.names) == 0 || slices.ContainsFunc(a.names, func(n string) bool { return strings.EqualFold(n, s[0]) || strings.HasPrefix(s[0], n+"::") }) {
				c.Print(s[0] + " \"" + s[1] + "\";\n")
			}
		}
	case "shell":
		for i := 0; i+1 < len(a.names); i += 2 {
			for _, s := range settings {
				if strings.EqualFold(strings.SplitN(a.names[i+1], "/", 2)[0], s[0]) {
					c.Print(a.names[i] + "='" + s[1] + "'\n")
				}
			}
		}
	default:
		a.complain("E", "Invalid operation "+a.verb)
		return 100
	}
	return 0
}

// aptKey is the old list of trusted keys.
func aptKey(c *program.Call) int {
	verb := ""
	for _, x := range c.Args {
		if !strings.HasPrefix(x, "-") {
			verb = x
			break
		}
	}
	warn := func() {
		c.Err.Print("Warning: apt-key is deprecated. Manage keyring files in trusted.gpg.d instead (see apt-key(8)).\n")
	}
	switch verb {
	case "":
		c.Print("Usage: apt-key [--keyring file] [command] [arguments]\n\nManage apt's list of trusted keys\n\n  apt-key add <file>          - add the key contained in <file> ('-' for stdin)\n  apt-key del <keyid>         - remove the key <keyid>\n  apt-key list                - list keys\n")
		return 1
	case "list", "finger", "export", "exportall":
		warn()
	case "add", "adv", "del", "update", "net-update":
		warn()
		if c.User.UID != 0 {
			c.Err.Print("E: This command can only be used by root.\n")
			return 1
		}
		c.Err.Print("E: gnupg, gnupg2 and gnupg1 do not seem to be installed, but one of them is required for this operation\n")
		return 255
	default:
		c.Err.Print("Usage: apt-key [--keyring file] [command] [arguments]\n")
		return 1
	}
	return 0
}
