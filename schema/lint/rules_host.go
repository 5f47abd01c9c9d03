package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func hostRules() []Rule {
	return []Rule{
		{
			ID: "DN1001", Name: "os-contradicted", Severity: Error, Summary: "A service names another operating system than the decky's.", Check: osContradicted,
			Doc: Doc{
				Why: "nmap -sV prints the system that a banner names beside the one that the TCP/IP stack shows. An Ubuntu package of OpenSSH on a Windows host, or IIS on Linux, does not exist.",
				Fix: "Give the decky the os and distro that its services belong to, or leave the service's banner out, so that the distro's is used. Windows' own sshd says OpenSSH_for_Windows_8.1 or later.",
				Sources: []string{
					"Vetterl and Clayton, Bitter Harvest, WOOT 2018", "learn.microsoft.com: OpenSSH for Windows",
				},
			},
		},
		{
			ID: "DN1002", Name: "ssh-banner-of-another-distro", Severity: Warning, Summary: "An SSH banner is not the one of the decky's distribution.", Check: sshBanner,
			Doc: Doc{
				Why:     "Debian and Ubuntu put the revision of their package into the SSH identification, so it names the release exactly. After a login /etc/os-release names another one.",
				Fix:     "Leave banner out: the distro's own is used. For another version choose the distro that shipped it.",
				Sources: []string{"packages.debian.org/openssh-server", "packages.ubuntu.com/openssh-server"},
			},
		},
		{
			ID: "DN1003", Name: "end-of-life", Severity: Warning, Summary: "More than a third of the deckies run a release that gets no updates any more.", Check: endOfLifeInARow,
			Doc: Doc{
				Why:     "One forgotten machine is what every network has. A row of them, each with its well-known holes, is what a lure looks like.",
				Fix:     "Give most of the deckies a supported distro, and keep the old one where a story goes with it.",
				Sources: []string{"wiki.debian.org/LTS", "ubuntu.com/about/release-cycle", "alpinelinux.org/releases", "learn.microsoft.com/lifecycle"},
			},
		},
		{
			ID: "DN1004", Name: "kernel-of-another-distro", Severity: Error, Summary: "A kernel release or build is not of the decky's distribution.", Check: kernelDistro,
			Doc: Doc{
				Why:     "uname -a is the first command of most intruders; the release's ending names who built the kernel (-generic is Ubuntu, .el9 Enterprise Linux 9, -amd64 Debian).",
				Fix:     "Take kernel and build of the distro block from one machine of that distribution: uname -r and uname -v.",
				Sources: []string{"packages.debian.org/linux-image-amd64", "packages.ubuntu.com/linux-image-generic"},
			},
		},
		{
			ID: "DN1005", Name: "version-of-another-distro", Severity: Warning, Summary: "A service claims a version that the decky's distribution does not ship.", Check: versionDistro,
			Doc: Doc{
				Why:     "Distributions freeze versions: Debian 12 has nginx 1.22.1 and Redis 7.0.15 for its whole life. Two versions that never shipped together mean that somebody typed them.",
				Fix:     "Leave server or version out: the distro's packages decide. To show another version, choose the distro that has it.",
				Sources: []string{"packages.debian.org", "packages.ubuntu.com", "pkgs.alpinelinux.org"},
			},
		},
		{
			ID: "DN1006", Name: "distro-of-another-os", Severity: Warning, Summary: "A decky's OS family and its distro are different systems.", Check: osDistro,
			Doc: Doc{
				Why: "Kernel, build and package versions come from the distro, the TCP/IP stack from the OS family. Services that show the former (SSH, SNMP, SMB) contradict the latter.",
				Fix: "Choose a distro of the family, or declare one: distro \"win2019\" { title = \"Windows Server 2019 Standard\" ... }.",
			},
		},
	}
}

