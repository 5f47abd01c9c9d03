package image

import (
	"crypto/md5"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// databases puts what the package manager remembers.
func (b *builder) databases() {
	packages := Packages(b.r)
	switch b.r.Family {
	case "debian":
		var status strings.Builder
		for _, p := range packages {
			status.WriteString(stanza(b.r, p))
			b.file("/var/lib/dpkg/info/"+p.Name+".list", 0o644, Text(b.listOf(p)))
			b.file("/var/lib/dpkg/info/"+p.Name+".md5sums", 0o644, Text(b.sums(p)))
		}
		b.file("/var/lib/dpkg/status", 0o644, Text(status.String()))
		b.file("/var/lib/dpkg/status-old", 0o644, Text(status.String()))
		b.file("/var/lib/dpkg/arch", 0o644, Text(debianArch(b.r.Machine)+"\n"))
		b.file("/var/lib/dpkg/info/format", 0o644, Text("1\n"))
		for _, n := range []string{"available", "diversions", "lock", "lock-frontend", "statoverride"} {
			b.file("/var/lib/dpkg/"+n, 0o644, Text(""))
		}
		b.file("/var/lib/apt/extended_states", 0o644, Text(""))
		b.blob("/var/cache/apt/pkgcache.bin", 0o644, 38_000_000+int64(hash(b.slug)%900000))
		b.blob("/var/cache/apt/srcpkgcache.bin", 0o644, 37_900_000+int64(hash(b.slug)%900000))
		b.sources()
	case "rhel":
		names := []string{"rpmdb.sqlite"}
		if b.slug == "centos7" {
			names = strings.Fields("Basenames Conflictname Dirnames Group Installtid Name Obsoletename Packages Providename Requirename Sha1header Sigmd5 Triggername __db.001 __db.002 __db.003")
		}
		dir := "/var/lib/rpm/"
		if b.slug == "fedora" {
			dir = "/usr/lib/sysimage/rpm/"
		}
		for _, n := range names {
			b.blob(dir+n, 0o644, int64(8192*(3+hash(n)%120)))
		}
		b.repositories()
	case "alpine":
		var installed, world strings.Builder
		for _, p := range packages {
			installed.WriteString(b.apkStanza(p))
		}
		for _, n := range strings.Fields("alpine-base chrony curl doas e2fsprogs linux-lts linux-firmware-none logrotate nano openssh syslinux tzdata") {
			world.WriteString(n + "\n")
		}
		b.file("/lib/apk/db/installed", 0o644, Text(installed.String()))
		b.file("/lib/apk/db/scripts.tar", 0o644, &Blob{Bytes: 27_648, seed: "scripts"})
		b.file("/lib/apk/db/triggers", 0o644, Text(""))
		b.file("/lib/apk/db/lock", 0o600, Text(""))
		b.file("/etc/apk/world", 0o644, Text(world.String()))
		for _, k := range strings.Fields("4a6a0840 5243ef4b 5261cecb 6165ee59 61666e3f") {
			b.file("/etc/apk/keys/alpine-devel@lists.alpinelinux.org-"+k+".rsa.pub", 0o644, &Blob{Bytes: 800, Magic: "-----BEGIN PUBLIC KEY-----\n", seed: k})
		}
	case "arch":
		for _, p := range packages {
			b.pacmanEntry(p)
		}
		b.file("/var/lib/pacman/local/ALPM_DB_VERSION", 0o644, Text("9\n"))
		for _, n := range []string{"core", "extra"} {
			b.blob("/var/lib/pacman/sync/"+n+".db", 0o644, int64(130_000+hash(n)%8_000_000))
		}
	}
}

// apkStanza is a package in apk's database.
func (b *builder) apkStanza(p Package) string {
	return fmt.Sprintf("C:Q1%s=\nP:%s\nV:%s\nA:%s\nS:%d\nI:%d\nT:%s\nU:https://www.alpinelinux.org/\nL:MIT\no:%s\n\n", strings.ToUpper(fmt.Sprintf("%x", md5.Sum([]byte(p.Name))))[:27], p.Name, p.Version, b.r.Machine, p.Size*400, p.Size*1024, p.Summary, p.Name)
}

// pacmanEntry puts what pacman keeps of a package.
func (b *builder) pacmanEntry(p Package) {
	dir := "/var/lib/pacman/local/" + p.Name + "-" + p.Version
	b.file(dir+"/desc", 0o644, Text(fmt.Sprintf("%%NAME%%\n%s\n\n%%VERSION%%\n%s\n\n%%BASE%%\n%s\n\n%%DESC%%\n%s\n\n%%ARCH%%\n%s\n\n%%SIZE%%\n%d\n\n%%VALIDATION%%\npgp\n\n", p.Name, p.Version, p.Name, p.Summary, b.r.Machine, p.Size*1024)))
	b.file(dir+"/files", 0o644, Text("%FILES%\n"+strings.ReplaceAll(b.listOf(p), "\n/", "\n")))
	b.blob(dir+"/mtree", 0o644, int64(300+hash(p.Name)%4000))
}

func debianArch(machine string) string {
	switch machine {
	case "aarch64":
		return "arm64"
	case "armv7l":
		return "armhf"
	case "i686":
		return "i386"
	case "mips", "mipsel":
		return machine
	}
	return "amd64"
}

// stanza is a package in dpkg's status file (dpkg-query(1)).
func stanza(r release, p Package) string {
	who := "Debian developers <debian-devel@lists.debian.org>"
	if r.ID == "ubuntu" {
		who = "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"
	}
	arch := debianArch(r.Machine)
	if strings.HasPrefix(p.Name, "ca-cert") || p.Name == "tzdata" || p.Name == "adduser" || p.Name == "debconf" || strings.HasSuffix(p.Name, "-base") || strings.HasSuffix(p.Name, "keyring") || p.Name == "init-system-helpers" || p.Name == "netbase" || p.Name == "sensible-utils" || p.Name == "locales" || p.Name == "ucf" {
		arch = "all"
	}
	return fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nSection: misc\nInstalled-Size: %d\nMaintainer: %s\nArchitecture: %s\nVersion: %s\nDescription: %s\n\n", p.Name, p.Size, who, arch, p.Version, p.Summary)
}

// Architecture is the architecture of a package as its manager names it.
func Architecture(r release, p Package) string {
	if r.Family != "debian" {
		return r.Machine
	}
	text := stanza(r, p)
	_, rest, _ := strings.Cut(text, "\nArchitecture: ")
	arch, _, _ := strings.Cut(rest, "\n")
	return arch
}

// listOf are the files of a package, as dpkg -L lists them.
func (b *builder) listOf(p Package) string {
	var out strings.Builder
	out.WriteString("/.\n/usr\n")
	for _, path := range b.owned[p.Name] {
		out.WriteString(path + "\n")
	}
	if b.r.Family == "debian" {
		out.WriteString("/usr/share\n/usr/share/doc\n/usr/share/doc/" + p.Name + "\n/usr/share/doc/" + p.Name + "/changelog.Debian.gz\n/usr/share/doc/" + p.Name + "/copyright\n")
	}
	return out.String()
}

func (b *builder) sums(p Package) string {
	var out strings.Builder
	for _, path := range append(b.owned[p.Name], "/usr/share/doc/"+p.Name+"/copyright") {
		if e := b.image.Lookup(path); e == nil || e.Mode&vfs.TypeMask == vfs.TypeLink {
			continue
		}
		fmt.Fprintf(&out, "%x  %s\n", md5.Sum([]byte(b.slug+path)), path[1:])
	}
	return out.String()
}

// sources are apt's archives and what it fetched of them.
func (b *builder) sources() {
	var text string
	lists := []string{}
	switch b.r.ID {
	case "ubuntu":
		for _, s := range []string{"", "-updates", "-backports", "-security"} {
			host := "http://archive.ubuntu.com/ubuntu"
			if s == "-security" {
				host = "http://security.ubuntu.com/ubuntu"
			}
			text += "deb " + host + "/ " + b.r.Codename + s + " main restricted universe multiverse\n"
			lists = append(lists, strings.ReplaceAll(strings.TrimPrefix(host, "http://"), "/", "_")+"_dists_"+b.r.Codename+s)
		}
	case "kali":
		text = "# See https://www.kali.org/docs/general-use/kali-linux-sources-list-repositories/\ndeb http://http.kali.org/kali kali-rolling main contrib non-free non-free-firmware\n"
		lists = []string{"http.kali.org_kali_dists_kali-rolling"}
	default:
		text = "deb http://deb.debian.org/debian/ bookworm main non-free-firmware\ndeb-src http://deb.debian.org/debian/ bookworm main non-free-firmware\n\ndeb http://security.debian.org/debian-security bookworm-security main non-free-firmware\ndeb-src http://security.debian.org/debian-security bookworm-security main non-free-firmware\n\ndeb http://deb.debian.org/debian/ bookworm-updates main non-free-firmware\ndeb-src http://deb.debian.org/debian/ bookworm-updates main non-free-firmware\n"
		lists = []string{"deb.debian.org_debian_dists_bookworm", "deb.debian.org_debian_dists_bookworm-updates", "security.debian.org_debian-security_dists_bookworm-security"}
	}
	b.file("/etc/apt/sources.list", 0o644, Text(text))
	for _, l := range lists {
		b.blob("/var/lib/apt/lists/"+l+"_InRelease", 0o644, int64(40_000+hash(l)%200_000))
		b.blob("/var/lib/apt/lists/"+l+"_main_binary-"+debianArch(b.r.Machine)+"_Packages", 0o644, int64(300_000+hash(l)%46_000_000))
	}
	b.file("/var/lib/apt/lists/lock", 0o640, Text(""))
}

// repositories are yum's and dnf's.
func (b *builder) repositories() {
	repo := func(file, id, name, url string) {
		b.file("/etc/yum.repos.d/"+file+".repo", 0o644, Text("["+id+"]\nname="+name+"\n"+url+"\ngpgcheck=1\nenabled=1\n"))
	}
	switch b.slug {
	case "centos7":
		repo("CentOS-Base", "base", "CentOS-$releasever - Base", "mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7")
		for _, n := range strings.Fields("CR Debuginfo fasttrack Media Sources Vault") {
			b.file("/etc/yum.repos.d/CentOS-"+n+".repo", 0o644, Text("["+strings.ToLower(n)+"]\nname=CentOS-$releasever - "+n+"\nenabled=0\ngpgcheck=1\n"))
		}
		b.file("/etc/yum.conf", 0o644, Text("[main]\ncachedir=/var/cache/yum/$basearch/$releasever\nkeepcache=0\ndebuglevel=2\nlogfile=/var/log/yum.log\nexactarch=1\nobsoletes=1\ngpgcheck=1\nplugins=1\ninstallonly_limit=5\ndistroverpkg=centos-release\n"))
		b.file("/etc/redhat-release", 0o644, Text("CentOS Linux release 7.9.2009 (Core)\n"))
		b.link("/etc/centos-release", "redhat-release")
		b.file("/etc/centos-release", 0o644, Text("CentOS Linux release 7.9.2009 (Core)\n"))
		b.blob("/etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7", 0o644, 1690)
	case "rocky9":
		for _, n := range strings.Fields("rocky:baseos:BaseOS rocky-extras:extras:Extras rocky-addons:highavailability:HighAvailability rocky-devel:devel:Devel") {
			f := strings.Split(n, ":")
			repo(f[0], f[1], "Rocky Linux $releasever - "+f[2], "mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo="+f[2]+"-$releasever\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9")
		}
		b.file("/etc/redhat-release", 0o644, Text("Rocky Linux release 9.5 (Blue Onyx)\n"))
		b.file("/etc/rocky-release", 0o644, Text("Rocky Linux release 9.5 (Blue Onyx)\n"))
		b.dnf()
		b.blob("/etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9", 0o644, 1750)
	case "fedora":
		for _, n := range strings.Fields("fedora fedora-updates fedora-updates-testing fedora-cisco-openh264") {
			repo(n, n, "Fedora $releasever - $basearch", "metalink=https://mirrors.fedoraproject.org/metalink?repo="+n+"-$releasever&arch=$basearch\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch")
		}
		b.file("/etc/redhat-release", 0o644, Text("Fedora release 40 (Forty)\n"))
		b.file("/etc/fedora-release", 0o644, Text("Fedora release 40 (Forty)\n"))
		b.dnf()
		b.blob("/etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-40-primary", 0o644, 1650)
	}
}

func (b *builder) dnf() {
	b.link("/etc/yum.conf", "dnf/dnf.conf")
	b.file("/etc/dnf/dnf.conf", 0o644, Text("[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n"))
	b.dir("/etc/dnf/plugins", 0o755)
	b.dir("/var/cache/dnf", 0o755)
	b.dir("/var/lib/dnf", 0o755)
}
