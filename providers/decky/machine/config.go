package machine

import (
	"fmt"
	"strings"
	"time"
)

// passwd is what Debian 12 has before the first user.
const passwd = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:x:13:13:proxy:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin
messagebus:x:100:107::/nonexistent:/usr/sbin/nologin
systemd-timesync:x:997:997:systemd Time Synchronization:/:/usr/sbin/nologin
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
`

const groups = `root:x:0: daemon:x:1: bin:x:2: sys:x:3: adm:x:4: tty:x:5: disk:x:6: lp:x:7: mail:x:8: news:x:9: uucp:x:10: man:x:12: proxy:x:13: kmem:x:15: dialout:x:20: fax:x:21: voice:x:22: cdrom:x:24:%[1]s floppy:x:25:%[1]s tape:x:26: sudo:x:27:%[2]s audio:x:29:%[1]s dip:x:30:%[1]s www-data:x:33: backup:x:34: operator:x:37: list:x:38: irc:x:39: src:x:40: shadow:x:42: utmp:x:43: video:x:44:%[1]s sasl:x:45: plugdev:x:46:%[1]s staff:x:50: games:x:60: users:x:100:%[1]s nogroup:x:65534: systemd-journal:x:999: systemd-network:x:998: crontab:x:101: input:x:102: sgx:x:103: kvm:x:104: render:x:105: netdev:x:106:%[1]s messagebus:x:107: systemd-timesync:x:997: _ssh:x:108:`

const motd = `
The programs included with the Debian GNU/Linux system are free software;
the exact distribution terms for each program are described in the
individual files in /usr/share/doc/*/copyright.

Debian GNU/Linux comes with ABSOLUTELY NO WARRANTY, to the extent
permitted by applicable law.
`

// shadowAlphabet is that of crypt(5).
const shadowAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// hash looks like yescrypt's; it is of nothing.
func (m *Machine) Hash(name string) string {
	chars := func(label string, n int) string {
		var b strings.Builder
		for b.Len() < n {
			for _, c := range m.Persona.Derive(fmt.Sprintf("shell/shadow/%s/%s/%d", name, label, b.Len())) {
				if b.Len() < n {
					b.WriteByte(shadowAlphabet[c&63])
				}
			}
		}
		return b.String()
	}
	return "$y$j9T$" + chars("salt", 22) + "$" + chars("hash", 43)
}

// configuration writes /etc and the homes.
func (m *Machine) configuration(users []string) {
	var names []string
	for _, u := range users {
		if u != "" && u != "root" && !strings.ContainsAny(u, ":/\n ") && !strings.Contains("\n"+passwd, "\n"+u+":") && len(u) <= 32 {
			names = append(names, u)
		}
	}
	list := strings.Join(names, ",")
	accounts, shadow := passwd, ""
	group := strings.ReplaceAll(fmt.Sprintf(groups, list, list), " ", "\n") + "\n"
	age := m.Built.Unix() / 86400
	for line := range strings.SplitSeq(strings.TrimSpace(passwd), "\n") {
		name, _, _ := strings.Cut(line, ":")
		secret := "*"
		if name == "root" {
			secret = m.Hash(name)
		}
		if strings.HasPrefix(name, "systemd-") || name == "messagebus" || name == "sshd" {
			secret = "!"
		}
		shadow += fmt.Sprintf("%s:%s:%d:0:99999:7:::\n", name, secret, age)
	}
	m.home("/root", 0, 0o700)
	for i, name := range names {
		id := 1000 + i
		accounts += fmt.Sprintf("%s:x:%d:%d:%s,,,:/home/%s:/bin/bash\n", name, id, id, name, name)
		group += fmt.Sprintf("%s:x:%d:\n", name, id)
		shadow += fmt.Sprintf("%s:%s:%d:0:99999:7:::\n", name, m.Hash(name), age)
		m.home("/home/"+name, id, 0o700)
	}
	m.file("/etc/passwd", accounts, 0o644)
	m.file("/etc/passwd-", accounts, 0o644)
	m.file("/etc/group", group, 0o644)
	m.FS.AddFile("/etc/shadow", []byte(shadow), 0o640, 0, 42, m.spread("/etc/shadow"))
	m.FS.AddFile("/etc/gshadow", []byte(strings.ReplaceAll(group, ":x:", ":*::")), 0o640, 0, 42, m.spread("/etc/shadow"))
	m.identity()
	m.plainFiles()
}

func (m *Machine) home(path string, id int, perm uint32) {
	at := m.spread(path)
	m.FS.AddDir(path, perm, id, id, at, false)
	m.FS.AddFile(path+"/.bashrc", []byte(bashrc), 0o644, id, id, m.Built)
	m.FS.AddFile(path+"/.profile", []byte("# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ \"$BASH\" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n\nmesg n 2> /dev/null || true\n"), 0o644, id, id, m.Built)
	if id != 0 {
		m.FS.AddFile(path+"/.bash_logout", []byte("# ~/.bash_logout\n"), 0o644, id, id, m.Built)
	}
}

const bashrc = "# ~/.bashrc: executed by bash(1) for non-login shells.\n\n# PS1 and umask are set in /etc/profile.\n\n# alias rm='rm -i'\n# alias cp='cp -i'\n# alias mv='mv -i'\n"

func (m *Machine) file(path, text string, perm uint32) {
	m.FS.AddFile(path, []byte(text), perm, 0, 0, m.spread(path))
}

// identity are the files that name the host and its system.
func (m *Machine) identity() {
	h := m.Host
	fqdn := h.Hostname
	if h.Domain != "" {
		fqdn += "." + h.Domain
	}
	m.file("/etc/hostname", h.Hostname+"\n", 0o644)
	m.file("/etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\t"+fqdn+"\t"+h.Hostname+"\n\n# The following lines are desirable for IPv6 capable hosts\n::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n", 0o644)
	m.file("/etc/machine-id", m.Persona.MachineID()+"\n", 0o444)
	resolv := "nameserver " + m.Gateway() + "\n"
	if h.Domain != "" {
		resolv = "domain " + h.Domain + "\nsearch " + h.Domain + "\n" + resolv
	}
	m.file("/etc/resolv.conf", resolv, 0o644)
	m.file("/usr/lib/os-release", osRelease(h.Title, h.Distro), 0o644)
	issue := strings.TrimSuffix(strings.SplitN(h.Title, "(", 2)[0], " ")
	m.file("/etc/issue", issue+" \\n \\l\n\n", 0o644)
	m.file("/etc/issue.net", issue+"\n", 0o644)
	if h.Distro == "" || h.Distro == "debian" {
		m.file("/etc/debian_version", "12.8\n", 0o644)
		m.file("/etc/motd", motd, 0o644)
	}
	m.file("/etc/timezone", "Etc/UTC\n", 0o644)
}

// osRelease is /etc/os-release of a system called title.
func osRelease(title, distro string) string {
	name, rest, _ := strings.Cut(title, " ")
	var version, code string
	fields := strings.Fields(title)
	for _, f := range fields {
		if f[0] >= '0' && f[0] <= '9' {
			version = f
		}
		if strings.HasPrefix(f, "(") {
			code = strings.Trim(f, "()")
		}
	}
	id := strings.TrimRight(strings.ToLower(distro), "0123456789")
	if id == "" {
		id = "debian"
	}
	if id == "debian" {
		return fmt.Sprintf("PRETTY_NAME=\"%s\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"%s\"\nVERSION=\"%s (%s)\"\nVERSION_CODENAME=%s\nID=debian\nHOME_URL=\"https://www.debian.org/\"\nSUPPORT_URL=\"https://www.debian.org/support\"\nBUG_REPORT_URL=\"https://bugs.debian.org/\"\n", title, version, version, code, code)
	}
	short := version
	if parts := strings.SplitN(version, ".", 3); len(parts) > 1 {
		short = parts[0] + "." + parts[1]
	}
	return fmt.Sprintf("PRETTY_NAME=\"%s\"\nNAME=\"%s\"\nVERSION_ID=\"%s\"\nVERSION=\"%s\"\nID=%s\n", title, name, short, rest, id)
}

// gateway is the first address of the host's network, as far as is known.
func (m *Machine) Gateway() string {
	i := strings.LastIndexByte(m.Host.IP, '.')
	if i < 0 {
		return "192.168.1.1"
	}
	return m.Host.IP[:i] + ".1"
}

// plainFiles are those that any installation has.
func (m *Machine) plainFiles() {
	for path, text := range map[string]string{
		"/etc/fstab":                    "# /etc/fstab: static file system information.\n#\n# <file system> <mount point>   <type>  <options>       <dump>  <pass>\nUUID=" + m.Persona.UUID("shell/root") + " /               ext4    errors=remount-ro 0       1\nUUID=" + m.Persona.UUID("shell/swap") + " none            swap    sw              0       0\n",
		"/etc/shells":                   "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n/bin/dash\n/usr/bin/dash\n",
		"/etc/crontab":                  "SHELL=/bin/sh\n# Example of job definition:\n# .---------------- minute (0 - 59)\n# |  .------------- hour (0 - 23)\n# m h dom mon dow user\tcommand\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n47 6\t* * 7\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.weekly; }\n52 6\t1 * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.monthly; }\n",
		"/etc/nsswitch.conf":            "passwd:         files systemd\ngroup:          files systemd\nshadow:         files systemd\ngshadow:        files systemd\n\nhosts:          files dns\nnetworks:       files\n",
		"/etc/network/interfaces":       "source /etc/network/interfaces.d/*\n\n# The loopback network interface\nauto lo\niface lo inet loopback\n\n# The primary network interface\nallow-hotplug " + m.NIC() + "\niface " + m.NIC() + " inet static\n\taddress " + m.Host.IP + "/24\n\tgateway " + m.Gateway() + "\n",
		"/etc/ssh/sshd_config":          "Include /etc/ssh/sshd_config.d/*.conf\n\n#Port 22\n#PermitRootLogin prohibit-password\nPermitRootLogin yes\n#PasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n",
		"/etc/ssh/ssh_config":           "Include /etc/ssh/ssh_config.d/*.conf\n\nHost *\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n    GSSAPIAuthentication yes\n",
		"/etc/apt/sources.list":         "deb http://deb.debian.org/debian/ bookworm main non-free-firmware\ndeb http://security.debian.org/debian-security bookworm-security main non-free-firmware\ndeb http://deb.debian.org/debian/ bookworm-updates main non-free-firmware\n",
		"/etc/default/locale":           "LANG=\"en_US.UTF-8\"\n",
		"/etc/profile":                  "# /etc/profile: system-wide .profile file for the Bourne shell (sh(1))\nif [ \"$(id -u)\" -eq 0 ]; then\n  PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nelse\n  PATH=\"/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games\"\nfi\nexport PATH\n",
		"/etc/bash.bashrc":              "# System-wide .bashrc file for interactive bash(1) shells.\n[ -z \"$PS1\" ] && return\nshopt -s checkwinsize\n",
		"/etc/login.defs":               "MAIL_DIR\t/var/mail\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nUID_MIN\t\t\t 1000\nUID_MAX\t\t\t60000\nENCRYPT_METHOD YESCRYPT\n",
		"/etc/sysctl.conf":              "#net.ipv4.ip_forward=1\n",
		"/etc/update-motd.d/10-uname":   "#!/bin/sh\nuname -snrvm\n",
		"/etc/init.d/ssh":               "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:\t\tsshd\n### END INIT INFO\n",
		"/etc/init.d/cron":              "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          cron\n### END INIT INFO\n",
		"/etc/services":                 "ftp\t\t21/tcp\nssh\t\t22/tcp\ntelnet\t\t23/tcp\nsmtp\t\t25/tcp\ndomain\t\t53/tcp\nhttp\t\t80/tcp\nhttps\t\t443/tcp\nmysql\t\t3306/tcp\nredis\t\t6379/tcp\n",
		"/etc/protocols":                "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\n",
		"/etc/host.conf":                "multi on\n",
		"/etc/environment":              "",
		"/etc/cron.d/e2scrub_all":       "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n",
		"/boot/config-" + m.Host.Kernel: "#\n# Automatically generated file; DO NOT EDIT.\n#\nCONFIG_64BIT=y\nCONFIG_X86_64=y\n",
		"/var/log/dpkg.log":             m.Built.Format("2006-01-02 15:04:05") + " startup archives install\n",
		"/var/log/lastlog":              "",
		"/var/log/wtmp":                 "",
		"/var/log/btmp":                 "",
	} {
		m.file(path, text, 0o644)
	}
	for path, perm := range map[string]uint32{"/etc/update-motd.d/10-uname": 0o755, "/etc/init.d/ssh": 0o755, "/etc/init.d/cron": 0o755, "/var/log/btmp": 0o660} {
		if err := m.FS.As(0, 0).Chmod(path, perm); err != nil {
			continue
		}
	}
	m.FS.AddFile("/etc/sudoers", []byte("Defaults\tenv_reset\nDefaults\tmail_badpass\nDefaults\tsecure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"), 0o440, 0, 0, m.Built)
	for _, size := range []struct {
		path string
		n    int
	}{{"/boot/vmlinuz-" + m.Host.Kernel, 6 << 20}, {"/boot/initrd.img-" + m.Host.Kernel, 7 << 20}, {"/boot/System.map-" + m.Host.Kernel, 83}} {
		m.FS.AddFile(size.path, m.image()[:size.n], 0o644, 0, 0, m.spread("/boot"))
	}
	m.FS.AddFile("/run/sshd.pid", []byte(fmt.Sprintf("%d\n", m.Number("proc/sshd", 480, 720))), 0o644, 0, 0, m.Boot)
	m.FS.AddFile("/var/log/auth.log", nil, 0o640, 0, 4, m.Now().Add(-time.Minute))
	m.FS.AddFile("/var/log/syslog", nil, 0o640, 0, 4, m.Now().Add(-time.Minute))
}

// nic is the name of the network card.
func (m *Machine) NIC() string {
	return []string{"ens18", "ens192", "eth0", "enp1s0", "ens3"}[m.Number("nic", 0, 4)]
}
