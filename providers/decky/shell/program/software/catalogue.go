package software

import (
	_ "embed"
	"hash/fnv"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// available are packages of Debian 12's archive that people install: name,
// version, section, KiB installed, KiB to fetch, summary, what comes with it,
// programs. Facts of the archive's index.
//
//go:embed data/available.txt
var available string

// pack is a package as its manager knows it.
type pack struct {
	name, version, arch, section, summary string
	size, fetch                           int // KiB
	deps, programs                        []string
	fields                                string // the rest of dpkg's stanza
}

var catalogue = sync.OnceValue(func() []pack {
	var out []pack
	for line := range strings.Lines(available) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 8 {
			continue
		}
		size, _ := strconv.Atoi(f[3])
		fetch, _ := strconv.Atoi(f[4])
		out = append(out, pack{name: f[0], version: f[1], section: f[2], summary: f[5], size: size, fetch: max(fetch, 3), deps: strings.Fields(f[6]), programs: strings.Fields(f[7])})
	}
	return out
})

// elsewhere are names that other families give to Debian's packages, "-" where
// they have none.
var elsewhere = map[string]map[string]string{
	"rhel":   {"dnsutils": "bind-utils", "bind9-dnsutils": "-", "netcat-openbsd": "nmap-ncat", "netcat-traditional": "-", "cron": "cronie", "build-essential": "-", "apache2": "httpd", "python3-dev": "python3-devel", "libssl-dev": "openssl-devel", "docker.io": "-", "golang-go": "golang", "xxd": "vim-common", "vim": "vim-enhanced", "openssh-client": "openssh-clients", "redis-server": "redis", "redis-tools": "-", "gnupg": "gnupg2", "iftop": "-", "tor": "-", "hydra": "-", "masscan": "-", "proxychains4": "-", "john": "-", "zmap": "-", "sshpass": "sshpass", "inetutils-telnet": "-", "apt-transport-https": "-", "software-properties-common": "-", "lsb-release": "-", "aptitude": "-", "p7zip-full": "p7zip", "mtr-tiny": "mtr", "auditd": "audit", "libpcap-dev": "libpcap-devel", "debconf-utils": "-", "ufw": "-", "dropbear-bin": "dropbear"},
	"alpine": {"dnsutils": "bind-tools", "bind9-dnsutils": "-", "cron": "-", "build-essential": "build-base", "netcat-traditional": "-", "docker.io": "docker", "golang-go": "go", "python3-pip": "py3-pip", "php-cli": "php82", "libssl-dev": "openssl-dev", "redis-server": "redis", "redis-tools": "-", "telnet": "-", "inetutils-telnet": "-", "apt-transport-https": "-", "software-properties-common": "-", "lsb-release": "-", "aptitude": "-", "p7zip-full": "7zip", "debconf-utils": "-", "gcc": "gcc", "proxychains4": "proxychains-ng", "openssh-client": "openssh-client-default", "at": "at", "mtr-tiny": "mtr"},
	"arch":   {"dnsutils": "bind", "bind9-dnsutils": "-", "netcat-openbsd": "openbsd-netcat", "netcat-traditional": "-", "cron": "cronie", "build-essential": "base-devel", "apache2": "apache", "docker.io": "docker", "golang-go": "go", "python3-pip": "python-pip", "libssl-dev": "-", "redis-server": "valkey", "proxychains4": "proxychains-ng", "apt-transport-https": "-", "software-properties-common": "-", "aptitude": "-", "debconf-utils": "-", "telnet": "-", "inetutils-telnet": "inetutils"},
}

