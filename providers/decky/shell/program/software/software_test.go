package software_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

func said(t *testing.T, h *programtest.Host, line string) (string, int) {
	t.Helper()
	out, err, status := h.Run(t, line, "")
	return out + err, status
}

const noDpkg = "\nType dpkg --help for help about installing and deinstalling packages [*];\n"

// The words are apt's 2.6.1 and dpkg's 1.21.22, run on Debian 12; those of the
// other managers are their sources'.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		distro, user, line, want string
		status                   int
	}{
		{"debian", "root", "apt-get frob", "E: Invalid operation frob\n", 100},
		{"debian", "root", "apt-get install -qq nope nope2", "E: Unable to locate package nope\nE: Unable to locate package nope2\n", 100},
		{"debian", "root", "apt-get install bash", "Reading package lists...\nBuilding dependency tree...\nReading state information...\nbash is already the newest version (5.2.15-2+b8).\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n", 0},
		{"debian", "admin", "apt-get install nmap", "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n", 100},
		{"debian", "root", "apt-get --frob install x", "E: Command line option --frob is not understood in combination with the other options\n", 100},
		{"debian", "root", "apt-cache frob", "E: Invalid operation frob\n", 100},
		{"debian", "root", "apt-cache show nope", "E: No packages found\n", 100},
		{"debian", "root", "apt-mark hold nope", "E: Unable to locate package nope\nE: No packages found\n", 100},
		{"debian", "root", "apt-config dump APT::Architecture", "APT::Architecture \"amd64\";\n", 0},
		{"debian", "root", "apt --version", "apt 2.6.1 (amd64)\n", 0},
		{"debian", "root", "dpkg -l nope", "dpkg-query: no packages found matching nope\n", 1},
		{"debian", "root", "dpkg -s nope", "dpkg-query: package 'nope' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n", 1},
		{"debian", "root", "dpkg -L nope", "dpkg-query: package 'nope' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n", 1},
		{"debian", "root", "dpkg -S /nope", "dpkg-query: no path found matching pattern /nope\n", 1},
		{"debian", "root", "dpkg -i nope.deb", "dpkg: error: cannot access archive 'nope.deb': No such file or directory\n", 2},
		{"debian", "admin", "dpkg -i nope.deb", "dpkg: error: requested operation requires superuser privilege\n", 2},
		{"debian", "root", "dpkg --frob 2>&1 | head -3", "dpkg: error: unknown option --frob\n" + noDpkg, 0},
		{"debian", "root", "dpkg -l bash", "Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n||/ Name           Version      Architecture Description\n+++-==============-============-============-=================================\nii  bash           5.2.15-2+b8  amd64        GNU Bourne Again SHell\n", 0},
		{"debian", "root", "dpkg -S /bin/ls", "coreutils: /bin/ls\n", 0},
		{"debian", "root", "dpkg --print-architecture", "amd64\n", 0},
		{"debian", "root", "dpkg --get-selections hostname", "hostname\t\t\t\t\tinstall\n", 0},
		{"debian", "root", "dpkg-query -W hostname nope", "hostname\t3.23+nmu1\ndpkg-query: no packages found matching nope\n", 1},
		{"debian", "root", "dpkg-query -W -f='${Package;-12}|${Version}\\n' bash", "bash        |5.2.15-2+b8\n", 0},
		{"debian", "root", "dpkg -r nope", "dpkg: warning: ignoring request to remove nope which isn't installed\n", 0},
		{"debian", "root", "dpkg-deb", "dpkg-deb: error: need an action option\n\nType dpkg-deb --help for help about manipulating *.deb files;\nType dpkg --help for help about installing and deinstalling packages.\n", 2},
		{"centos7", "root", "rpm -q nope", "package nope is not installed\n", 1},
		{"centos7", "root", "rpm -q bash", "bash-4.2.46-35.el7_9.x86_64\n", 0},
		{"centos7", "root", "rpm -qf /bin/ls", "coreutils-8.22-24.el7_9.2.x86_64\n", 0},
		{"centos7", "root", "rpm -e nope", "error: package nope is not installed\n", 1},
		{"centos7", "root", "rpm -ivh nope.rpm", "error: open of nope.rpm failed: No such file or directory\n", 1},
		{"centos7", "admin", "yum install nmap", "Loaded plugins: fastestmirror\nYou need to be root to perform this command.\n", 1},
		{"centos7", "root", "yum install -y nope", "Loaded plugins: fastestmirror\nLoading mirror speeds from cached hostfile\nNo package nope available.\nError: Nothing to do\n", 1},
		{"rocky9", "admin", "dnf install nmap", "Error: This command has to be run with superuser privileges (under the root user on most systems).\n", 1},
		{"rocky9", "root", "rpm -q --qf '%{NAME} %{ARCH}\\n' bash", "bash x86_64\n", 0},
		{"alpine", "root", "apk info -e busybox nope", "busybox\n", 1},
		{"alpine", "root", "apk frob", "apk: 'frob' is not an apk command. See 'apk --help'.\n", 1},
		{"alpine", "root", "apk info -W /bin/ls", "/bin/ls symlink target is owned by busybox-1.36.1-r15\n", 0},
	} {
		got, status := said(t, programtest.On(t, c.distro, c.user), c.line)
		if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
			t.Errorf("%s, %s: %s (%d, want %d)\n%s", c.distro, c.user, c.line, status, c.status, diff)
		}
	}
}

