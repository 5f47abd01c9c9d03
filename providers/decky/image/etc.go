package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/moduli"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// configuration puts /etc and root's home from the tables: the common one, the
// family's and, where there is one, the distribution's.
func (b *builder) configuration() {
	tables := []string{"common", b.r.Family}
	if b.r.ID == "ubuntu" {
		tables = append(tables, "ubuntu")
	}
	byPath := map[string]file{}
	for _, t := range tables {
		for _, f := range files("etc/" + t) {
			f.path = strings.ReplaceAll(f.path, "@TRIPLET@", b.a.triplet)
			byPath[f.path] = f
		}
	}
	for _, path := range sortedKeys(byPath) {
		b.configured(byPath[path])
	}
	b.file("/usr/lib/os-release", 0o644, Text(osRelease(b.r)))
	b.file("/etc/shells", 0o644, Text(shells(b.r)))
	for _, path := range []string{"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"} {
		e := b.image.Lookup(path)
		switch b.r.Family {
		case "debian", "alpine":
			e.GID, e.Mode = gidOf(b.r, "shadow"), vfs.TypeFile|0o640
		case "rhel":
			e.Mode = vfs.TypeFile
		default:
			e.Mode = vfs.TypeFile | 0o600
		}
	}
	if b.r.Family == "rhel" {
		for _, name := range []string{"ed25519", "ecdsa"} {
			if e := b.image.Lookup("/etc/ssh/ssh_host_" + name + "_key"); e != nil {
				e.GID, e.Mode = gidOf(b.r, "ssh_keys"), vfs.TypeFile|0o640
			}
		}
		b.dir("/etc/rc.d/init.d", 0o755)
		b.file("/etc/rc.d/rc.local", 0o644, Text("#!/bin/bash\n# Runs at the end of the boot, once it is executable.\n\ntouch /var/lock/subsys/local\n"))
	}
	if e := b.image.Lookup("/etc/doas.conf"); e != nil {
		e.GID = gidOf(b.r, "wheel")
	}
}

func sortedKeys(m map[string]file) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (b *builder) configured(f file) {
	kind, argument, _ := strings.Cut(f.kind, ":")
	var size int64
	_, _ = fmt.Sscan(argument, &size)
	switch {
	case f.kind == "gone":
	case strings.HasSuffix(f.path, "/"):
		b.dir(strings.TrimSuffix(f.path, "/"), f.mode)
	case strings.HasPrefix(f.kind, "-> "):
		b.link(f.path, f.kind[3:])
	case kind == "made":
		name := f.path
		if argument != "" {
			name = argument
		}
		b.file(f.path, f.mode, Made(name))
	case kind == "noise":
		b.blob(f.path, f.mode, size)
	case kind == "moduli":
		b.file(f.path, f.mode, moduli.File{})
	case kind == "gzip":
		b.file(f.path, f.mode, &Blob{Bytes: size, Magic: gzipMagic, seed: f.path})
	case strings.Contains(f.text, "@"):
		b.file(f.path, f.mode, Template(f.text))
	default:
		b.file(f.path, f.mode, Text(f.text))
	}
}

