package peer

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// hash is a number for a label.
func hash(label string) uint64 {
	sum := sha256.Sum256([]byte(label))
	return binary.BigEndian.Uint64(sum[:8])
}

// Failure is why a name could not be resolved.
type Failure int

// Failures of getaddrinfo(3).
const (
	Found Failure = iota
	NotKnown
	Again
)

// Text is gai_strerror(3)'s.
func (f Failure) Text() string {
	return [...]string{"", "Name or service not known", "Temporary failure in name resolution"}[f]
}

// zones are the generic top-level domains that names are looked up in; those of
// two letters are countries'.
const zones = " com net org info biz xyz top site online club shop icu live pro vip cloud app dev tech store space fun website link click work world one host press email name mobi asia cat tel gov edu mil int arpa ink ltd wang red blue pink cam cyou buzz rest monster bond sbs lol wtf ninja zone network systems solutions agency digital media news blog chat life today group company center services support tools run page win bid loan date trade stream download review party science men racing accountant faith cricket webcam "

// countries that exist are most of two letters; these do not.
const noCountry = " xx zz qq yy aa oo ww xz zx qz zq jj kk vv "

// known are names whose addresses many people know.
var known = map[string]string{
	"dns.google": "8.8.8.8", "one.one.one.one": "1.1.1.1", "google.com": "142.250.185.78", "www.google.com": "142.250.185.68", "github.com": "140.82.121.4", "raw.githubusercontent.com": "185.199.108.133", "gist.githubusercontent.com": "185.199.109.133",
	"objects.githubusercontent.com": "185.199.110.133", "pastebin.com": "104.20.67.143", "transfer.sh": "144.76.136.153", "example.com": "93.184.215.14", "www.example.com": "93.184.215.14", "bing.com": "13.107.21.200", "baidu.com": "39.156.66.10", "www.baidu.com": "180.101.50.242",
	"ipinfo.io": "34.117.59.81", "ifconfig.me": "34.160.111.145", "icanhazip.com": "104.16.184.241", "api.ipify.org": "104.26.12.205", "checkip.amazonaws.com": "54.246.142.89", "ip-api.com": "208.95.112.1", "ident.me": "49.12.234.183", "ipecho.net": "34.160.111.145", "myip.dnsomatic.com": "146.112.255.205",
	"deb.debian.org": "151.101.2.132", "security.debian.org": "151.101.2.132", "archive.ubuntu.com": "185.125.190.39", "security.ubuntu.com": "185.125.190.36", "ubuntu.com": "185.125.190.20", "debian.org": "130.89.148.77", "kernel.org": "139.178.84.217", "microsoft.com": "20.112.250.133", "yahoo.com": "74.6.231.21", "facebook.com": "157.240.20.35", "cloudflare.com": "104.16.132.229", "amazon.com": "205.251.242.103", "download.docker.com": "18.154.63.9", "pypi.org": "151.101.0.223", "registry.npmjs.org": "104.16.0.34",
}

// hosters are blocks that servers of strangers stand in.
var hosters = [...][2]byte{{45, 33}, {51, 15}, {104, 248}, {139, 59}, {159, 65}, {167, 99}, {172, 105}, {185, 244}, {188, 166}, {193, 42}, {194, 87}, {195, 133}, {104, 21}, {172, 67}, {91, 92}, {5, 181}}

// Known tells a name that everybody's resolver has.
func Known(name string) bool { _, ok := known[strings.ToLower(name)]; return ok }

// Lookup is the address of a name: of a numeric one in any form that inet_aton(3)
// takes, of /etc/hosts, or of the zone that it would stand in.
func (w World) Lookup(name string) (netip.Addr, Failure) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if a, ok := Numeric(name); ok {
		return a, Found
	}
	if a, ok := w.hosts(name); ok {
		return a, Found
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), Found
	}
	if name == "_gateway" && w.m.Release.Init == "systemd" {
		return w.m.Persona.Gateway(), Found
	}
	if !w.resolver() {
		return netip.Addr{}, Again
	}
	if a, ok := known[name]; ok {
		return netip.MustParseAddr(a), Found
	}
	if !plausible(name) {
		return netip.Addr{}, NotKnown
	}
	h := hash("name/" + name)
	block := hosters[int(h>>32)%len(hosters)]
	return netip.AddrFrom4([4]byte{block[0], block[1], byte(h >> 8), byte(2 + h%250)}), Found
}

