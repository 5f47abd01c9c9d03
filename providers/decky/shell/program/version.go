package program

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"
)

// authors are whom coreutils' programs name in --version, one program a line.
//
//go:embed data/authors.txt
var authors string

var authorOf = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(authors), "\n") {
		name, people, _ := strings.Cut(line, "|")
		all[name] = strings.ReplaceAll(people, `\n`, "\n")
	}
	return all
})

// suite is a set of programs that share a version.
type suite struct {
	name     string            // in brackets behind the program's
	year     string            // of the newest version
	versions map[string]string // by the persona's distro, "" for any other
}

// Versions of what the distros ship: their package lists.
var suites = map[string]suite{
	"coreutils":  {"GNU coreutils", "2022", map[string]string{"": "9.1", "debian": "9.1", "debian12": "9.1", "debian11": "8.32", "ubuntu20": "8.30", "ubuntu22": "8.32", "centos7": "8.22", "rocky9": "8.32", "fedora": "9.3"}},
	"procps":     {"procps-ng", "", map[string]string{"": "4.0.2", "debian11": "3.3.17", "ubuntu20": "3.3.16", "ubuntu22": "3.3.17", "centos7": "3.3.10", "rocky9": "3.3.17"}},
	"util-linux": {"util-linux", "", map[string]string{"": "2.38.1", "debian11": "2.36.1", "ubuntu20": "2.34", "ubuntu22": "2.37.2", "centos7": "2.23.2", "rocky9": "2.37.4", "fedora": "2.39.4"}},
	"diffutils":  {"GNU diffutils", "2021", map[string]string{"": "3.8", "debian11": "3.7", "ubuntu20": "3.7", "centos7": "3.3", "rocky9": "3.7", "fedora": "3.10"}},
	"findutils":  {"GNU findutils", "2022", map[string]string{"": "4.9.0", "debian11": "4.8.0", "ubuntu20": "4.7.0", "ubuntu22": "4.8.0", "centos7": "4.5.11", "rocky9": "4.8.0"}},
}

// VersionOf is the version of a suite on this host: coreutils, procps,
// util-linux, diffutils, findutils.
func (c *Call) VersionOf(name string) string {
	s := suites[name]
	distro := strings.ToLower(c.Machine.Host.Distro)
	for _, key := range []string{distro, strings.ReplaceAll(distro, "-", ""), strings.TrimRight(distro, "0123456789.-")} {
		if v, ok := s.versions[key]; ok {
			return v
		}
	}
	return s.versions[""]
}

// suiteOf is the suite of a program by its name.
func suiteOf(name string) string {
	switch {
	case slices.Contains([]string{"diff", "cmp", "diff3", "sdiff"}, name):
		return "diffutils"
	case slices.Contains([]string{"find", "xargs"}, name):
		return "findutils"
	case slices.Contains([]string{"ps", "top", "free", "w", "uptime", "vmstat", "pgrep", "pkill", "pidof", "pidwait", "pmap", "pwdx", "slabtop", "skill", "snice", "sysctl", "tload", "watch", "kill"}, name):
		return "procps"
	case authorOf()[name] != "":
		return "coreutils"
	}
	return "util-linux"
}

const notice = "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\nThis is free software: you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n"

// Version prints what a program of a suite says of its version.
func (c *Call) Version() {
	c.Answered = true
	of := suiteOf(c.Name)
	s := suites[of]
	switch of {
	case "procps":
		c.Print(c.Name + " from procps-ng " + c.VersionOf(of) + "\n")
	case "util-linux":
		c.Print(c.Name + " from util-linux " + c.VersionOf(of) + "\n")
	default:
		c.Print(c.Name + " (" + s.name + ") " + c.VersionOf(of) + "\nCopyright (C) " + s.year + " Free Software Foundation, Inc.\n" + notice)
		if people := authorOf()[c.Name]; people != "" {
			c.Print("\nWritten by " + people + "\n")
		}
	}
}

// answer says the version or the help where a is that option.
func (c *Call) answer(a, short string, names map[string]string) bool {
	switch {
	case a == "--version":
		c.Version()
	case a == "--help":
		c.Answered = true
		if text := c.Help(); text != "" {
			c.Print(text)
			return true
		}
		c.Print("Usage: " + c.Name + " [OPTION]... [FILE]...\n\n" + optionList(short, names))
		if suiteOf(c.Name) == "coreutils" {
			c.Print("      --help        display this help and exit\n      --version     output version information and exit\n\nGNU coreutils online help: <https://www.gnu.org/software/coreutils/>\n")
		}
	default:
		return false
	}
	return true
}

// optionList are the options a program knows, a line each.
func optionList(short string, names map[string]string) string {
	var b strings.Builder
	shown := map[string]bool{}
	for _, full := range slices.Sorted(maps.Keys(names)) {
		letter := strings.TrimLeft(names[full], ":")
		lead := "      "
		if len(letter) == 1 && strings.Contains(short, letter) && !shown[letter] {
			lead = "  -" + letter + ", "
			shown[letter] = true
		}
		tail := ""
		if strings.HasPrefix(names[full], ":") {
			tail = "=ARG"
		}
		b.WriteString(lead + "--" + full + tail + "\n")
	}
	for i := range len(short) {
		if letter := short[i : i+1]; letter != ":" && letter != "+" && !shown[letter] {
			b.WriteString("  -" + letter + "\n")
		}
	}
	return b.String()
}
