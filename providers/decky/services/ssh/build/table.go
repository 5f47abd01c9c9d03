package build

import "time"

// table has every row, oldest first.
var table = []*Build{centos7, ubuntu20, debian11, rocky9, ubuntu22, debian12, dropbear, fedora39, alpine319, fedora40, kali, arch}

var centos7 = &Build{
	Name: "centos-7", Product: OpenSSH, Version: "7.4p1", Distro: "CentOS 7",
	Identification: "SSH-2.0-OpenSSH_7.4", LineEnd: "\n",
	KEX: join(curves, nist, []string{
		"diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha1",
		"diffie-hellman-group14-sha256", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1",
	}),
	HostKeys: []string{"ssh-rsa", "rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-ed25519"},
	Ciphers:  join(ciphers, []string{"aes128-cbc", "aes192-cbc", "aes256-cbc", "blowfish-cbc", "cast128-cbc", "3des-cbc"}), MACs: macs, Compression: delayed,
	Extensions: []Extension{{"server-sig-algs", "rsa-sha2-256,rsa-sha2-512"}},
	KeyTypes:   threeKeys, RSABits: 2048, Moduli: true,
	Texts: Texts{
		Invalid: "Protocol mismatch.", Mismatch: "Protocol major versions differ.", TextEnd: "\n", MaxIdentification: 255, Cut: true,
		TooMany: "Too many authentication failures",
	},
	Auth:   Auth{MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, PAM: true, Methods: gssapi, RootPassword: true, FailureDelay: pamDelay},
	SFTP:   sftp[:5],
	Source: "sshd.c, kex.c and sftp-server.c of OpenSSH 7.4p1; lists as ssh-audit and nmap's ssh2-enum-algos print them for CentOS 7's 7.4p1-21",
	Unverified: "lists and Extensions are the distribution's patches: upstream has no CBC, group1 or group-exchange-sha1 in its server's defaults; LineEnd is upstream's; " +
		"PAM's delay is Debian's",
}

var ubuntu20 = &Build{
	Name: "ubuntu-20.04", Product: OpenSSH, Version: "8.2p1", Distro: "Ubuntu 20.04",
	Identification: "SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.11", LineEnd: "\r\n",
	KEX: join(curves, nist, sha2Groups, strict), Strict: true,
	HostKeys: rsaSHA1, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{{"server-sig-algs", "ssh-ed25519,sk-ssh-ed25519@openssh.com,ssh-rsa,rsa-sha2-256,rsa-sha2-512,ssh-dss,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com"}},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, Auth: pam, SFTP: sftp[:6],
	Source:     "myproposal.h, kex.c, sshkey.c and sftp-server.c of OpenSSH 8.2p1; Ubuntu's changelog for the strict key exchange (4ubuntu0.11)",
	Unverified: "not compared with a running server; PAM's delay is Debian's",
}

var debian11 = &Build{
	Name: "debian-11", Product: OpenSSH, Version: "8.4p1", Distro: "Debian 11",
	Identification: "SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3", LineEnd: "\r\n",
	KEX: join(curves, nist, sha2Groups, strict), Strict: true,
	HostKeys: rsaSHA1, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs84},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, Auth: pam, SFTP: sftp[:6],
	Source:     "myproposal.h, kex.c, sshkey.c and sftp-server.c of OpenSSH 8.4p1; Debian's changelog for the strict key exchange (5+deb11u3)",
	Unverified: "not compared with a running server; PAM's delay is Debian 12's",
}

var rocky9 = &Build{
	Name: "rocky-9", Product: OpenSSH, Version: "8.7p1", Distro: "Rocky Linux 9",
	Identification: "SSH-2.0-OpenSSH_8.7", LineEnd: "\r\n",
	KEX: join(curves, nist, policyGroups, strict), Strict: true,
	HostKeys: rsaSHA2, Ciphers: policyCiphers, MACs: policyMACs, Compression: delayed,
	Extensions: []Extension{sigAlgs84},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, SFTP: sftp[:8],
	Auth: Auth{MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, PAM: true, Scaled: true, Methods: gssapi, FailureDelay: pamDelay},
	Source: "kex.c, sshkey.c and sftp-server.c of OpenSSH 8.7p1; policy DEFAULT of crypto-policies (opensshserver) of May 2024; a public log of ssh -vvv against a Rocky 9 server " +
		"of January 2025 shows these lists, host keys, extensions and methods, before the update with the strict key exchange",
	Unverified: "PAM's delay is Debian's",
}

