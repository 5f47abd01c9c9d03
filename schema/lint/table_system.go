package lint

import "strings"

// system is an operating system as its texts show it.
type system struct {
	name   string
	family string // "linux", "windows", "bsd"
	marks  []string
}

// systems are what banners and server names say, most telling first: Ubuntu's
// and Raspbian's packages name Debian nowhere.
var systems = []system{
	{"Ubuntu", "linux", []string{"Ubuntu"}},
	{"Raspberry Pi OS", "linux", []string{"Raspbian"}},
	{"Debian", "linux", []string{"Debian"}},
	{"Red Hat", "linux", []string{"Red Hat", "RHEL"}},
	{"CentOS", "linux", []string{"CentOS"}},
	{"Fedora", "linux", []string{"Fedora"}},
	{"AlmaLinux", "linux", []string{"AlmaLinux"}},
	{"Rocky Linux", "linux", []string{"Rocky"}},
	{"FreeBSD", "bsd", []string{"FreeBSD"}},
	{"Windows", "windows", []string{"for_Windows", "Microsoft", "Win32", "Win64"}},
}

// systemIn is the system that a text names, or nil.
func systemIn(text string) *system {
	for i := range systems {
		for _, mark := range systems[i].marks {
			if strings.Contains(text, mark) {
				return &systems[i]
			}
		}
	}
	return nil
}

// runs tells whether a decky's OS family can be of a system's family.
func runs(os, family string) bool {
	switch family {
	case "windows":
		return os == "windows" || os == "windows_server"
	case "linux": // printers, cameras and controllers run it, too
		return os == "linux" || os == "embedded"
	default:
		return os == family
	}
}

// release is a distribution or system by the beginning of its title.
type release struct {
	title string
	// ended is the day after which its maker gives no free updates, "" while it
	// does.
	ended string
}

// tableDate is the day that the ends of life below are compared with, so that
// the same configuration is judged the same on every day.
const tableDate = "2026-11-01"

// releases is from the makers' life cycle pages: wiki.debian.org/LTS,
// ubuntu.com/about/release-cycle (standard support), centos.org,
// wiki.rockylinux.org/rocky/version, alpinelinux.org/releases,
// docs.fedoraproject.org/en-US/releases/eol, learn.microsoft.com/lifecycle,
// freebsd.org/security/unsupported.
var releases = []release{
	{"Debian GNU/Linux 8 ", "2020-06-30"}, {"Debian GNU/Linux 9 ", "2022-06-30"}, {"Debian GNU/Linux 10 ", "2024-06-30"},
	{"Debian GNU/Linux 11 ", "2026-08-31"}, {"Debian GNU/Linux 12 ", "2028-06-30"},
	{"Ubuntu 14.04", "2019-04-25"}, {"Ubuntu 16.04", "2021-04-30"}, {"Ubuntu 18.04", "2023-05-31"}, {"Ubuntu 20.04", "2025-05-31"},
	{"Ubuntu 22.04", "2027-04-30"}, {"Ubuntu 24.04", "2029-05-31"},
	{"CentOS Linux 6", "2020-11-30"}, {"CentOS Linux 7", "2024-06-30"}, {"CentOS Linux 8", "2021-12-31"},
	{"Rocky Linux 8", "2029-05-31"}, {"Rocky Linux 9", "2032-05-31"},
	{"Alpine Linux v3.16", "2024-05-23"}, {"Alpine Linux v3.17", "2024-11-22"}, {"Alpine Linux v3.18", "2025-05-09"}, {"Alpine Linux v3.19", "2025-11-01"},
	{"Fedora Linux 38", "2024-05-21"}, {"Fedora Linux 39", "2024-11-26"}, {"Fedora Linux 40", "2025-05-13"},
	{"Windows 7", "2020-01-14"}, {"Windows 8.1", "2023-01-10"}, {"Windows 10", "2025-10-14"},
	{"Windows Server 2008", "2020-01-14"}, {"Windows Server 2012", "2023-10-10"}, {"Windows Server 2016", "2027-01-12"}, {"Windows Server 2019", "2029-01-09"},
	{"FreeBSD 12", "2023-12-31"}, {"FreeBSD 13", "2026-04-30"},
}

// endOfLife is the day a title's support ended, "" where it did not or the
// title is not known.
func endOfLife(title string) string {
	for _, r := range releases {
		if strings.HasPrefix(title, r.title) && r.ended < tableDate {
			return r.ended
		}
	}
	return ""
}

// kernelMark is what a distribution's kernels carry in their release.
type kernelMark struct {
	title string
	marks []string
}

// kernelMarks is from the distributions' kernel packages; several list their
// cloud flavours.
var kernelMarks = []kernelMark{
	{"Debian", []string{"-amd64", "-arm64", "-686", "-armmp", "-rpi"}},
	{"Ubuntu", []string{"-generic", "-lowlatency", "-aws", "-azure", "-gcp", "-kvm", "-oracle", "-raspi", "-virtual"}},
	{"Kali", []string{"-amd64", "-arm64"}},
	{"CentOS Linux 7", []string{".el7"}},
	{"CentOS Linux 8", []string{".el8"}},
	{"Rocky Linux 8", []string{".el8"}},
	{"Rocky Linux 9", []string{".el9"}},
	{"AlmaLinux 8", []string{".el8"}},
	{"AlmaLinux 9", []string{".el9"}},
	{"Fedora", []string{".fc"}},
	{"Alpine", []string{"-lts", "-virt", "-rpi", "-edge"}},
	{"Arch", []string{"-arch", "-lts", "-zen", "-hardened"}},
}

// builders are words of a kernel's build that only one distribution's has.
var builders = []string{"Ubuntu", "Debian", "Kali", "Alpine"}

// newestOpenSSH is the last minor release of each major one that this table
// knows (openssh.com/releasenotes.html); a major one that is missing is not
// judged.
var newestOpenSSH = map[int]int{3: 9, 4: 9, 5: 9, 6: 9, 7: 9, 8: 9, 9: 9}

// honeypotDefault is a value that a honeypot has when nobody changes it.
type honeypotDefault struct {
	text  string // lower case
	whose string
}

// honeypotDefaults: cowrie/cowrie etc/cowrie.cfg.dist and honeyfs, Kippo's
// kippo.cfg.dist, Kojoney, OpenCanary's opencanary.conf, Conpot's default
// template.
var honeypotDefaults = []honeypotDefault{
	{"openssh_6.0p1 debian-4+deb7u2", "Cowrie"}, {"openssh_5.1p1 debian-5", "Kippo and Kojoney"}, {"openssh_5.1p1 debian-4", "OpenCanary"},
	{"apache/2.2.22 (ubuntu)", "OpenCanary"}, {"mouser factory", "Conpot"}, {"technodrome", "Conpot"}, {"88111222", "Conpot"},
}

// honeypotNames are host names of the same sources.
var honeypotNames = map[string]string{"svr04": "Cowrie", "svr03": "Kippo", "nas3": "Kippo", "technodrome": "Conpot", "opencanary-1": "OpenCanary"}

// honeypotUsers are accounts of the same sources.
var honeypotUsers = map[string]string{"phil": "Cowrie", "richard": "Kippo"}
