package peer_test

import (
	"bytes"
	"debug/elf"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// world is that of a host in a private segment.
func world(t *testing.T) (peer.World, *machine.Machine) {
	t.Helper()
	m := machine.New(decky.Host{
		Hostname: "srv7", IP: "10.4.0.23", Subnet: "10.4.0.0/24", Gateway: "10.4.0.1", OS: "linux", Distro: "debian",
		Key: bytes.Repeat([]byte{7}, 32), Site: bytes.Repeat([]byte{9}, 32),
	}, nil, time.Now)
	return peer.Of(m), m
}

func TestLookup(t *testing.T) {
	w, m := world(t)
	for _, test := range []struct {
		name string
		want string
		fail peer.Failure
	}{
		{"10.1.2.3", "10.1.2.3", peer.Found},
		{"127.1", "127.0.0.1", peer.Found},
		{"0x7f000001", "127.0.0.1", peer.Found},
		{"3232235777", "192.168.1.1", peer.Found},
		{"0177.0.0.1", "127.0.0.1", peer.Found},
		{"localhost", "127.0.0.1", peer.Found},
		{"example.com.", "93.184.215.14", peer.Found},
		{"1.2.3.4.5", "", peer.NotKnown},
		{"256.1.1.1", "", peer.NotKnown},
		{"host.invalid", "", peer.NotKnown},
		{"host.test", "", peer.NotKnown},
		{"host.local", "", peer.NotKnown},
		{"single", "", peer.NotKnown},
		{"this-does-not-exist-12.com", "", peer.NotKnown},
		{"xkjhgfdqwrtpz.com", "", peer.NotKnown},
		{"a..com", "", peer.NotKnown},
		{"-a.com", "", peer.NotKnown},
		{"host.qq", "", peer.NotKnown},
		{"", "", peer.NotKnown},
	} {
		got, fail := w.Lookup(test.name)
		if fail != test.fail || test.want != "" && got.String() != test.want {
			t.Errorf("%q is %v, %v, want %s, %v", test.name, got, fail, test.want, test.fail)
		}
	}
	one, fail := w.Lookup("bins.evil-host.top")
	if two, _ := w.Lookup("BINS.evil-host.top"); fail != peer.Found || one != two || !one.IsGlobalUnicast() || one.IsPrivate() {
		t.Errorf("a stranger's name is %v and %v, %v", one, two, fail)
	}
	if err := m.FS.As(0, 0).WriteFile("/etc/hosts", []byte("192.0.2.9 mine.example # me\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.Lookup("mine.example"); got.String() != "192.0.2.9" {
		t.Errorf("/etc/hosts is not read: %v", got)
	}
	if err := m.FS.As(0, 0).WriteFile("/etc/resolv.conf", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, fail := w.Lookup("bins.evil-host.top"); fail != peer.Again {
		t.Errorf("without a name server a lookup is %v", fail)
	}
}

func TestConnect(t *testing.T) {
	w, _ := world(t)
	for _, test := range []struct {
		address string
		port    int
		want    peer.Answer
	}{
		{"127.0.0.1", 1, peer.Refused}, {"127.0.0.1", 22, peer.Open}, {"10.4.0.23", 22, peer.Open}, {"10.4.0.23", 81, peer.Refused},
		{"10.4.0.1", 81, peer.Refused}, {"10.4.0.77", 80, peer.NoHost}, {"10.5.0.77", 80, peer.Silent}, {"192.168.0.1", 80, peer.Silent},
		{"203.0.113.9", 80, peer.Silent}, {"198.51.100.9", 80, peer.Silent}, {"192.0.2.9", 80, peer.Silent}, {"169.254.169.254", 80, peer.Silent},
		{"224.0.0.1", 80, peer.Unreachable}, {"255.255.255.255", 80, peer.Unreachable}, {"2001:db8::1", 80, peer.Unreachable},
		{"8.8.8.8", 53, peer.Open}, {"8.8.8.8", 81, peer.Silent}, {"1.2.3.4", 80, peer.Silent}, {"45.95.168.10", 80, peer.Open},
	} {
		l := w.Connect(netip.MustParseAddr(test.address), test.port)
		if l.Answer != test.want {
			t.Errorf("%s:%d answers %v, want %v", test.address, test.port, l.Answer, test.want)
		}
		if (l.Answer == peer.Silent) != (l.Delay > 2*time.Minute) || l.Answer == peer.NoHost && (l.Delay < 3*time.Second || l.Delay > 4*time.Second) {
			t.Errorf("%s:%d takes %v", test.address, test.port, l.Delay)
		}
	}
	answers := map[peer.Answer]int{}
	for i := range 256 {
		for _, port := range []int{23, 4444, 80} {
			answers[w.Connect(netip.AddrFrom4([4]byte{45, byte(i), 3, 7}), port).Answer]++
		}
	}
	if answers[peer.Open] < 380 || answers[peer.Refused] < 60 || answers[peer.Silent] < 40 {
		t.Errorf("strangers answer %v: not all alike, and most of them", answers)
	}
}

func TestGetIsAProgramOfTheProcessorThatTheNameSays(t *testing.T) {
	w, _ := world(t)
	for name, want := range map[string]elf.Machine{
		"sora.x86": elf.EM_386, "bot.x86_64": elf.EM_X86_64, "a.mips": elf.EM_MIPS, "a.mpsl": elf.EM_MIPS, "arm7": elf.EM_ARM, "aarch64": elf.EM_AARCH64, "a.ppc": elf.EM_PPC, "sh4": elf.EM_SH, "m68k": elf.EM_68K, "spc": elf.EM_SPARC, "x": elf.EM_X86_64,
	} {
		page := w.Get(&url.URL{Scheme: "http", Host: "45.95.168.10", Path: "/bins/" + name}, time.Now())
		f, err := elf.NewFile(bytes.NewReader(page.Body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Machine != want || f.Type != elf.ET_EXEC || len(f.Progs) != 3 || (name == "a.mips") != (f.ByteOrder.String() == "BigEndian" && f.Machine == elf.EM_MIPS) {
			t.Errorf("%s is %v, %v, %v", name, f.Machine, f.Type, f.ByteOrder)
		}
		if page.Took <= 0 || page.Took > 2*time.Second || page.Modified.IsZero() || page.Status != 200 {
			t.Errorf("%s: %+v", name, page.Took)
		}
	}
}

func TestGetIsTheSameAgain(t *testing.T) {
	w, _ := world(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, path := range []string{"/", "/a.sh", "/x.tgz", "/m.py", "/d/", "/i.html", "/p.png", "/none-such-404"} {
		u := &url.URL{Scheme: "http", Host: "c2.example-hosting.top", Path: path}
		one, two := w.Get(u, now), w.Get(u, now)
		if diff := cmp.Diff(one, two); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		other := *u
		other.Host = "45.95.168.10"
		if path == "/a.sh" && bytes.Equal(one.Body, w.Get(&other, now).Body) {
			t.Error("two servers have the same file")
		}
		if (one.Status == 404) != strings.Contains(path, "404") {
			t.Errorf("%s is %d", path, one.Status)
		}
	}
}

func TestOutsideIsTheSitesAddress(t *testing.T) {
	w, _ := world(t)
	a := w.Outside()
	if a.IsPrivate() || !a.IsGlobalUnicast() || a != w.Outside() {
		t.Errorf("the site comes from %v", a)
	}
	page := w.Get(&url.URL{Scheme: "http", Host: "ifconfig.me"}, time.Now())
	if string(page.Body) != a.String() {
		t.Errorf("a mirror says %q, want %v", page.Body, a)
	}
}

func TestMade(t *testing.T) {
	w, m := world(t)
	for _, path := range []string{"/a.sh", "/bot.mips", "/x86_64", "/install"} {
		body := w.Get(&url.URL{Scheme: "http", Host: "45.95.168.10", Path: path}, time.Now()).Body
		other := m.Host
		other.Hostname, other.IP = "srv8", "10.4.0.24"
		if !w.Made(body) || !peer.Of(machine.New(other, nil, time.Now)).Made(body) {
			t.Errorf("%s is not known for ours", path)
		}
		changed := append(bytes.Clone(body[:len(body)/2]), body[len(body)/2+1:]...)
		if w.Made(changed) {
			t.Errorf("%s is taken for ours though it was changed", path)
		}
	}
	if w.Made(nil) || w.Made([]byte("#!/bin/sh\n")) {
		t.Error("anything is ours")
	}
}

func FuzzGet(f *testing.F) {
	f.Add("45.1.2.3:80", "/a/b.sh?x")
	f.Add("evil.top", "")
	f.Add("ipinfo.io", "/json")
	m := machine.New(decky.Host{Hostname: "s", IP: "10.4.0.23", Subnet: "10.4.0.0/24", OS: "linux", Distro: "debian", Key: make([]byte, 32)}, nil, time.Now)
	f.Fuzz(func(t *testing.T, host, path string) {
		w := peer.Of(m)
		if a, fail := w.Lookup(host); fail == peer.Found {
			w.Connect(a, 80)
			w.Answers(a)
			w.Reverse(a)
		}
		if page := w.Get(&url.URL{Scheme: "http", Host: host, Path: path}, time.Now()); len(page.Body) > 1<<20 || page.Status == 0 {
			t.Errorf("%q %q: %d bytes, %d", host, path, len(page.Body), page.Status)
		}
	})
}
