//go:build live

package shell_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "record what this machine's shells and programs answer to the cases")

// packages ship what surrounds bash and dash in their jail.
var packages = []string{"bash", "dash", "coreutils", "findutils", "grep", "sed", "mawk", "bsdextrautils", "util-linux", "xxd", "gzip", "bzip2", "xz-utils", "tar", "diffutils", "procps", "debianutils", "hostname", "file", "bc", "binutils", "lsof", "psmisc", "unzip", "zip", "wget", "curl", "iproute2", "net-tools", "openssh-client"}

// rootPackages ship what surrounds root beside them.
var rootPackages = []string{"busybox-static", "passwd", "login", "mount", "e2fsprogs", "wget", "curl", "kmod", "net-tools", "iproute2", "iptables", "libpam-modules", "openssh-client"}

// programs are the files that a dialect's jail holds.
func (d dialect) programs(t *testing.T) []string {
	t.Helper()
	packages, dirs := packages, []string{"/bin", "/usr/bin"}
	if d.root {
		packages = append(rootPackages, packages...)
		dirs = append(dirs, "/sbin", "/usr/sbin")
	}
	if d.tree == "busybox" {
		if _, err := os.Stat(d.shell[0]); err != nil {
			t.Fatal("no busybox on this machine: apt-get install busybox-static")
		}
		return []string{d.shell[0]}
	}
	var list []string
	for _, name := range packages {
		files, err := exec.Command("dpkg-query", "-L", name).Output()
		if err != nil {
			t.Fatalf("no %s on this machine: apt-get install %s", name, strings.Join(packages, " "))
		}
		for path := range strings.FieldsSeq(string(files)) {
			dir := filepath.Dir(path)
			info, err := os.Stat(path)
			pam := d.root && strings.HasSuffix(dir, "/security") && strings.HasPrefix(filepath.Base(path), "pam_")
			if (slices.Contains(dirs, dir) || pam) && err == nil && info.Mode().IsRegular() {
				list = append(list, path)
			}
		}
	}
	return list
}

// TestCasesAreWhatTheMachineAnswers runs every case through the real shells
// and programs, each in a jail of its own: what is recorded is what they say.
// TestCases holds us to it.
func TestCasesAreWhatTheMachineAnswers(t *testing.T) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains(string(release), "bookworm") {
		t.Fatal("the cases are Debian 12's: run this on Debian 12")
	}
	for _, d := range dialects {
		jailRoots.of(t, d)
		for _, path := range caseFiles(t, d) {
			t.Run(d.name+"/"+strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
				t.Parallel()
				recordCases(t, d, path)
			})
		}
	}
}

func recordCases(t *testing.T, d dialect, path string) {
	t.Helper()
	f := readCases(t, path)
	for i, c := range f.cases {
		want := theirs(t, d, f.setup, c.script)
		if *update {
			f.cases[i].answer = want
			switch alike := ours(t, d, f.setup, c.script) == want; {
			case alike:
				f.cases[i].gap = ""
			case c.gap == "":
				f.cases[i].gap = "unexplained"
			}
		} else if want != c.answer {
			t.Errorf("%s\n the machine says %d %q %q\n  recorded are   %d %q %q", c.script, want.status, want.stdout, want.stderr, c.answer.status, c.answer.stdout, c.answer.stderr)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