// osRelease is /usr/lib/os-release (os-release(5)) as the distribution writes it.
func osRelease(r release) string {
	q := func(key, value string) string { return key + "=\"" + value + "\"\n" }
	switch r.Slug {
	case "ubuntu22":
		return q("PRETTY_NAME", r.Pretty) + q("NAME", "Ubuntu") + q("VERSION_ID", r.VersionID) + q("VERSION", r.Version) + "VERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nHOME_URL=\"https://www.ubuntu.com/\"\nSUPPORT_URL=\"https://help.ubuntu.com/\"\nBUG_REPORT_URL=\"https://bugs.launchpad.net/ubuntu/\"\nPRIVACY_POLICY_URL=\"https://www.ubuntu.com/legal/terms-and-policies/privacy-policy\"\nUBUNTU_CODENAME=jammy\n"
	case "ubuntu20":
		return q("NAME", "Ubuntu") + q("VERSION", r.Version) + "ID=ubuntu\nID_LIKE=debian\n" + q("PRETTY_NAME", r.Pretty) + q("VERSION_ID", r.VersionID) + "HOME_URL=\"https://www.ubuntu.com/\"\nSUPPORT_URL=\"https://help.ubuntu.com/\"\nBUG_REPORT_URL=\"https://bugs.launchpad.net/ubuntu/\"\nPRIVACY_POLICY_URL=\"https://www.ubuntu.com/legal/terms-and-policies/privacy-policy\"\nVERSION_CODENAME=focal\nUBUNTU_CODENAME=focal\n"
	case "kali":
		return q("PRETTY_NAME", r.Pretty) + q("NAME", r.Name) + q("VERSION_ID", r.VersionID) + q("VERSION", r.Version) + "VERSION_CODENAME=kali-rolling\nID=kali\nID_LIKE=debian\nHOME_URL=\"https://www.kali.org/\"\nSUPPORT_URL=\"https://forums.kali.org/\"\nBUG_REPORT_URL=\"https://bugs.kali.org/\"\nANSI_COLOR=\"1;31\"\n"
	case "centos7":
		return q("NAME", "CentOS Linux") + q("VERSION", r.Version) + q("ID", "centos") + q("ID_LIKE", r.IDLike) + q("VERSION_ID", "7") + q("PRETTY_NAME", r.Pretty) + "ANSI_COLOR=\"0;31\"\nCPE_NAME=\"cpe:/o:centos:centos:7\"\nHOME_URL=\"https://www.centos.org/\"\nBUG_REPORT_URL=\"https://bugs.centos.org/\"\n\nCENTOS_MANTISBT_PROJECT=\"CentOS-7\"\nCENTOS_MANTISBT_PROJECT_VERSION=\"7\"\nREDHAT_SUPPORT_PRODUCT=\"centos\"\nREDHAT_SUPPORT_PRODUCT_VERSION=\"7\"\n\n"
	case "rocky9":
		return q("NAME", "Rocky Linux") + q("VERSION", r.Version) + q("ID", "rocky") + q("ID_LIKE", r.IDLike) + q("VERSION_ID", r.VersionID) + q("PLATFORM_ID", "platform:el9") + q("PRETTY_NAME", r.Pretty) + "ANSI_COLOR=\"0;32\"\nLOGO=\"fedora-logo-icon\"\nCPE_NAME=\"cpe:/o:rocky:rocky:9::baseos\"\nHOME_URL=\"https://rockylinux.org/\"\nVENDOR_NAME=\"RESF\"\nVENDOR_URL=\"https://resf.org/\"\nBUG_REPORT_URL=\"https://bugs.rockylinux.org/\"\nSUPPORT_END=\"2032-05-31\"\nROCKY_SUPPORT_PRODUCT=\"Rocky-Linux-9\"\nROCKY_SUPPORT_PRODUCT_VERSION=\"9.5\"\nREDHAT_SUPPORT_PRODUCT=\"Rocky Linux\"\nREDHAT_SUPPORT_PRODUCT_VERSION=\"9.5\"\n"
	case "fedora":
		return q("NAME", "Fedora Linux") + q("VERSION", r.Version) + "ID=fedora\nVERSION_ID=40\nVERSION_CODENAME=\"\"\nPLATFORM_ID=\"platform:f40\"\n" + q("PRETTY_NAME", r.Pretty) + "ANSI_COLOR=\"0;38;2;60;110;180\"\nLOGO=fedora-logo-icon\nCPE_NAME=\"cpe:/o:fedoraproject:fedora:40\"\nDEFAULT_HOSTNAME=\"fedora\"\nHOME_URL=\"https://fedoraproject.org/\"\nSUPPORT_URL=\"https://ask.fedoraproject.org/\"\nBUG_REPORT_URL=\"https://bugzilla.redhat.com/\"\nREDHAT_BUGZILLA_PRODUCT=\"Fedora\"\nREDHAT_BUGZILLA_PRODUCT_VERSION=40\nREDHAT_SUPPORT_PRODUCT=\"Fedora\"\nREDHAT_SUPPORT_PRODUCT_VERSION=40\nSUPPORT_END=2025-05-13\nVARIANT=\"Server Edition\"\nVARIANT_ID=server\n"
	case "alpine":
		return "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=" + r.VersionID + "\n" + q("PRETTY_NAME", r.Pretty) + "HOME_URL=\"https://alpinelinux.org/\"\nBUG_REPORT_URL=\"https://gitlab.alpinelinux.org/alpine/aports/-/issues\"\n"
	case "arch":
		return "NAME=\"Arch Linux\"\n" + q("PRETTY_NAME", r.Pretty) + "ID=arch\nBUILD_ID=rolling\nANSI_COLOR=\"38;2;23;147;209\"\nHOME_URL=\"https://archlinux.org/\"\nDOCUMENTATION_URL=\"https://wiki.archlinux.org/\"\nSUPPORT_URL=\"https://bbs.archlinux.org/\"\nBUG_REPORT_URL=\"https://gitlab.archlinux.org/groups/archlinux/-/issues\"\nPRIVACY_POLICY_URL=\"https://terms.archlinux.org/docs/privacy-policy/\"\nLOGO=archlinux-logo\n"
	}
	return q("PRETTY_NAME", r.Pretty) + q("NAME", r.Name) + q("VERSION_ID", r.VersionID) + q("VERSION", r.Version) + "VERSION_CODENAME=" + r.Codename + "\nID=" + r.ID + "\nHOME_URL=\"https://www.debian.org/\"\nSUPPORT_URL=\"https://www.debian.org/support\"\nBUG_REPORT_URL=\"https://bugs.debian.org/\"\n"
}

