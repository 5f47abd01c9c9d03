package persona

import "github.com/decnet/decnet/providers/decky"

// Release is the operating system that a host runs, as its files name it.
type Release struct {
	Slug   string // of the distro: "ubuntu22"; of the family where that is not linux
	Family string // packaging: "debian", "rhel", "alpine", "arch"; else the OS family
	// As os-release(5) has them.
	ID, IDLike, Name, Pretty, Version, VersionID, Codename string
	// Kernel, Build and Machine are uname's -r, -v and -m; Builder is what
	// /proc/version says between them.
	Kernel, Build, Machine, Builder string
	System                          string // uname -s
	Init                            string // "systemd", "openrc"; "" where there is neither
	Libc                            string // "glibc", "musl", "uclibc"; "" where there is none
	Shell                           string // login shell of root
	Merged                          bool   // /bin is a link into /usr
	// Serving is what of the host's services is installed beside the release's
	// own packages, as image.Serving writes it; "" for nothing.
	Serving string
}

// releases are the distributions; facts are those of their own os-release and
// of uname and /proc/version of the kernels that modules/distros names.
var releases = map[string]Release{
	"debian": {
		Family: "debian", ID: "debian", Name: "Debian GNU/Linux", Pretty: "Debian GNU/Linux 12 (bookworm)", Version: "12 (bookworm)", VersionID: "12", Codename: "bookworm",
		Kernel: "6.1.0-28-amd64", Build: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)",
		Builder: "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"ubuntu22": {
		Family: "debian", ID: "ubuntu", IDLike: "debian", Name: "Ubuntu", Pretty: "Ubuntu 22.04.5 LTS", Version: "22.04.5 LTS (Jammy Jellyfish)", VersionID: "22.04", Codename: "jammy",
		Kernel: "5.15.0-130-generic", Build: "#140-Ubuntu SMP Wed Dec 18 17:59:53 UTC 2024",
		Builder: "(buildd@lcy02-amd64-093) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld (GNU Binutils for Ubuntu) 2.38)",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"ubuntu20": {
		Family: "debian", ID: "ubuntu", IDLike: "debian", Name: "Ubuntu", Pretty: "Ubuntu 20.04.6 LTS", Version: "20.04.6 LTS (Focal Fossa)", VersionID: "20.04", Codename: "focal",
		Kernel: "5.4.0-204-generic", Build: "#224-Ubuntu SMP Thu Dec 5 13:38:28 UTC 2024",
		Builder: "(buildd@lcy02-amd64-080) (gcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2))",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"kali": {
		Family: "debian", ID: "kali", IDLike: "debian", Name: "Kali GNU/Linux", Pretty: "Kali GNU/Linux Rolling", Version: "2024.4", VersionID: "2024.4", Codename: "kali-rolling",
		Kernel: "6.11.2-amd64", Build: "#1 SMP PREEMPT_DYNAMIC Kali 6.11.2-1kali1 (2024-10-15)",
		Builder: "(devel@kali.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-6) 14.2.0, GNU ld (GNU Binutils for Debian) 2.43.1)",
		Init:    "systemd", Libc: "glibc", Shell: "/usr/bin/zsh", Merged: true,
	},
	"centos7": {
		Family: "rhel", ID: "centos", IDLike: "rhel fedora", Name: "CentOS Linux", Pretty: "CentOS Linux 7 (Core)", Version: "7 (Core)", VersionID: "7",
		Kernel: "3.10.0-1160.119.1.el7.x86_64", Build: "#1 SMP Tue Jun 4 14:43:51 UTC 2024",
		Builder: "(mockbuild@kbuilder.bsys.centos.org) (gcc version 4.8.5 20150623 (Red Hat 4.8.5-44) (GCC) )",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"rocky9": {
		Family: "rhel", ID: "rocky", IDLike: "rhel centos fedora", Name: "Rocky Linux", Pretty: "Rocky Linux 9.5 (Blue Onyx)", Version: "9.5 (Blue Onyx)", VersionID: "9.5",
		Kernel: "5.14.0-503.14.1.el9_5.x86_64", Build: "#1 SMP PREEMPT_DYNAMIC Fri Nov 15 12:04:32 UTC 2024",
		Builder: "(mockbuild@iad1-prod-build001.bld.equ.rockylinux.org) (gcc (GCC) 11.5.0 20240719 (Red Hat 11.5.0-2), GNU ld version 2.35.2-54.el9)",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"fedora": {
		Family: "rhel", ID: "fedora", Name: "Fedora Linux", Pretty: "Fedora Linux 40 (Server Edition)", Version: "40 (Server Edition)", VersionID: "40",
		Kernel: "6.8.5-301.fc40.x86_64", Build: "#1 SMP PREEMPT_DYNAMIC Thu Apr 11 20:00:10 UTC 2024",
		Builder: "(mockbuild@bkernel01.iad2.fedoraproject.org) (gcc (GCC) 14.0.1 20240411 (Red Hat 14.0.1-0), GNU ld version 2.41-34.fc40)",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
	"alpine": {
		Family: "alpine", ID: "alpine", Name: "Alpine Linux", Pretty: "Alpine Linux v3.19", VersionID: "3.19.0",
		Kernel: "6.6.7-0-lts", Build: "#1-Alpine SMP PREEMPT_DYNAMIC Thu, 14 Dec 2023 08:45:40 +0000",
		Builder: "(buildozer@build-3-19-x86_64) (gcc (Alpine 13.2.1_git20231014) 13.2.1 20231014, GNU ld (GNU Binutils) 2.41)",
		Init:    "openrc", Libc: "musl", Shell: "/bin/ash",
	},
	"arch": {
		Family: "arch", ID: "arch", Name: "Arch Linux", Pretty: "Arch Linux",
		Kernel: "6.12.1-arch1-1", Build: "#1 SMP PREEMPT_DYNAMIC Fri, 22 Nov 2024 16:04:27 +0000",
		Builder: "(linux@archlinux) (gcc (GCC) 14.2.1 20240910, GNU ld (GNU Binutils) 2.43.0)",
		Init:    "systemd", Libc: "glibc", Shell: "/bin/bash", Merged: true,
	},
}

// others are the families that are no Linux distribution: one release each that
// is common in the field.
var others = map[string]Release{
	"windows":        {ID: "windows", Name: "Microsoft Windows 10 Pro", Pretty: "Microsoft Windows 10 Pro", Version: "10.0.19045", VersionID: "22H2", Kernel: "10.0.19045", Build: "19045", Machine: "AMD64", System: "Windows_NT"},
	"windows_server": {ID: "windows", Name: "Microsoft Windows Server 2019 Standard", Pretty: "Microsoft Windows Server 2019 Standard", Version: "10.0.17763", VersionID: "1809", Kernel: "10.0.17763", Build: "17763", Machine: "AMD64", System: "Windows_NT"},
	"bsd":            {ID: "freebsd", Name: "FreeBSD", Pretty: "FreeBSD 13.2-RELEASE", Version: "13.2-RELEASE", VersionID: "13.2", Kernel: "13.2-RELEASE", Build: "FreeBSD 13.2-RELEASE releng/13.2-n254617-525ecfdad597 GENERIC", Machine: "amd64", System: "FreeBSD", Shell: "/bin/csh"},
	"embedded":       {ID: "linux", Name: "Linux", Pretty: "Linux", Version: "3.10.14", Kernel: "3.10.14", Build: "#1 Fri Mar 15 10:12:44 CST 2019", Builder: "(builder@build-server) (gcc version 4.8.5 (Buildroot 2014.11))", Machine: "mips", System: "Linux", Libc: "uclibc", Shell: "/bin/sh"},
	"cisco":          {ID: "ios", Name: "Cisco IOS Software", Pretty: "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(4)E7, RELEASE SOFTWARE (fc2)", Version: "15.2(4)E7", VersionID: "15.2", Kernel: "15.2(4)E7", Build: "Compiled Tue 18-Sep-18 13:20 by prod_rel_team", Machine: "APM86XXX", System: "IOS"},
}

// Distros lists the slugs of the distributions that are known in full.
func Distros() []string {
	return []string{"alpine", "arch", "centos7", "debian", "fedora", "kali", "rocky9", "ubuntu20", "ubuntu22"}
}

// releaseOf is what host runs: the table's row with what the configuration says
// otherwise. A distro that is not in the table is named as it names itself and
// else is Debian.
func releaseOf(host decky.Host) Release {
	if r, ok := others[host.OS]; ok {
		r.Slug, r.Family = host.OS, host.OS
		return r
	}
	slug := host.Distro
	r, known := releases[slug]
	if !known {
		slug, r = "debian", releases["debian"]
	}
	r.Slug, r.System, r.Machine = slug, "Linux", "x86_64"
	if host.Title != "" {
		r.Pretty = host.Title
	}
	for field, value := range map[*string]string{&r.Kernel: host.Kernel, &r.Build: host.Build, &r.Machine: host.Machine} {
		if value != "" {
			*field = value
		}
	}
	return r
}

// Known is the table's own release of a distribution, Debian's for an unknown
// slug.
func Known(slug string) Release {
	return releaseOf(decky.Host{Distro: slug})
}