// Reverse is the name of an address, "" where none is known.
func (w World) Reverse(a netip.Addr) string {
	if a.IsLoopback() {
		return "localhost"
	}
	data, err := w.m.FS.As(0, 0).ReadFile("/etc/hosts")
	if err == nil {
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if f := strings.Fields(line); len(f) > 1 && f[0] == a.String() {
				return f[1]
			}
		}
	}
	if a == w.m.Persona.Gateway() && w.m.Release.Init == "systemd" && w.m.Release.Family != "rhel" {
		return "_gateway"
	}
	return ""
}

// hosts looks a name up in /etc/hosts.
func (w World) hosts(name string) (netip.Addr, bool) {
	data, err := w.m.FS.As(0, 0).ReadFile("/etc/hosts")
	if err != nil {
		return netip.Addr{}, false
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		for _, n := range f[1:] {
			if a, err := netip.ParseAddr(f[0]); err == nil && a.Is4() && strings.ToLower(n) == name {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}

// resolver tells whether /etc/resolv.conf names a server that answers.
func (w World) resolver() bool {
	servers := w.Resolvers()
	return len(servers) > 0
}

// Resolvers are the servers of /etc/resolv.conf that answer.
func (w World) Resolvers() (out []netip.Addr) {
	data, err := w.m.FS.As(0, 0).ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil && w.resolves(a) {
			out = append(out, a)
		}
	}
	return out
}

func (w World) resolves(a netip.Addr) bool {
	_, public := resolvers[a.String()]
	return public || a.IsLoopback() || w.Neighbour(a) || a == w.m.Persona.Gateway() || hasAddr(w.m.Persona.Resolvers(), a)
}

func hasAddr(list []netip.Addr, a netip.Addr) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

// Numeric reads an address as inet_aton(3) does: 1 to 4 parts, decimal, octal
// or hexadecimal; or one of IPv6.
func Numeric(name string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return a, true
	}
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, p := range parts {
		if p == "" || p[0] < '0' || p[0] > '9' || strings.Contains(p, "_") {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(p, 0, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			if n > 255 {
				return netip.Addr{}, false
			}
			value |= n << (24 - 8*i)
			continue
		}
		if n >= 1<<(32-8*i) {
			return netip.Addr{}, false
		}
		value |= n
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(value))
	return netip.AddrFrom4(b), true
}

// unlikely are parts of names that are made up to see whether everything
// resolves.
var unlikely = []string{"nonexist", "notexist", "doesnotexist", "does-not-exist", "not-exist", "non-exist", "nosuch", "no-such", "invalid", "asdf", "qwert", "zxcv", "fakedomain", "fake-domain", "thisdomain", "bogus", "foobar", "honeypot"}

// plausible tells whether a name could be registered and stand in a zone.
func plausible(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return false
	}
	top := labels[len(labels)-1]
	switch {
	case len(top) == 2:
		if strings.Contains(noCountry, " "+top+" ") || strings.ContainsAny(top, "0123456789") {
			return false
		}
	case !strings.Contains(zones, " "+top+" "):
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	for _, word := range unlikely {
		if strings.Contains(name, word) {
			return false
		}
	}
	return !gibberish(labels[len(labels)-2])
}

// gibberish tells a word that a hand fell on the keyboard for: long, and hardly
// a vowel in it or too many changes between letters and digits.
func gibberish(word string) bool {
	if len(word) < 10 {
		return false
	}
	vowels, letters, run, longest, changes := 0, 0, 0, 0, 0
	for i := range len(word) {
		c := word[i]
		digit := c >= '0' && c <= '9'
		if i > 0 && digit != (word[i-1] >= '0' && word[i-1] <= '9') {
			changes++
		}
		if digit || c == '-' || c == '_' {
			run = 0
			continue
		}
		letters++
		if strings.IndexByte("aeiouy", c|0x20) >= 0 {
			vowels++
			run = 0
		} else if run++; run > longest {
			longest = run
		}
	}
	return longest >= 6 || letters >= 10 && vowels*6 < letters || changes >= 6
}
