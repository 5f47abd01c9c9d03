package image

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Facts are what a host fills its image with. They implement vfs.Host.
type Facts struct {
	Persona  *persona.Persona
	Release  persona.Release
	Hardware persona.Hardware
	Zone     persona.Zone
	Boot     time.Time // when it was started
	Built    time.Time // when it was installed
	Now      func() time.Time
	Logins   []string // accounts beside the distribution's and the administrator's

	seed [8]byte
}

// NewFacts are the facts of host, whose accounts are also logins.
func NewFacts(host decky.Host, logins []string, now func() time.Time) *Facts {
	p := persona.New(host)
	f := &Facts{Persona: p, Release: p.Release(), Hardware: p.Hardware(), Zone: p.Zone(), Boot: p.Boot(now()), Now: now, Logins: logins}
	f.Built = f.Boot.Add(-time.Duration(p.Number("installed", 40*24*3600, 500*24*3600)) * time.Second).Truncate(time.Second)
	copy(f.seed[:], p.Derive("image/times"))
	return f
}

// unit is a number in [0, 1) for label, cheaply.
func (f *Facts) unit(label string) float64 {
	h := fnv.New64a()
	h.Write(f.seed[:])
	h.Write([]byte(label))
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // SplitMix64's finalizer: FNV's top bits are weak
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// Times implements vfs.Host. What packages bring is as old as its build, what
// an administrator touches is spread between installation and the last start,
// and what lives in memory is as old as that.
func (f *Facts) Times(e *vfs.Entry) (mtime, ctime time.Time) {
	path := e.Path
	under := func(dirs ...string) bool {
		for _, d := range dirs {
			if path == d || strings.HasPrefix(path, d+"/") {
				return true
			}
		}
		return false
	}
	if p, ok := e.Source.(Page); ok {
		t := site.Installed(f.Persona, f.Now(), p.Path)
		return t, t
	}
	span := f.Boot.Sub(f.Built)
	unit := f.unit(path)
	switch {
	case under("/run", "/tmp", "/dev", "/proc", "/sys"):
		t := f.Boot.Add(time.Duration(float64(9*time.Second) * unit))
		return t, t
	case e.Mode&vfs.TypeMask == vfs.TypeLink: // by the installer
		t := f.Built.Add(time.Duration(f.unit("link"+path[:min(len(path), 9)]) * float64(15*time.Minute)))
		return t, t
	case under("/var/log"):
		t := f.logTime(path)
		return t, t
	case e.Mode&vfs.TypeMask == vfs.TypeDir || under("/etc", "/root", "/home"):
		if unit < 0.45 { // by the installer, within its half hour
			t := f.Built.Add(time.Duration(f.unit("at"+path) * float64(30*time.Minute)))
			return t, t
		}
		t := f.Built.Add(time.Duration(f.unit("at"+path) * float64(span)))
		return t, t
	case under("/var"):
		t := f.Boot.Add(-time.Duration(unit * unit * float64(span)))
		return t, t
	}
	// A package's files have the time of its build, alike on all hosts, and came
	// with the installation or an update.
	group := path
	if i := strings.LastIndexByte(path, '/'); i >= 0 && under("/usr/bin", "/usr/sbin", "/bin", "/sbin") {
		group = fmt.Sprint(hash(path) % 97)
	}
	age := time.Duration(20+hash(f.Release.Slug+group)%600) * 24 * time.Hour
	built := f.Built.Add(-age).Truncate(24 * time.Hour).Add(time.Duration(hash(group+f.Release.Slug+"s")%50400+21600) * time.Second)
	installed := f.Built.Add(time.Duration(unit * float64(20*time.Minute)))
	if f.unit("updated"+group) < 0.35 {
		installed = f.Built.Add(time.Duration(f.unit("update"+fmt.Sprint(hash(group)%7)) * float64(span)))
	}
	return built, installed
}

// Content implements vfs.Host.
func (f *Facts) Content(e *vfs.Entry) vfs.Content {
	switch s := e.Source.(type) {
	case Text:
		return strings.NewReader(string(s))
	case Joined:
		return strings.NewReader(string(s[0] + s[1]))
	case Page:
		return bytes.NewReader(s.Body)
	case Template:
		return strings.NewReader(f.Expand(string(s)))
	case Made:
		return strings.NewReader(f.made(string(s)))
	case Log:
		return bytes.NewReader(f.log(s))
	case WebLog:
		return bytes.NewReader(f.webLog(s))
	case *ELF:
		return s.Open()
	case *Blob:
		return s
	}
	return nil
}

// Expand replaces names of facts between @ by what they are on this host.
func (f *Facts) Expand(text string) string {
	p, r := f.Persona, f.Release
	prefix := p.Prefix()
	var dns []string
	for _, a := range p.Resolvers() {
		dns = append(dns, a.String())
	}
	resolv := "nameserver " + strings.Join(dns, "\nnameserver ")
	search := "search ."
	if d := p.Domain(); d != "" {
		search = "search " + d
		resolv = search + "\n" + resolv
		if r.Slug == "debian" {
			resolv = "domain " + d + "\n" + resolv
		}
	}
	alias := p.Hostname()
	if fqdn := p.FQDN(); fqdn != alias {
		alias = fqdn + "\t" + alias
	}
	crypt := "SHA512"
	switch r.Slug {
	case "debian", "kali", "ubuntu22", "fedora", "arch":
		crypt = "YESCRYPT"
	}
	root, boot, swap := f.block("/"), f.block("/boot"), f.block("[SWAP]")
	rootArgument := "UUID=" + root.UUID
	if root.Kind == "lvm" {
		rootArgument = root.Path
	}
	mask := net.IP(net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())).String()
	issue := strings.TrimSpace(strings.SplitN(r.Pretty, "(", 2)[0])
	version := map[string]string{"debian": "12.11", "kali": "kali-rolling", "ubuntu22": "bookworm/sid", "ubuntu20": "bullseye/sid"}[r.Slug]
	return strings.NewReplacer(
		"@HOSTNAME@", p.Hostname(), "@HOST@", p.ShortName(), "@FQDNALIAS@", alias, "@DOMAIN@", p.Domain(), "@MACHINEID@", p.MachineID(), "@IP@", prefix.Addr().String(),
		"@BITS@", fmt.Sprint(prefix.Bits()), "@NETMASK@", mask, "@GATEWAY@", p.Gateway().String(), "@DNS@", strings.Join(dns, " "), "@DNS1@", dns[0], "@RESOLV@", resolv, "@SEARCH@", search,
		"@NIC@", f.Hardware.NIC.Name, "@MAC@", f.Hardware.NIC.MAC, "@KERNEL@", r.Kernel, "@PRETTY@", r.Pretty, "@NAME@", r.Name, "@VERSIONID@", r.VersionID, "@CODENAME@", r.Codename, "@ID@", r.ID,
		"@MACHINE@", r.Machine, "@ROOTUUID@", root.UUID, "@BOOTUUID@", boot.UUID, "@SWAPUUID@", swap.UUID, "@ROOTDEV@", root.Path, "@ROOTARG@", rootArgument, "@LVROOT@", strings.ReplaceAll(strings.TrimPrefix(root.Path, "/dev/mapper/"), "-", "/"),
		"@ZONE@", f.Zone.Name, "@CRYPT@", crypt, "@TRIPLET@", archOf(r.Machine).triplet, "@ISSUE@", issue, "@DEBIANVERSION@", version,
	).Replace(text)
}

