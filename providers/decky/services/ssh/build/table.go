package build

import "time"

// table has every row, oldest first.
var table = []*Build{debian12}

// Lists that several rows share.
var (
	ciphers = []string{"chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"}
	macs    = []string{
		"umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com",
		"umac-64@openssh.com", "umac-128@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1",
	}
	delayed   = []string{"none", "zlib@openssh.com"}
	rsaSHA2   = []string{"rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-ed25519"}
	threeKeys = []string{"ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"}
	moduli    = []int{2048, 3072, 4096, 6144, 7680, 8192}
)

// modern are the texts of kex_exchange_identification, since 8.0.
var modern = Texts{
	Invalid: "Invalid SSH identification string.", Mismatch: "Protocol major versions differ.", MaxIdentification: 8192,
	MaxStartups: "Exceeded MaxStartups", TooMany: "Too many authentication failures",
}

// pam are the limits and the methods of a Debian package: passwords and keys
// for all, and a key only for root.
var pam = Auth{
	MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: [3]int{10, 30, 100}, PAM: true,
	Methods: []string{"publickey", "password"}, RootMethods: []string{"publickey", "password"},
	FailureDelay: [2]time.Duration{1500 * time.Millisecond, 3 * time.Second},
}

var debian12 = &Build{
	Name: "debian-12", Product: OpenSSH, Version: "9.2p1", Distro: "Debian 12",
	Identification: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10", LineEnd: "\r\n",
	KEX: []string{
		"sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
		"diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256", "kex-strict-s-v00@openssh.com",
	},
	HostKeys: rsaSHA2, Ciphers: ciphers, MACs: macs, Compression: delayed, Strict: true,
	Extensions: []Extension{
		{"server-sig-algs", "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-rsa,rsa-sha2-256,rsa-sha2-512"},
		{"publickey-hostbound@openssh.com", "0"},
	},
	KeyTypes: threeKeys, RSABits: 3072, GroupBits: moduli, Texts: modern, Auth: pam,
	Source: "probe of Debian's sshd 1:9.2p1-2+deb12u10",
}