func claimRules() []Rule {
	return []Rule{
		{
			ID: "DN1007", Name: "service-of-another-os", Severity: Warning, Summary: "A decky offers a service that its operating system does not have.", Check: serviceOS,
			Doc: Doc{
				Why: "There is no Redis and no Docker API on a router, and RDP or LLMNR on a Linux server is rare enough to be looked at twice.",
				Fix: "Move the service to a decky of the right OS, or choose an archetype that has it.",
			},
		},
		{
			ID: "DN1009", Name: "many-systems", Severity: Error, Summary: "The services of one decky name different operating systems.", Check: manySystems,
			Doc: Doc{
				Why:     "A scan of one address that shows an Ubuntu SSH server beside a CentOS web server is either a port forwarder or a honeypot. Several systems on one host are a criterion of the published detectors.",
				Fix:     "Let all services of a decky take their versions from its distro.",
				Sources: []string{"shodan.io: Honeyscore", "Vetterl and Clayton, Bitter Harvest, WOOT 2018"},
			},
		},
		{
			ID: "DN1010", Name: "machine-of-another-kernel", Severity: Warning, Summary: "A machine type does not fit the architecture in the kernel's release.", Check: machineKernel,
			Doc: Doc{
				Why: "uname -r and uname -m stand in one line of uname -a.",
				Fix: "x86_64 goes with -amd64 or .x86_64, aarch64 with -arm64 or .aarch64. Copy both from one machine.",
			},
		},
		{
			ID: "DN1011", Name: "unreleased-version", Severity: Error, Summary: "An OpenSSH version was never released.", Check: unreleased,
			Doc: Doc{
				Why:     "Version scanners look the number up; one that is in no list is remembered.",
				Fix:     "Leave banner out, or take a version of the release notes. After 7.9 came 8.0, after 8.9 9.0.",
				Sources: []string{"openssh.com/releasenotes.html"},
			},
		},
		{
			ID: "DN1012", Name: "honeypot-default", Severity: Error, Summary: "A banner, name or account is the default of a well-known honeypot.", Check: honeypotDefaultRule,
			Doc: Doc{
				Why:     "Scanners and intruders' scripts know these texts by heart and leave.",
				Fix:     "Use the value of a real machine, or leave the argument out.",
				Sources: []string{"github.com/cowrie/cowrie etc/cowrie.cfg.dist", "github.com/desaster/kippo", "github.com/mushorg/conpot", "github.com/thinkst/opencanary"},
			},
		},
	}
}

// shown is a text that a service shows to clients, and the argument that says
// it ("" where it is the distro's).
func shown(s *Service) (text, argument string) {
	switch s.Slug {
	case "ssh":
		if banner := s.Arguments.Text("banner"); banner != "" {
			return banner, "banner"
		}
		return s.Decky.Host.Packages["openssh"], ""
	case "http", "https":
		if server := s.Arguments.Text("server"); server != "" {
			return server, "server"
		}
		return s.Decky.Host.Packages["nginx"], ""
	default:
		for _, name := range []string{"banner", "version"} {
			if text := s.Arguments.Text(name); text != "" {
				return text, name
			}
		}
		return "", ""
	}
}

func osContradicted(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			text, argument := shown(s)
			if named := systemIn(text); named != nil && !runs(d.Host.OS, named.family) {
				out = append(out, about(fmt.Sprintf("%s shows %s, which is %s; the decky's os is %s.", s.Slug, s.quote(argument, text), named.name, d.Host.OS), s.at(argument)))
			}
		}
	}
	return out
}

func sshBanner(f *Fleet) []Finding {
	return eachService(f, "banner", func(s *Service) string {
		banner, own := s.Arguments.Text("banner"), s.Decky.Host.Packages["openssh"]
		if s.Slug != "ssh" || banner == "" || own == "" || strings.TrimPrefix(banner, "SSH-2.0-") == own || !strings.Contains(banner, "OpenSSH") {
			return ""
		}
		return fmt.Sprintf("The banner is %s; the sshd of %s says %q.", s.quote("banner", banner), s.Decky.Host.Title, own)
	})
}