func shells(r release) string {
	switch r.Family {
	case "debian":
		text := "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n/bin/dash\n/usr/bin/dash\n"
		if r.Slug == "kali" {
			text += "/bin/zsh\n/usr/bin/zsh\n/usr/bin/tmux\n"
		}
		return text
	case "alpine":
		return "# valid login shells\n/bin/sh\n/bin/ash\n"
	case "arch":
		return "# Pathnames of valid login shells.\n# See shells(5) for details.\n\n/bin/sh\n/bin/bash\n/bin/rbash\n/usr/bin/sh\n/usr/bin/bash\n/usr/bin/rbash\n"
	}
	return "/bin/sh\n/bin/bash\n/usr/bin/sh\n/usr/bin/bash\n"
}

// zones puts the time zones, those of one rule with one content.
func (b *builder) zones() {
	rules := persona.Zones()
	content := map[string]Text{}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		rule := rules[name]
		if content[rule] == "" {
			content[rule] = Text(persona.Zone{Rule: rule}.File())
		}
		b.file("/usr/share/zoneinfo/"+name, 0o644, content[rule])
	}
	for _, name := range strings.Fields("tzdata.zi:108000 zone.tab:18800 zone1970.tab:17600 iso3166.tab:4400 leapseconds:3400") {
		n, size, _ := strings.Cut(name, ":")
		var s int64
		_, _ = fmt.Sscan(size, &s)
		b.blob("/usr/share/zoneinfo/"+n, 0o644, s)
	}
}

// authorities are names of root certificates of Mozilla's programme.
const authorities = `ACCVRAIZ1 AC_RAIZ_FNMT-RCM ANF_Secure_Server_Root_CA Actalis_Authentication_Root_CA AffirmTrust_Commercial AffirmTrust_Networking Amazon_Root_CA_1 Amazon_Root_CA_2 Amazon_Root_CA_3 Amazon_Root_CA_4 Atos_TrustedRoot_2011 Baltimore_CyberTrust_Root Buypass_Class_2_Root_CA Buypass_Class_3_Root_CA CA_Disig_Root_R2 CFCA_EV_ROOT COMODO_ECC_Certification_Authority COMODO_RSA_Certification_Authority Certigna Certigna_Root_CA Certum_EC-384_CA Certum_Trusted_Network_CA Certum_Trusted_Root_CA D-TRUST_BR_Root_CA_1_2020 D-TRUST_EV_Root_CA_1_2020 DigiCert_Assured_ID_Root_CA DigiCert_Assured_ID_Root_G2 DigiCert_Assured_ID_Root_G3 DigiCert_Global_Root_CA DigiCert_Global_Root_G2 DigiCert_Global_Root_G3 DigiCert_High_Assurance_EV_Root_CA DigiCert_TLS_ECC_P384_Root_G5 DigiCert_TLS_RSA4096_Root_G5 DigiCert_Trusted_Root_G4 Entrust_Root_Certification_Authority Entrust_Root_Certification_Authority_-_EC1 Entrust_Root_Certification_Authority_-_G2 GDCA_TrustAUTH_R5_ROOT GLOBALTRUST_2020 GTS_Root_R1 GTS_Root_R2 GTS_Root_R3 GTS_Root_R4 GlobalSign_ECC_Root_CA_-_R4 GlobalSign_ECC_Root_CA_-_R5 GlobalSign_Root_CA GlobalSign_Root_CA_-_R3 GlobalSign_Root_CA_-_R6 Go_Daddy_Class_2_CA Go_Daddy_Root_Certificate_Authority_-_G2 HARICA_TLS_ECC_Root_CA_2021 HARICA_TLS_RSA_Root_CA_2021 ISRG_Root_X1 ISRG_Root_X2 IdenTrust_Commercial_Root_CA_1 IdenTrust_Public_Sector_Root_CA_1 Izenpe.com Microsoft_ECC_Root_Certificate_Authority_2017 Microsoft_RSA_Root_Certificate_Authority_2017 NAVER_Global_Root_Certification_Authority QuoVadis_Root_CA_1_G3 QuoVadis_Root_CA_2 QuoVadis_Root_CA_2_G3 QuoVadis_Root_CA_3 SSL.com_EV_Root_Certification_Authority_ECC SSL.com_Root_Certification_Authority_ECC SSL.com_Root_Certification_Authority_RSA SZAFIR_ROOT_CA2 SecureSign_RootCA11 SecureTrust_CA Secure_Global_CA Starfield_Class_2_CA Starfield_Root_Certificate_Authority_-_G2 SwissSign_Gold_CA_-_G2 T-TeleSec_GlobalRoot_Class_2 T-TeleSec_GlobalRoot_Class_3 TWCA_Global_Root_CA TWCA_Root_Certification_Authority TeliaSonera_Root_CA_v1 Telia_Root_CA_v2 UCA_Extended_Validation_Root UCA_Global_G2_Root USERTrust_ECC_Certification_Authority USERTrust_RSA_Certification_Authority XRamp_Global_CA_Root certSIGN_ROOT_CA vTrus_Root_CA`

