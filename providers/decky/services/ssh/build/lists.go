package build

import (
	"slices"
	"time"
)

func join(lists ...[]string) []string { return slices.Concat(lists...) }

// Lists that several rows share.
var (
	curves     = []string{"curve25519-sha256", "curve25519-sha256@libssh.org"}
	nist       = []string{"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"}
	sha2Groups = []string{"diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256"}
	strict     = []string{"kex-strict-s-v00@openssh.com"}
	extInfoS   = []string{"ext-info-s"}
	sntrup99   = []string{"sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "mlkem768x25519-sha256"}

	ciphers = []string{"chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"}
	macs    = []string{
		"umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com",
		"umac-64@openssh.com", "umac-128@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1",
	}
	delayed = []string{"none", "zlib@openssh.com"}

	// The policy DEFAULT of Enterprise Linux 9 and Fedora.
	policyGroups  = []string{"diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"}
	policyCiphers = []string{"aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-gcm@openssh.com", "aes128-ctr"}
	policyMACs    = []string{
		"hmac-sha2-256-etm@openssh.com", "hmac-sha1-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
		"hmac-sha2-256", "hmac-sha1", "umac-128@openssh.com", "hmac-sha2-512",
	}

	rsaSHA1   = []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"}
	rsaSHA2   = []string{"rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-ed25519"}
	threeKeys = []string{"ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"}

	gssapi = []string{"publickey", "gssapi-keyex", "gssapi-with-mic", "password"}
)

// Extensions that several rows share: sshkey.c's order until 8.9, that of 9.1
// on, and from 9.6 on the order of PubkeyAcceptedAlgorithms.
var (
	sigAlgs84 = Extension{"server-sig-algs", "ssh-ed25519,sk-ssh-ed25519@openssh.com,ssh-rsa,rsa-sha2-256,rsa-sha2-512,ssh-dss,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com"}
	sigAlgs91 = Extension{"server-sig-algs", "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-rsa,rsa-sha2-256,rsa-sha2-512"}
	sigAlgs96 = Extension{"server-sig-algs", "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"}
	hostbound = Extension{"publickey-hostbound@openssh.com", "0"}
	ping      = Extension{"ping@openssh.com", "0"}
)

// sftp are the extensions of OpenSSH's sftp-server: five in 7.4, then
// lsetstat (8.2), limits and expand-path (8.7), and the rest (9.2).
var sftp = []Extension{
	{"posix-rename@openssh.com", "1"},
	{"statvfs@openssh.com", "2"},
	{"fstatvfs@openssh.com", "2"},
	{"hardlink@openssh.com", "1"},
	{"fsync@openssh.com", "1"},
	{"lsetstat@openssh.com", "1"},
	{"limits@openssh.com", "1"},
	{"expand-path@openssh.com", "1"},
	{"copy-data", "1"},
	{"home-directory", "1"},
	{"users-groups-by-id@openssh.com", "1"},
}

// modern are the texts of kex_exchange_identification, since 8.0.
var modern = Texts{
	Invalid: "Invalid SSH identification string.", Mismatch: "Protocol major versions differ.", TextEnd: "\r\n", MaxIdentification: 8192,
	MaxStartups: "Exceeded MaxStartups", TooMany: "Too many authentication failures",
}

// penalties are those since 9.8, with one text for whoever is not let in.
var penalties = Texts{
	Invalid: "Invalid SSH identification string.", Mismatch: "Protocol major versions differ.", TextEnd: "\r\n", MaxIdentification: 8192,
	MaxStartups: "Not allowed at this time", TooMany: "Too many authentication failures",
}

var (
	startups = [3]int{10, 30, 100}
	// pam_unix asks for 2 s; libpam varies it by half up and down.
	pamDelay = [2]time.Duration{time.Second, 3 * time.Second}
)

// pam are the limits and the methods of a Debian package.
var pam = Auth{
	MaxTries: 6, GraceTime: 120 * time.Second, MaxStartups: startups, PAM: true, Scaled: true, Methods: []string{"publickey", "password"}, FailureDelay: pamDelay,
}