func endOfLifeInARow(f *Fleet) []Finding {
	var old []*Decky
	ends := map[string]string{}
	for _, d := range f.Deckies {
		if day := endOfLife(d.Host.Title); day != "" {
			old = append(old, d)
			ends[d.Host.Title] = day
		}
	}
	if len(old) < 2 || len(old)*3 <= len(f.Deckies) {
		return nil
	}
	var list []string
	for _, title := range slices.Sorted(maps.Keys(ends)) {
		list = append(list, title+" (since "+ends[title]+")")
	}
	return []Finding{among(fmt.Sprintf("%d of %d deckies run a release without updates: %s.", len(old), len(f.Deckies), strings.Join(list, ", ")), deckySubjects(old, "distro"))}
}

func kernelDistro(f *Fleet) []Finding {
	return each(f, "distro", func(d *Decky) string {
		for _, k := range kernelMarks {
			if !strings.HasPrefix(d.Host.Title, k.title) || d.Host.Kernel == "" {
				continue
			}
			if !slices.ContainsFunc(k.marks, func(mark string) bool { return strings.Contains(d.Host.Kernel, mark) }) {
				return fmt.Sprintf("The kernel %q is none of %s.", d.Host.Kernel, d.Host.Title)
			}
			for _, builder := range builders {
				if strings.Contains(d.Host.Build, builder) && !strings.HasPrefix(d.Host.Title, builder) {
					return fmt.Sprintf("The kernel's build %q is %s's; the decky runs %s.", d.Host.Build, builder, d.Host.Title)
				}
			}
		}
		return ""
	})
}

// claim is a product with its version in a text: "nginx/1.18.0 (Ubuntu)".
var claim = regexp.MustCompile(`^([A-Za-z][A-Za-z-]*)/(\d+(?:\.\d+)+)`)

// packageOf is a product's package in distro blocks.
var packageOf = map[string]string{"nginx": "nginx", "Apache": "apache", "redis": "redis", "lighttpd": "lighttpd"}

func versionDistro(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			product, version, argument := s.Slug, s.Arguments.Text("version"), "version"
			if m := claim.FindStringSubmatch(s.Arguments.Text("server")); m != nil {
				product, version, argument = m[1], m[2], "server"
			}
			own, _, _ := strings.Cut(d.Host.Packages[packageOf[product]], " ")
			if version != "" && own != "" && version != own {
				out = append(out, about(fmt.Sprintf("%s is claimed; the %s of %s is %s.", s.quote(argument, s.Arguments.Text(argument)), product, d.Host.Title, own), s.at(argument)))
			}
		}
	}
	return out
}

// linuxTitles begin the titles of Linux distributions.
var linuxTitles = []string{"Debian", "Ubuntu", "Kali", "CentOS", "Rocky", "AlmaLinux", "Red Hat", "Fedora", "Alpine", "Arch", "openSUSE", "SUSE"}

func osDistro(f *Fleet) []Finding {
	return each(f, "os", func(d *Decky) string {
		linux := slices.ContainsFunc(linuxTitles, func(t string) bool { return strings.HasPrefix(d.Host.Title, t) })
		windows := strings.HasPrefix(d.Host.Title, "Windows") || strings.HasPrefix(d.Host.Title, "Microsoft Windows")
		bsd := strings.Contains(d.Host.Title, "BSD")
		switch os := d.Host.OS; {
		case linux && !runs(os, "linux"), windows && !runs(os, "windows"), bsd && os != "bsd":
			return fmt.Sprintf("The os is %s, the distro %s.", os, d.Host.Title)
		default:
			return ""
		}
	})
}

