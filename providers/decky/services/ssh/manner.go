package ssh

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// Program is the product that the configuration shows on a host.
func (c *Config) Program(host decky.Host) string {
	return strings.ToLower(string(pick(*c, host).Product))
}

// pick is the row of the table that a configuration and a host ask for: the one
// whose version and distribution come nearest, with the identification that was
// asked for.
func pick(config Config, host decky.Host) *build.Build {
	wanted := cmp.Or(config.Version, host.Packages["openssh"], host.Packages["dropbear"])
	wanted = strings.TrimPrefix(wanted, "SSH-2.0-")
	row := nearest(wanted, host)
	text := ""
	switch {
	case config.Banner != "":
		text = strings.TrimPrefix(config.Banner, "SSH-2.0-")
	case strings.ContainsAny(wanted, "_ "): // a whole identification
		text = wanted
	}
	if text == "" || row.Identification == "SSH-2.0-"+text {
		return row
	}
	own := *row
	own.Identification = "SSH-2.0-" + text
	return &own
}

// nearest scores the rows: the version first, then the distribution.
func nearest(wanted string, host decky.Host) *build.Build {
	lower := strings.ToLower(wanted)
	version := versionOf(wanted)
	distro := strings.TrimRight(strings.ToLower(host.Distro), "0123456789")
	score := func(b *build.Build) int {
		s := 0
		if version != 0 {
			s -= abs(versionOf(b.Version)-version) * 10
		}
		if wanted != "" && (b.Product == build.Dropbear) != strings.Contains(lower, "dropbear") {
			s -= 1_000_000
		}
		vendor, _, _ := strings.Cut(strings.ToLower(b.Distro), " ")
		if strings.Contains(lower, vendor) || vendor == distro && wanted == "" {
			s += 5
		}
		if vendor == distro {
			s += 2
		}
		if b.Name == defaultBuild {
			s++
		}
		return s
	}
	return slices.MaxFunc(build.All(), func(a, b *build.Build) int { return cmp.Compare(score(a), score(b)) })
}

const defaultBuild = "debian-12"

func abs(n int) int { return max(n, -n) }

// versionOf is the first number of a text with a point, times 100: 902 for
// OpenSSH_9.2p1.
func versionOf(text string) int {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' || i > 0 && text[i-1] >= '0' && text[i-1] <= '9' {
			continue
		}
		major, rest, ok := strings.Cut(text[i:], ".")
		m, err := strconv.Atoi(major)
		if !ok || err != nil {
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(rest)
		}
		if n, err := strconv.Atoi(rest[:end]); err == nil {
			return m*100 + n
		}
	}
	return 0
}

// manner is what a server does above the transport, derived from its release.
type manner struct {
	oldTexts   bool // messages about channels before 7.7
	hostbound  bool // publickey-hostbound-v00@openssh.com, since 8.9
	delayNone  bool // "none" takes it too, until 9.5
	signals    bool // the request "signal" works, since 7.9
	algorithms []string
	acceptEnv  []string // patterns of AcceptEnv in the distribution's sshd_config
	x11        bool     // X11Forwarding yes
	window     uint32   // of a session where it is not OpenSSH's
	packet     uint32
}

// modern are the signature algorithms that every release of the table accepts.
var modern = []string{
	gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01, gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01,
	gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521, gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
}

var (
	hardware = []string{gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256} // since 8.2
	sha1     = []string{gossh.KeyAlgoRSA, gossh.CertAlgoRSAv01}          // until 8.7
)

// redHat is AcceptEnv of CentOS, Rocky and Fedora.
var redHat = strings.Fields("LANG LC_CTYPE LC_NUMERIC LC_TIME LC_COLLATE LC_MONETARY LC_MESSAGES LC_PAPER LC_NAME LC_ADDRESS LC_TELEPHONE LC_MEASUREMENT LC_IDENTIFICATION LC_ALL LANGUAGE XMODIFIERS")

func mannerOf(b *build.Build) manner {
	distro := strings.ToLower(b.Distro)
	if b.Product == build.Dropbear {
		// DEFAULT_RECV_WINDOW and RECV_MAX_CHANNEL_DATA_LEN of 2022.83.
		return manner{window: 24576, packet: 32759, algorithms: append(slices.Clone(modern[6:]), gossh.KeyAlgoRSA)}
	}
	v := versionOf(b.Version)
	m := manner{oldTexts: v < 707, hostbound: v >= 809, delayNone: v < 906, signals: v >= 709, algorithms: slices.Clone(modern)}
	if v >= 802 {
		m.algorithms = append(m.algorithms, hardware...)
	}
	if v < 808 && !strings.Contains(distro, "rocky") {
		m.algorithms = append(m.algorithms, sha1...)
	}
	switch {
	case strings.Contains(distro, "debian"), strings.Contains(distro, "ubuntu"):
		m.acceptEnv, m.x11 = []string{"LANG", "LC_*"}, true
	case strings.Contains(distro, "centos"), strings.Contains(distro, "rocky"), strings.Contains(distro, "fedora"):
		m.acceptEnv, m.x11 = redHat, true
	}
	return m
}

// accepts tells whether AcceptEnv has name.
func (m manner) accepts(name string) bool {
	return slices.ContainsFunc(m.acceptEnv, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, prefix)
	})
}
