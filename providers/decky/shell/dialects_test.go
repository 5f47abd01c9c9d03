package shell_test

import (
	"strings"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// dialect is one of the shells that the cases are run in.
type dialect struct {
	name   string
	cases  string   // the glob of its families
	shell  []string // path of the real one, its $0, and what comes before the script
	tree   string   // whose programs surround it
	login  string   // the login shell on our machine
	before string   // what makes our login like a shell that nobody logged in to
	links  map[string]string
	root   bool // root runs the cases, in a root of the jail that is theirs to write
	// least is the share of the cases that we answer as the real shell does, in
	// output, errors and status.
	least float64
}

// dialects are those with a real shell in Debian.
var dialects = []dialect{
	{name: "bash", cases: "testdata/cases/*.txt", shell: []string{"/bin/bash", "bash", "-c"}, tree: "debian", login: "/bin/bash", before: "export OLDPWD", least: 0.98, links: debianLinks},
	{name: "root", cases: "testdata/cases/root/*.txt", shell: []string{"/bin/bash", "bash", "-c"}, tree: "debian as root", login: "/bin/bash", before: "export OLDPWD", least: 0.98, links: debianLinks, root: true},
	{name: "dash", cases: "testdata/cases/dash/*.txt", shell: []string{"/bin/dash", "sh", "-c"}, tree: "debian", login: "/bin/sh", links: debianLinks, least: 0.98},
	{name: "ash", cases: "testdata/cases/ash/*.txt", shell: []string{"/bin/busybox", "sh", "-c"}, tree: "busybox", login: "/bin/sh", least: 0.98},
}

var debianLinks = map[string]string{"sh": "dash", "awk": "mawk", "which": "which.debianutils", "nawk": "mawk"}

// caseDir is where the cases start.
const caseDir = "/tmp/scratch"

// user is who runs the cases of a dialect.
func (d dialect) user() string {
	if d.root {
		return "root"
	}
	return "admin"
}

// environment is what a case finds in its environment.
func (d dialect) environment() map[string]string {
	if d.root {
		return map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/root"}
	}
	return map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/games", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": caseDir}
}

// plainPaths has the directory of the cases under the name it is recorded by.
func plainPaths(s string) string { return strings.ReplaceAll(s, caseDir, "/scratch") }

// host is the machine that the cases run on.
func host() decky.Host { return servicetest.Host() }

// Accounts of the jail: those that the cases name.
const (
	casePasswd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nbin:x:2:2:bin:/bin:/usr/sbin/nologin\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nadmin:x:1000:1000:admin,,,:/home/admin:/bin/bash\n"
	caseGroup  = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nwww-data:x:33:\nnogroup:x:65534:\nadmin:x:1000:\n"
)