// newer are versions of the other distributions that differ from Debian's; the
// rest is made of Debian's upstream version and not verified.
var newer = map[string]map[string]string{
	"ubuntu22": {"git": "1:2.34.1-1ubuntu1.11", "nmap": "7.91+dfsg1+really7.80+dfsg1-2ubuntu0.1", "screen": "4.9.0-1", "tmux": "3.2a-4ubuntu0.2", "htop": "3.0.5-7build2", "net-tools": "1.60+git20181103.0eebece-1ubuntu5", "gcc": "4:11.2.0-1ubuntu1", "make": "4.3-4.1build1", "unzip": "6.0-26ubuntu3.2", "zip": "3.0-12build2", "jq": "1.6-2.1ubuntu3", "socat": "1.7.4.1-3ubuntu4", "python3-pip": "22.0.2+dfsg-1ubuntu0.4", "docker.io": "24.0.7-0ubuntu2~22.04.1", "masscan": "2:1.3.2+ds1-1", "tcpdump": "4.99.1-3ubuntu0.2", "build-essential": "12.9ubuntu3", "hydra": "9.2-1ubuntu1", "sshpass": "1.09-1", "tor": "0.4.6.10-1"},
	"ubuntu20": {"git": "1:2.25.1-1ubuntu3.13", "nmap": "7.80+dfsg1-2build1", "screen": "4.8.0-1ubuntu0.1", "tmux": "3.0a-2ubuntu0.4", "htop": "2.2.0-2build1", "net-tools": "1.60+git20180626.aebd88e-1ubuntu1", "gcc": "4:9.3.0-1ubuntu2", "make": "4.2.1-1.2", "unzip": "6.0-25ubuntu1.2", "zip": "3.0-11build1", "jq": "1.6-1ubuntu0.20.04.1", "socat": "1.7.3.3-2", "python3-pip": "20.0.2-5ubuntu1.11", "docker.io": "24.0.7-0ubuntu2~20.04.1", "build-essential": "12.8ubuntu1.1"},
	"centos7":  {"git": "1.8.3.1-25.el7_9", "nmap": "6.40-19.el7", "screen": "4.1.0-0.27.20120314git3c2946.el7_9", "tmux": "1.8-4.el7", "net-tools": "2.0-0.25.20131004git.el7", "gcc": "4.8.5-44.el7", "make": "3.82-24.el7", "unzip": "6.0-24.el7_9", "zip": "3.0-11.el7", "socat": "1.7.3.2-2.el7", "tcpdump": "4.9.2-4.el7_7.1", "wget": "1.14-18.el7_6.1", "bind-utils": "9.11.4-26.P2.el7_9.16", "telnet": "0.17-66.el7", "vim-enhanced": "7.4.629-8.el7_9", "lsof": "4.87-6.el7", "nmap-ncat": "6.40-19.el7", "strace": "4.24-7.el7_9", "ntpdate": "4.2.6p5-29.el7.centos.2", "psmisc": "22.20-17.el7", "perl": "5.16.3-299.el7_9", "iptables": "1.4.21-35.el7", "expect": "5.45-14.el7_1"},
	"rocky9":   {"git": "2.43.5-2.el9_5", "nmap": "7.92-3.el9", "tmux": "3.2a-5.el9", "net-tools": "2.0-0.64.20160912git.el9", "gcc": "11.5.0-5.el9_5", "make": "4.3-8.el9", "unzip": "6.0-57.el9", "zip": "3.0-35.el9", "socat": "1.7.4.1-5.el9", "tcpdump": "4.99.0-9.el9", "wget": "1.21.1-8.el9_4", "bind-utils": "9.16.23-24.el9_5", "telnet": "0.17-85.el9", "vim-enhanced": "8.2.2637-21.el9", "lsof": "4.94.0-3.el9", "nmap-ncat": "7.92-3.el9", "jq": "1.6-17.el9", "python3-pip": "21.3.1-1.el9", "perl": "5.32.1-481.el9"},
	"fedora":   {"git": "2.45.2-2.fc40", "nmap": "7.92-5.fc40", "tmux": "3.4-1.fc40", "net-tools": "2.0-0.70.20160912git.fc40", "gcc": "14.1.1-7.fc40", "unzip": "6.0-63.fc40", "wget": "2.1.0-8.fc40", "htop": "3.3.0-2.fc40", "screen": "4.9.1-2.fc40"},
	"alpine":   {"git": "2.43.0-r0", "nmap": "7.94-r0", "screen": "4.9.1-r0", "tmux": "3.3a-r5", "htop": "3.2.2-r1", "net-tools": "2.10-r3", "gcc": "13.2.1_git20231014-r0", "make": "4.4.1-r2", "unzip": "6.0-r14", "zip": "3.0-r12", "jq": "1.7.1-r0", "socat": "1.8.0.0-r0", "python3": "3.11.6-r1", "py3-pip": "23.3.1-r0", "bash": "5.2.21-r0", "build-base": "0.5-r3", "bind-tools": "9.18.19-r1", "wget": "1.21.4-r0", "docker": "24.0.7-r0", "tcpdump": "4.99.4-r1", "masscan": "1.3.2-r3", "iptables": "1.8.10-r3", "rsync": "3.2.7-r4", "perl": "5.38.2-r0", "sudo": "1.9.15_p2-r0", "openssh-client-default": "9.6_p1-r0"},
}