var ubuntu22 = &Build{
	Name: "ubuntu-22.04", Product: OpenSSH, Version: "8.9p1", Distro: "Ubuntu 22.04",
	Identification: "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", LineEnd: "\r\n",
	KEX: join(curves, nist, []string{"sntrup761x25519-sha512@openssh.com"}, sha2Groups, strict), Strict: true,
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs84, hostbound},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, Auth: pam, SFTP: sftp[:8],
	Source:     "myproposal.h, kex.c, sshkey.c and sftp-server.c of OpenSSH 8.9p1; Ubuntu's changelog for the strict key exchange (3ubuntu0.6)",
	Unverified: "not compared with a running server; PAM's delay is Debian's",
}

var debian12 = &Build{
	Name: "debian-12", Product: OpenSSH, Version: "9.2p1", Distro: "Debian 12",
	Identification: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10", LineEnd: "\r\n",
	KEX: join([]string{"sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"}, curves, nist, sha2Groups, strict), Strict: true,
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs91, hostbound},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, Auth: pam, SFTP: sftp,
	Source: "probe of Debian's sshd 1:9.2p1-2+deb12u10; since deb12u4 the name without a domain is there too",
}

var dropbear = &Build{
	Name: "dropbear-2022.83", Product: Dropbear, Version: "2022.83", Distro: "embedded Linux",
	Identification: "SSH-2.0-dropbear_2022.83", LineEnd: "\r\n", Eager: true, RandomPadding: true, MaxNames: 50,
	KEX: join(curves, []string{
		"ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256", "diffie-hellman-group14-sha1", "kexguess2@matt.ucc.asn.au",
	}, strict), Strict: true,
	HostKeys: []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-256", "ssh-rsa"},
	Ciphers:  []string{"chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"}, MACs: []string{"hmac-sha1", "hmac-sha2-256"},
	Compression: []string{"zlib@openssh.com", "none"},
	Extensions:  []Extension{{"server-sig-algs", "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-256,ssh-rsa,ssh-dss"}},
	KeyTypes:    []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}, RSABits: 2048,
	Texts: Texts{MaxIdentification: 255, Cut: true},
	Auth: Auth{
		MaxTries: 10, GraceTime: 300 * time.Second, MaxStartups: [3]int{30, 100, 30}, PerSourceMaxStartups: 5, Methods: []string{"publickey", "password"}, RootPassword: true,
		FailureDelay: [2]time.Duration{250 * time.Millisecond, 350 * time.Millisecond},
	},
	Source:     "probe of Debian's dropbear 2022.83-1+deb12u3 with three keys (it lists ssh-dss too where that key is made); default_options.h of 2022.83",
	Unverified: "what firmware builds leave out",
}

var fedora39 = &Build{
	Name: "fedora-39", Product: OpenSSH, Version: "9.3p1", Distro: "Fedora 39",
	Identification: "SSH-2.0-OpenSSH_9.3", LineEnd: "\r\n",
	KEX: join(curves, nist, policyGroups, strict), Strict: true,
	HostKeys: rsaSHA2, Ciphers: policyCiphers, MACs: policyMACs, Compression: delayed,
	Extensions: []Extension{sigAlgs91, hostbound},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, SFTP: sftp,
	Auth:       Auth{MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, PAM: true, Scaled: true, Methods: gssapi, FailureDelay: pamDelay},
	Source:     "kex.c, sshkey.c and sftp-server.c of OpenSSH 9.3p1; policy DEFAULT of Fedora's crypto-policies (opensshserver) of May 2024",
	Unverified: "that the update with the strict key exchange is installed; not compared with a running server; PAM's delay is Debian's",
}