// block is the device that is mounted at a point.
func (f *Facts) block(mount string) persona.Block {
	for _, b := range f.Hardware.Blocks {
		if b.Mount == mount {
			return b
		}
	}
	return persona.Block{}
}

// made is the content of a file that is the host's own.
func (f *Facts) made(name string) string {
	switch name {
	case "/etc/passwd":
		var b strings.Builder
		for _, a := range f.Persona.Accounts(f.Logins) {
			fmt.Fprintf(&b, "%s:x:%d:%d:%s:%s:%s\n", a.Name, a.UID, a.GID, a.Gecos, a.Home, a.Shell)
		}
		return b.String()
	case "/etc/group", "/etc/gshadow":
		var b strings.Builder
		for _, g := range f.Persona.Groups(f.Logins) {
			members := strings.Join(g.Members, ",")
			if name == "/etc/gshadow" {
				lock := "*"
				if g.GID >= 1000 && g.GID < 60000 {
					lock = "!"
				}
				fmt.Fprintf(&b, "%s:%s::%s\n", g.Name, lock, members)
				continue
			}
			fmt.Fprintf(&b, "%s:x:%d:%s\n", g.Name, g.GID, members)
		}
		return b.String()
	case "/etc/shadow":
		return f.shadow()
	case "/etc/subuid":
		var b strings.Builder
		start := 100_000
		for _, a := range f.Persona.Accounts(f.Logins) {
			if a.Person {
				fmt.Fprintf(&b, "%s:%d:65536\n", a.Name, start)
				start += 65536
			}
		}
		return b.String()
	case "/etc/fstab":
		return f.fstab()
	case "/etc/motd":
		return f.motd()
	case "root":
		der := f.Persona.Root()
		if der == nil {
			return ""
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return f.hostKey(name)
}

func (f *Facts) shadow() string {
	var b strings.Builder
	day := f.Built.Unix() / 86400
	for _, a := range f.Persona.Accounts(f.Logins) {
		secret := "*"
		switch {
		case a.UID == 0 || a.Person:
			secret = f.Persona.ShadowHash(a.Name)
		case f.Release.Family == "alpine" || f.Release.Family == "arch", a.UID >= 100 && a.UID < 65534:
			secret = "!"
			if f.Release.Family != "debian" {
				secret = "!!"
			}
			if f.Release.Family == "alpine" || f.Release.Family == "arch" || f.Release.Slug == "debian" {
				secret = "!"
			}
			if f.Release.Family == "debian" && f.Release.Slug != "debian" {
				secret = "*"
			}
		}
		fmt.Fprintf(&b, "%s:%s:%d:0:99999:7:::\n", a.Name, secret, day)
	}
	return b.String()
}

func (f *Facts) fstab() string {
	var b strings.Builder
	switch f.Release.Family {
	case "rhel":
		fmt.Fprintf(&b, "\n#\n# /etc/fstab\n# Created by anaconda on %s\n#\n# See man pages fstab(5), findfs(8), mount(8) and/or blkid(8) for more info\n#\n", f.Built.In(f.Zone.Location).Format("Mon Jan _2 15:04:05 2006"))
	case "debian":
		b.WriteString("# /etc/fstab: static file system information.\n#\n# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n")
	case "arch":
		b.WriteString("# Static information about the filesystems.\n# See fstab(5) for details.\n\n# <file system> <dir> <type> <options> <dump> <pass>\n")
	}
	for _, x := range f.Hardware.Blocks {
		if x.Mount == "" {
			continue
		}
		source, point, options, pass := "UUID="+x.UUID, x.Mount, "defaults", "0 0"
		if x.Kind == "lvm" {
			source = x.Path
			if f.Release.ID == "ubuntu" {
				source = "/dev/disk/by-id/dm-uuid-LVM-" + f.Persona.UUID4Hex("lvm")
			}
		}
		switch {
		case x.FS == "swap":
			point = "none"
			if f.Release.Family != "debian" {
				point = "swap"
			} else {
				options = "sw"
			}
		case f.Release.Family == "debian" && x.Mount == "/" && f.Release.ID != "ubuntu":
			options, pass = "errors=remount-ro", "0 1"
		case f.Release.Family == "debian":
			pass = "0 1"
		case f.Release.Family == "alpine":
			options, pass = "rw,relatime", "0 1"
		case x.FS == "ext4" || x.FS == "vfat":
			options, pass = "rw,relatime", "0 1"
		}
		fmt.Fprintf(&b, "%-41s %-23s %-7s %-15s %s\n", source, point, x.FS, options, strings.Replace(pass, " ", "       ", 1))
	}
	switch {
	case f.Release.ID == "ubuntu":
		b.WriteString("/swap.img\tnone\tswap\tsw\t0\t0\n")
	case f.Release.Family == "debian" && f.Hardware.Hypervisor != "":
		b.WriteString("/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0\n")
	case f.Release.Family == "alpine":
		b.WriteString("/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n/dev/usbdisk\t/media/usb\tvfat\tnoauto\t0 0\ntmpfs\t/tmp\ttmpfs\tnosuid,nodev\t0\t0\n")
	}
	return b.String()
}

// motd is Debian's message of the day; others of the family have none of their
// own.
func (f *Facts) motd() string {
	if f.Release.ID == "ubuntu" {
		return ""
	}
	name := "Debian GNU/Linux"
	if f.Release.Slug == "kali" {
		name = "Kali GNU/Linux"
	}
	text := fmt.Sprintf("\nThe programs included with the %s system are free software;\nthe exact distribution terms for each program are described in the\nindividual files in /usr/share/doc/*/copyright.\n\n%s comes with ABSOLUTELY NO WARRANTY, to the extent\npermitted by applicable law.\n", name, name)
	return text
}

// hostKey is a key of sshd: the public ones are the host's own, the private ones
// have the form of a key and are of nothing.
func (f *Facts) hostKey(name string) string {
	comment := " root@" + f.Persona.ShortName() + "\n"
	var key ssh.PublicKey
	var err error
	if strings.Contains(name, "ed25519") {
		key, err = ssh.NewPublicKey(f.Persona.Ed25519("ssh").Public().(ed25519.PublicKey))
	} else {
		private, keyErr := f.Persona.ECDSA("ssh")
		if keyErr != nil {
			return ""
		}
		key, err = ssh.NewPublicKey(&private.PublicKey)
	}
	if err != nil {
		return ""
	}
	if strings.HasSuffix(name, ".pub") {
		return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n") + comment
	}
	// openssh-key-v1 (PROTOCOL.key): no cipher, no key derivation, one key; what
	// is secret in it is noise, for a decoy gives no key away.
	public := key.Marshal()
	secret := bytes.Repeat(f.Persona.Derive("image/"+name), 5)[:136]
	blob := append([]byte("openssh-key-v1\x00"), field([]byte("none"))...)
	blob = append(append(append(blob, field([]byte("none"))...), field(nil)...), 0, 0, 0, 1)
	blob = append(append(blob, field(public)...), field(secret)...)
	text := base64.StdEncoding.EncodeToString(blob)
	var b strings.Builder
	b.WriteString("-----BEGIN OPENSSH PRIVATE KEY-----\n")
	for len(text) > 70 {
		b.WriteString(text[:70] + "\n")
		text = text[70:]
	}
	b.WriteString(text + "\n-----END OPENSSH PRIVATE KEY-----\n")
	return b.String()
}

func field(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