// offered are the packages of the release's archive that are not part of the
// image.
func offered(c *program.Call) []pack {
	r := c.Machine.Release
	var out []pack
	for _, p := range catalogue() {
		if name, ok := elsewhere[r.Family][p.name]; ok {
			if name == "-" {
				continue
			}
			p.name = name
		} else if r.Family != "debian" && (strings.HasPrefix(p.name, "lib") || strings.HasSuffix(p.name, "-dev") || strings.HasPrefix(p.name, "python3-")) {
			continue
		}
		p.version = versionIn(r, p)
		p.arch = architecture(r)
		if r.Family != "debian" {
			p.deps = nil
			for i, path := range p.programs {
				if !r.Merged {
					continue
				}
				p.programs = slices.Clone(p.programs)
				p.programs[i] = strings.Replace(strings.Replace(path, "/usr/sbin/", map[bool]string{true: "/usr/bin/", false: "/usr/sbin/"}[r.Family == "arch"], 1), "/usr/usr", "/usr", 1)
			}
		}
		out = append(out, p)
	}
	if r.Family == "rhel" && r.Slug != "fedora" {
		major := strings.SplitN(r.VersionID, ".", 2)[0]
		out = append(out, pack{name: "epel-release", version: map[string]string{"7": "7-14", "9": "9-7.el9"}[major], arch: "noarch", section: "base", size: 24, fetch: 18, summary: "Extra Packages for Enterprise Linux repository configuration"})
	}
	if r.Family == "alpine" {
		out = append(out, pack{name: "bash", version: "5.2.21-r0", arch: architecture(r), section: "shells", size: 1240, fetch: 462, summary: "The GNU Bourne Again shell", programs: []string{"/bin/bash"}})
	}
	return out
}

// versionIn is a package's version in a release.
func versionIn(r persona.Release, p pack) string {
	if v := newer[r.Slug][p.name]; v != "" {
		return v
	}
	if r.Slug == "debian" || r.Slug == "kali" {
		return p.version
	}
	v := p.version
	if i := strings.IndexByte(v, ':'); i >= 0 && r.Family != "debian" {
		v = v[i+1:]
	}
	if r.Family != "debian" {
		v = strings.FieldsFunc(v+"-", func(c rune) bool { return c == '-' || c == '+' || c == '~' })[0]
	}
	n := 1 + hash(p.name)%4
	switch r.Slug {
	case "ubuntu20", "ubuntu22":
		return strings.Split(v, "+deb")[0] + "ubuntu" + strconv.Itoa(int(n))
	case "centos7":
		return v + "-" + strconv.Itoa(int(n)) + ".el7"
	case "rocky9":
		return v + "-" + strconv.Itoa(int(n)) + ".el9"
	case "fedora":
		return v + "-" + strconv.Itoa(int(n)) + ".fc40"
	case "alpine":
		return v + "-r" + strconv.Itoa(int(n-1))
	}
	return v + "-" + strconv.Itoa(int(n))
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// architecture is the machine's in its package manager's words.
func architecture(r persona.Release) string {
	if r.Family != "debian" {
		return r.Machine
	}
	return map[string]string{"aarch64": "arm64", "armv7l": "armhf", "i686": "i386"}[r.Machine] + map[bool]string{true: "amd64"}[r.Machine == "x86_64"]
}

// find is the package of a name.
func find(list []pack, name string) (pack, bool) {
	name, _, _ = strings.Cut(name, ":")
	name, _, _ = strings.Cut(name, "=")
	i := slices.IndexFunc(list, func(p pack) bool { return p.name == name })
	if i < 0 {
		return pack{}, false
	}
	return list[i], true
}

// known are the packages that the archive has: what is installed at first, and
// more.
func known(c *program.Call) []pack {
	out := offered(c)
	have := map[string]bool{}
	for _, p := range out {
		have[p.name] = true
	}
	for _, p := range image.Packages(c.Machine.Release) {
		if !have[p.Name] {
			out = append(out, shipped(c.Machine.Release, p))
		}
	}
	base := map[string]string{}
	for _, p := range image.Packages(c.Machine.Release) {
		base[p.Name] = p.Version
	}
	for i, p := range out {
		if v := base[p.name]; v != "" {
			out[i].version = v
		}
	}
	slices.SortFunc(out, func(a, b pack) int { return strings.Compare(a.name, b.name) })
	return out
}

// shipped is a package of the image.
func shipped(r persona.Release, p image.Package) pack {
	return pack{name: p.Name, version: p.Version, arch: image.Architecture(r, p), section: "misc", summary: p.Summary, size: p.Size, fetch: max(p.Size/4, 4)}
}

// like tells whether a name fits one of the patterns.
func like(name string, patterns []string) bool {
	for _, p := range patterns {
		p, _, _ = strings.Cut(p, ":")
		if ok, err := path.Match(p, name); err == nil && ok {
			return true
		}
	}
	return len(patterns) == 0
}