var fedora40 = &Build{
	Name: "fedora-40", Product: OpenSSH, Version: "9.6p1", Distro: "Fedora 40",
	Identification: "SSH-2.0-OpenSSH_9.6", LineEnd: "\r\n",
	KEX: join(curves, nist, policyGroups, extInfoS, strict), Strict: true, ExtInfoInAuth: true, Ping: true,
	HostKeys: rsaSHA2, Ciphers: policyCiphers, MACs: policyMACs, Compression: delayed,
	Extensions: []Extension{
		// kex_set_server_sig_algs keeps the order of PubkeyAcceptedAlgorithms.
		{"server-sig-algs", "ecdsa-sha2-nistp256,sk-ecdsa-sha2-nistp256@openssh.com,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,sk-ssh-ed25519@openssh.com,rsa-sha2-256,rsa-sha2-512"},
		hostbound, ping,
	},
	KeyTypes: threeKeys, RSABits: 3072, Moduli: true, Texts: modern, SFTP: sftp,
	Auth:       Auth{MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, PAM: true, Scaled: true, Methods: gssapi, FailureDelay: pamDelay},
	Source:     "kex.c, sshkey.c and sftp-server.c of OpenSSH 9.6p1; policy DEFAULT of Fedora's crypto-policies (opensshserver) of May 2024",
	Unverified: "not compared with a running server; PAM's delay is Debian's",
}

var alpine319 = &Build{
	Name: "alpine-3.19", Product: OpenSSH, Version: "9.6p1", Distro: "Alpine Linux 3.19",
	Identification: "SSH-2.0-OpenSSH_9.6", LineEnd: "\r\n",
	KEX: join([]string{"sntrup761x25519-sha512@openssh.com"}, curves, nist, sha2Groups, extInfoS, strict), Strict: true, ExtInfoInAuth: true, Ping: true,
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs96, hostbound, ping},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: modern, SFTP: sftp,
	Auth: Auth{
		MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, Scaled: true, Methods: []string{"publickey", "password", "keyboard-interactive"},
		FailureDelay: [2]time.Duration{50 * time.Millisecond, 150 * time.Millisecond},
	},
	Source:     "myproposal.h, kex.c, packet.c, servconf.c and sftp-server.c of OpenSSH 9.6p1; Alpine's aport builds it without PAM",
	Unverified: "not compared with a running server; FailureDelay is the cost of crypt with SHA-512 and sshd's own minimum",
}

var kali = &Build{
	Name: "kali", Product: OpenSSH, Version: "9.9p1", Distro: "Kali GNU/Linux Rolling",
	Identification: "SSH-2.0-OpenSSH_9.9p1 Debian-3", LineEnd: "\r\n",
	KEX: join(sntrup99, curves, nist, sha2Groups, extInfoS, strict), Strict: true, ExtInfoInAuth: true, Ping: true,
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs96, hostbound, ping},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: penalties, Auth: pam, SFTP: sftp,
	Source:     "myproposal.h, kex.c, packet.c, servconf.c and sftp-server.c of OpenSSH 9.9p1",
	Unverified: "not compared with a running server; PAM's delay is Debian 12's",
}

var arch = &Build{
	Name: "arch", Product: OpenSSH, Version: "9.9p1", Distro: "Arch Linux",
	Identification: "SSH-2.0-OpenSSH_9.9", LineEnd: "\r\n",
	KEX: join(sntrup99, curves, nist, sha2Groups, extInfoS, strict), Strict: true, ExtInfoInAuth: true, Ping: true,
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed,
	Extensions: []Extension{sigAlgs96, hostbound, ping},
	KeyTypes:   threeKeys, RSABits: 3072, Moduli: true, Texts: penalties, Auth: pam, SFTP: sftp,
	Source:     "myproposal.h, kex.c, packet.c, servconf.c and sftp-server.c of OpenSSH 9.9p1; Arch's sshd_config turns keyboard-interactive off",
	Unverified: "not compared with a running server; PAM's delay is Debian's",
}