// certificates puts the system's roots and the site's own.
func (b *builder) certificates() {
	switch b.r.Family {
	case "debian":
		for _, name := range strings.Fields(authorities) {
			path := "/usr/share/ca-certificates/mozilla/" + name + ".crt"
			b.file(path, 0o644, &Blob{Bytes: int64(700 + hash(name)%1400), Magic: "-----BEGIN CERTIFICATE-----\n", seed: name})
			b.link("/etc/ssl/certs/"+name+".pem", path)
			b.link(fmt.Sprintf("/etc/ssl/certs/%08x.0", hash(name)), name+".pem")
		}
		b.blob("/etc/ssl/certs/ca-certificates.crt", 0o644, 213_777+int64(hash(b.slug)%9000))
		b.file("/etc/ca-certificates.conf", 0o644, Text("mozilla/"+strings.Join(strings.Fields(authorities), ".crt\nmozilla/")+".crt\n"))
		b.file("/usr/local/share/ca-certificates/site-root.crt", 0o644, Made("root"))
	case "rhel":
		b.file("/etc/pki/ca-trust/source/anchors/site-root.crt", 0o644, Made("root"))
		b.dir("/etc/pki/tls/private", 0o755)
	case "arch":
		b.file("/etc/ca-certificates/trust-source/anchors/site-root.crt", 0o644, Made("root"))
	case "alpine":
		b.file("/usr/local/share/ca-certificates/site-root.crt", 0o644, Made("root"))
	}
}

// terminals puts descriptions of terminals.
func (b *builder) terminals() {
	root := "/usr/share/terminfo/"
	if b.r.Family == "debian" {
		root = "/usr/lib/terminfo/"
	}
	if b.r.Family == "alpine" {
		root = "/etc/terminfo/"
	}
	for _, t := range strings.Fields("ansi cons25 cygwin dumb hurd linux mach rxvt screen screen-256color sun tmux tmux-256color vt100 vt102 vt220 vt52 xterm xterm-256color xterm-color xterm-r6 xterm-vt220") {
		b.file(root+t[:1]+"/"+t, 0o644, &Blob{Bytes: int64(600 + hash(t)%3000), Magic: "\x1a\x01", seed: t})
	}
}

// alternatives puts Debian's links of choice.
func (b *builder) alternatives() {
	choices := map[string]string{}
	switch b.r.Family {
	case "debian":
		nc := "/bin/nc.traditional"
		if b.r.ID == "ubuntu" {
			nc = "/bin/nc.openbsd"
			b.executable("/usr/bin/nc.openbsd", 43_496, 0o755)
			b.executable("/usr/bin/telnet.netkit", 118_424, 0o755)
			choices["telnet"] = "/usr/bin/telnet.netkit"
			b.executable("/usr/lib/snapd/snapctl", 4_400_000, 0o755)
		}
		for k, v := range map[string]string{
			"awk": "/usr/bin/mawk", "vi": "/usr/bin/vim.tiny", "editor": "/bin/nano", "pager": "/usr/bin/less", "which": "/usr/bin/which.debianutils", "nc": nc, "netcat": nc,
			"iptables": "/usr/sbin/iptables-nft", "ip6tables": "/usr/sbin/ip6tables-nft", "iptables-save": "/usr/sbin/iptables-nft-save", "iptables-restore": "/usr/sbin/iptables-nft-restore", "rmt": "/usr/sbin/rmt-tar", "view": "/usr/bin/vim.tiny", "ex": "/usr/bin/vim.tiny",
		} {
			choices[k] = v
		}
	default:
		return
	}
	names := make([]string, 0, len(choices))
	for k := range choices {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, name := range names {
		target := choices[name]
		if b.r.Family == "debian" && b.image.Lookup(strings.Replace(target, "/bin/", "/usr/bin/", 1)) == nil && b.image.Lookup(target) == nil && b.image.Lookup(strings.Replace("/usr"+target, "/usr/usr/", "/usr/", 1)) == nil {
			continue
		}
		dir := "/usr/bin/"
		if strings.HasPrefix(name, "ip") || name == "rmt" {
			dir = "/usr/sbin/"
		}
		b.link("/etc/alternatives/"+name, target)
		b.link(dir+name, "/etc/alternatives/"+name)
	}
}