// foreign are services that an OS family does not offer.
var foreign = map[string][]string{
	"windows":        {"redis", "docker_api", "k8s", "tftp", "conpot", "sip"},
	"windows_server": {"docker_api", "k8s", "conpot", "sip"},
	"linux":          {"rdp", "llmnr", "mssql"},
	"bsd":            {"rdp", "llmnr", "mssql", "docker_api", "k8s"},
	"embedded":       {"redis", "mysql", "postgres", "mssql", "mongodb", "elasticsearch", "rdp", "llmnr", "ldap", "docker_api", "k8s"},
	"cisco":          {"redis", "mysql", "postgres", "mssql", "mongodb", "elasticsearch", "rdp", "llmnr", "ldap", "smb", "docker_api", "k8s", "smtp", "imap", "pop3", "mqtt", "vnc"},
}

func serviceOS(f *Fleet) []Finding {
	return eachService(f, "", func(s *Service) string {
		if slices.Contains(foreign[s.Decky.Host.OS], s.Slug) {
			return fmt.Sprintf("%s on a decky whose os is %s.", s.Slug, s.Decky.Host.OS)
		}
		return ""
	})
}

func manySystems(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		var names []string
		var subjects []Subject
		for _, s := range d.Services {
			text, argument := shown(s)
			if named := systemIn(text); named != nil && !slices.Contains(names, named.name) {
				names = append(names, named.name)
				subjects = append(subjects, s.at(argument))
			}
		}
		if len(names) > 1 {
			slices.Sort(names)
			out = append(out, among("The services name "+strings.Join(names, " and ")+".", subjects))
		}
	}
	return out
}

// architectures by what a kernel's release carries.
var architectures = []struct{ mark, machine string }{
	{"amd64", "x86_64"}, {"x86_64", "x86_64"}, {"arm64", "aarch64"}, {"aarch64", "aarch64"}, {"-686", "i686"}, {"armmp", "armv7l"},
}

func machineKernel(f *Fleet) []Finding {
	return each(f, "distro", func(d *Decky) string {
		for _, a := range architectures {
			if strings.Contains(d.Host.Kernel, a.mark) && d.Host.Machine != a.machine {
				return fmt.Sprintf("The kernel %q is one of %s, the machine is %s.", d.Host.Kernel, a.machine, d.Host.Machine)
			}
		}
		return ""
	})
}

var openSSH = regexp.MustCompile(`OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)`)

func unreleased(f *Fleet) []Finding {
	return eachService(f, "banner", func(s *Service) string {
		text, argument := shown(s)
		m := openSSH.FindStringSubmatch(text)
		if s.Slug != "ssh" || m == nil {
			return ""
		}
		major, _ := strconv.Atoi(m[1])
		minor, err := strconv.Atoi(m[2])
		if last, known := newestOpenSSH[major]; err == nil && (!known || minor <= last) && major < 20 {
			return ""
		}
		return fmt.Sprintf("%s was never released.", s.quote(argument, m[0]))
	})
}

func honeypotDefaultRule(f *Fleet) []Finding {
	out := each(f, "hostname", func(d *Decky) string {
		if whose := honeypotNames[strings.ToLower(short(d.Host.Hostname))]; whose != "" {
			return fmt.Sprintf("%s is the host name that %s has by default.", d.Host.Hostname, whose)
		}
		return ""
	})
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			for _, name := range s.Arguments.Names() {
				text := strings.ToLower(s.Arguments.Text(name))
				for _, known := range honeypotDefaults {
					if text != "" && (strings.TrimPrefix(text, "ssh-2.0-") == known.text || strings.HasPrefix(known.whose, "Conpot") && strings.Contains(text, known.text)) {
						out = append(out, about(fmt.Sprintf("%s is a default of %s.", name, known.whose), s.at(name)))
					}
				}
			}
			for user := range s.Arguments.Map("users") {
				if whose := honeypotUsers[user]; whose != "" {
					out = append(out, about(fmt.Sprintf("One of the users is an account that %s has by default.", whose), s.at("users")))
				}
			}
		}
	}
	return out
}

// short is a host name without its domain.
func short(hostname string) string {
	name, _, _ := strings.Cut(hostname, ".")
	return name
}