// What is installed is found, listed and gone again after its removal.
func TestInstalling(t *testing.T) {
	for _, c := range []struct{ distro, add, ask, del, want string }{
		{"debian", "apt-get install -y masscan", "dpkg -s masscan | sed -n 2p; grep -c '^Package: masscan$' /var/lib/dpkg/status", "apt-get purge -y masscan", "Status: install ok installed\n1\n"},
		{"ubuntu22", "apt-get -qq -y install socat", "dpkg-query -W -f='${Status}\\n' socat", "apt-get remove -qqy socat", "install ok installed\n"},
		{"centos7", "yum install -y tmux", "rpm -q tmux", "yum remove -y tmux", "tmux-1.8-4.el7.x86_64\n"},
		{"rocky9", "dnf -y install socat", "rpm -q socat", "rpm -e socat", "socat-1.7.4.1-5.el9.x86_64\n"},
		{"alpine", "apk add --no-cache socat", "apk info -e socat; grep -c '^P:socat$' /lib/apk/db/installed", "apk del socat", "socat\n1\n"},
	} {
		h := programtest.On(t, c.distro, "root")
		name := c.del[strings.LastIndexByte(c.del, ' ')+1:]
		if got, status := said(t, h, c.add); status != 0 {
			t.Errorf("%s: %s: %d\n%s", c.distro, c.add, status, got)
		}
		if got, _ := said(t, h, "command -v "+name+" >/dev/null && "+c.ask); got != c.want {
			t.Errorf("%s: %s: %q", c.distro, c.ask, got)
		}
		if got, _ := said(t, h, "head -c4 $(command -v "+name+") | od -An -c; cmp $(command -v "+name+") $(command -v "+name+") && echo same"); !strings.Contains(got, "177   E   L   F") || !strings.HasSuffix(got, "same\n") {
			t.Errorf("%s: %q", c.distro, got)
		}
		if got, status := said(t, h, c.del+"; command -v "+name); status == 0 {
			t.Errorf("%s: after %s: %s", c.distro, c.del, got)
		}
	}
}

// Without a name server nothing comes.
func TestNoNameServer(t *testing.T) {
	for distro, lines := range map[string][2]string{
		"debian": {"> /etc/resolv.conf; apt-get install -y masscan", "Temporary failure resolving 'deb.debian.org'\n"},
		"alpine": {"> /etc/resolv.conf; apk add socat", "temporary error (try again later)\n"},
		"rocky9": {"> /etc/resolv.conf; dnf -y install socat", "Could not resolve host: mirrors.rockylinux.org"},
	} {
		if got, status := said(t, programtest.On(t, distro, "root"), lines[0]); status == 0 || !strings.Contains(got, lines[1]) {
			t.Errorf("%s: %d %s", distro, status, got)
		}
	}
}

// The lists agree with the image's packages, which is where they come from.
func TestListsAreTheImages(t *testing.T) {
	for distro, line := range map[string]string{"debian": "dpkg-query -W -f '${Package} ${Version}\\n'", "ubuntu20": "dpkg-query -W -f '${Package} ${Version}\\n'", "centos7": "rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'", "fedora": "rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'", "alpine": "apk info -v"} {
		var want strings.Builder
		for _, p := range image.Packages(persona.Known(distro)) {
			want.WriteString(p.Name + map[bool]string{true: "-", false: " "}[distro == "alpine"] + p.Version + "\n")
		}
		got, _ := said(t, programtest.On(t, distro, "root"), line)
		if diff := cmp.Diff(want.String(), got); diff != "" {
			t.Errorf("%s: %s", distro, diff)
		}
	}
}

func TestVersionsAreOrdered(t *testing.T) {
	h := programtest.New(t, "root")
	for _, v := range []string{"1.0~rc1 lt 1.0", "1.0 lt 1.0-1", "1.10 gt 1.9", "1:0.1 gt 2.0", "1.0+b1 gt 1.0", "2.0 eq 2.00", "1.0a gt 1.0", "1.0-1 lt 1.0-1+deb12u1"} {
		if _, status := said(t, h, "dpkg --compare-versions "+v); status != 0 {
			t.Errorf("%s is said to be wrong", v)
		}
	}
}
