package persona_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for the comparison

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/schema/derive"
)

var made = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// hostOf is the n-th host of a site, complete as a provider hands it over.
func hostOf(t testing.TB, distro string, n int) decky.Host {
	t.Helper()
	key := sha256.Sum256(fmt.Appendf(nil, "%s/%d", distro, n))
	macs := derive.NewMACs(0)
	h := decky.Host{
		Address: fmt.Sprintf("decky.%s[%d]", distro, n), Hostname: fmt.Sprintf("SRV-%d", n), Domain: "corp.example", IP: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
		Subnet: "10.0.0.0/8", Gateway: "10.255.255.254", MAC: macs.Derive(derive.Of("seed", fmt.Sprint(distro, n)), derive.Makers("linux"), "x"), OS: "linux", Distro: distro, Key: key[:],
	}
	h.Boot = persona.BootBefore(made, key[8:], h.IP)
	h, err := persona.Complete(h, secret)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func secret(label string) ([]byte, error) {
	sum := sha256.Sum256([]byte("installation/" + label))
	return sum[:], nil
}

func TestFiveThousandHostsShareNothing(t *testing.T) {
	seen := map[string]int{}
	unique := func(kind, value string, n int) {
		if value == "" || value == "None" || value == "0" {
			return
		}
		if other, taken := seen[kind+value]; taken {
			t.Errorf("hosts %d and %d share %s %s", other, n, kind, value)
		}
		seen[kind+value] = n
	}
	for n := range 5000 {
		key := sha256.Sum256(fmt.Append(nil, n))
		distros := persona.Distros()
		h := decky.Host{
			Hostname: "h", IP: fmt.Sprintf("10.0.%d.%d", n>>8, n&255), OS: "linux", Distro: distros[n%len(distros)], Key: key[:],
			MAC: derive.NewMACs(0).Derive(derive.Of("s", fmt.Sprint(n)), derive.Makers("linux"), "x"),
		}
		h.Boot = persona.BootBefore(made.Add(time.Duration(n)*time.Second), key[:], h.IP)
		if ago := made.Sub(h.Boot); ago < -time.Hour || ago > 90*24*time.Hour {
			t.Fatalf("host %d booted %s ago", n, ago)
		}
		p := persona.New(h)
		w := p.Hardware()
		unique("boot", fmt.Sprint(h.Boot.Unix()), n)
		unique("key", string(p.Ed25519("ssh")), n)
		unique("machine id", p.MachineID(), n)
		unique("uuid", w.DMI.ProductUUID, n)
		unique("serial", w.DMI.ProductSerial, n)
		unique("board", w.DMI.BoardSerial, n)
		unique("hash", p.ShadowHash("root"), n)
		for _, b := range w.Blocks {
			unique("fs", b.UUID, n)
			unique("part", b.PartUUID, n)
			if b.Serial != "drive-scsi0" {
				unique("disk", b.Serial, n)
			}
		}
	}
	if len(seen) < 40_000 {
		t.Errorf("only %d values were looked at", len(seen))
	}
}

func TestMachineFitsItself(t *testing.T) {
	for _, distro := range persona.Distros() {
		for n := range 60 {
			h := hostOf(t, distro, n)
			p := persona.New(h)
			w, r := p.Hardware(), p.Release()
			guest := w.Hypervisor != ""
			if got := slices.Contains(w.CPU.Flags, "hypervisor"); got != guest {
				t.Errorf("%s %s: hypervisor flag %v on %q", distro, w.Platform, got, w.Hypervisor)
			}
			if got := slices.Contains(w.CPU.Flags, "vmx") || slices.Contains(w.CPU.Flags, "svm"); got == guest {
				t.Errorf("%s %s: virtualization flags %v", distro, w.Platform, got)
			}
			if (w.DMI.SystemVendor == "VMware, Inc.") != slices.Contains([]string{"00:0c:29", "00:50:56"}, w.NIC.MAC[:8]) {
				t.Errorf("%s: %s has %s", h.Address, w.DMI.SystemVendor, w.NIC.MAC)
			}
			if w.CPU.Count() < 1 || w.CPU.MHz < 1000 || w.MemTotal >= w.Memory*1024 || w.MemTotal < w.Memory*1024*9/10 {
				t.Errorf("%s: %d processors, %f MHz, %d of %d MiB", h.Address, w.CPU.Count(), w.CPU.MHz, w.MemTotal, w.Memory)
			}
			checkBlocks(t, h.Address, w.Blocks)
			if modern := slices.Contains(w.CPU.Flags, "cpuid"); modern == strings.HasPrefix(r.Kernel, "3.") {
				t.Errorf("%s: flags of another kernel than %s", distro, r.Kernel)
			}
			if seen := map[string]bool{}; slices.ContainsFunc(w.CPU.Flags, func(f string) bool { twice := seen[f]; seen[f] = true; return twice || strings.ContainsAny(f, ":%") }) {
				t.Errorf("%s: flags %v", w.CPU.Model, w.CPU.Flags)
			}
		}
	}
}

func checkBlocks(t *testing.T, name string, blocks []persona.Block) {
	t.Helper()
	byName, root := map[string]persona.Block{}, false
	for _, b := range blocks {
		byName[b.Name] = b
		root = root || b.Mount == "/"
		if b.Sectors <= 0 || b.Mount == "/" && (b.Used <= 0 || b.Used*2 >= b.Sectors) {
			t.Errorf("%s: %+v", name, b)
		}
		if parent, ok := byName[b.Parent]; b.Parent != "" && (!ok || b.Start+b.Sectors > parent.Sectors) {
			t.Errorf("%s: %s ends at %d of %s's %d", name, b.Name, b.Start+b.Sectors, b.Parent, parent.Sectors)
		}
		for _, other := range blocks {
			if b.Kind == "part" && other.Kind == "part" && b.Type != "5" && other.Type != "5" && b.Name < other.Name && b.Start+b.Sectors > other.Start {
				t.Errorf("%s: %s and %s overlap", name, b.Name, other.Name)
			}
		}
	}
	if !root {
		t.Errorf("%s: nothing at /", name)
	}
}

// TestEveryMakerIsAPlatform holds the two tables of hardware addresses together.
func TestEveryMakerIsAPlatform(t *testing.T) {
	for _, family := range []string{"linux", "windows", "windows_server", "bsd"} {
		for _, vendor := range derive.Makers(family) {
			for n := range 40 {
				mac := derive.NewMACs(0).Derive(derive.Of("s", fmt.Sprint(vendor, n)), []string{vendor}, "x")
				w := persona.New(decky.Host{MAC: mac, OS: family, Key: []byte(mac)}).Hardware()
				if want := map[string]string{"microsoft": "hyperv"}[vendor]; w.Platform != vendor && w.Platform != want {
					t.Errorf("%s of %s stands in %s", mac, vendor, w.Platform)
				}
			}
		}
	}
}

func TestFamilies(t *testing.T) {
	for _, family := range derive.Families() {
		r := persona.New(decky.Host{OS: family, Distro: "debian", Key: []byte("k")}).Release()
		if (r.System == "Linux") != (family == "linux" || family == "embedded") || r.Pretty == "" || r.Kernel == "" || r.Machine == "" {
			t.Errorf("%s: %+v", family, r)
		}
		if w := persona.New(decky.Host{OS: family, Key: []byte("k")}).Hardware(); w.Memory == 0 || w.CPU.Count() == 0 || w.NIC.Name == "" {
			t.Errorf("%s: %+v", family, w)
		}
	}
}

func TestAccountsHaveGroups(t *testing.T) {
	for _, distro := range persona.Distros() {
		p := persona.New(hostOf(t, distro, 1))
		logins := []string{"root", "admin", "a:b", "", "x\ny", p.Administrator()}
		accounts, groups := p.Accounts(logins), p.Groups(logins)
		ids, names := map[int]bool{}, map[string]bool{}
		for _, g := range groups {
			if names[g.Name] || ids[g.GID] {
				t.Errorf("%s: group %s %d is there twice", distro, g.Name, g.GID)
			}
			ids[g.GID], names[g.Name] = true, true
		}
		persons, seen := 0, map[string]bool{}
		for _, a := range accounts {
			if seen[a.Name] || !ids[a.GID] {
				t.Errorf("%s: account %+v is there twice, or has no group", distro, a)
			}
			seen[a.Name] = true
			if a.Person {
				persons++
			}
		}
		if persons != 2 || !seen["admin"] || !seen["root"] || len(accounts) < 15 {
			t.Errorf("%s: %d persons in %v", distro, persons, accounts)
		}
		for _, g := range groups {
			for _, m := range g.Members {
				if !seen[m] && m != "kvm" { // Alpine's own group file names it so
					t.Errorf("%s: %s is in %s", distro, m, g.Name)
				}
			}
		}
	}
}

func TestCertificateIsTheSites(t *testing.T) {
	a, b := hostOf(t, "debian", 1), hostOf(t, "rocky9", 2)
	roots := x509.NewCertPool()
	for _, h := range []decky.Host{a, b} {
		c, err := persona.New(h).Certificate()
		if err != nil || len(c.Chain) != 2 {
			t.Fatalf("%d certificates, %v", len(c.Chain), err)
		}
		leaf, err := x509.ParseCertificate(c.Chain[0])
		if err != nil {
			t.Fatal(err)
		}
		root, err := x509.ParseCertificate(c.Chain[1])
		if err != nil {
			t.Fatal(err)
		}
		roots.AddCert(root)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: strings.ToLower(h.Hostname) + ".corp.example", CurrentTime: made}); err != nil {
			t.Error(err)
		}
		if days := leaf.NotAfter.Sub(leaf.NotBefore).Hours() / 24; math.Abs(days-730) > 2 || leaf.NotBefore.After(h.Boot) || leaf.NotAfter.Before(made.AddDate(1, 0, 0)) {
			t.Errorf("valid from %s to %s, booted %s", leaf.NotBefore, leaf.NotAfter, h.Boot)
		}
		if !leaf.PublicKey.(*ecdsa.PublicKey).Equal(c.Key.Public()) || !strings.HasPrefix(leaf.Issuer.CommonName, "Corp ") || leaf.IsCA {
			t.Errorf("issued by %s", leaf.Issuer)
		}
		encoded, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		again := hostOf(t, h.Distro, map[string]int{"debian": 1, "rocky9": 2}[h.Distro])
		if diff := cmp.Diff(h, again); diff != "" {
			t.Error(diff)
		}
		authority, _ := secret(persona.AuthorityLabel)
		if strings.Contains(string(encoded), string(authority)) {
			t.Error("the authority's secret is in the spec")
		}
	}
	if string(a.Certificates[1]) != string(b.Certificates[1]) || string(a.Certificates[0]) == string(b.Certificates[0]) {
		t.Error("two hosts of a site must share its authority and nothing else")
	}
	// A certificate of another host's is not shown.
	a.Certificates = b.Certificates
	if c, err := persona.New(a).Certificate(); err != nil || len(c.Chain) != 1 {
		t.Errorf("%d certificates, %v", len(c.Chain), err)
	}
}

func TestZonesKeepSummerTime(t *testing.T) {
	for name, want := range map[string]string{
		"Europe/Berlin": "2026-07-01 14:00 CEST", "Mars/Phobos": "2026-07-01 12:00 UTC", "Europe/London": "2026-07-01 13:00 BST", "Europe/Dublin": "2026-07-01 13:00 IST", "Asia/Kolkata": "2026-07-01 17:30 IST", "Asia/Singapore": "2026-07-01 20:00 +08", "": "2026-07-01 12:00 UTC",
	} {
		z := persona.New(decky.Host{Zone: name, Key: []byte("k")}).Zone()
		if got := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(z.Location).Format("2006-01-02 15:04 MST"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got, err := time.LoadLocationFromTZData("x", z.File()); err != nil || got == nil {
			t.Error(err)
		}
	}
}

// TestEveryZoneShowsItsClock holds the table to the tz database that Go brings.
func TestEveryZoneShowsItsClock(t *testing.T) {
	names := persona.Zones()
	if len(names) < 590 {
		t.Fatalf("%d zones", len(names))
	}
	delete(names, "MET") // another name of Brussels' zone since 2024: older databases have its own letters
	for name := range names {
		location, err := time.LoadLocation(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		own := persona.New(decky.Host{Zone: name, Key: []byte("k")}).Zone()
		// Morocco's clock is set back in Ramadan, which no rule says.
		for _, at := range []time.Time{time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC), time.Date(2026, 4, 20, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)} {
			if want, got := at.In(location).Format(time.RFC1123Z+" MST"), at.In(own.Location).Format(time.RFC1123Z+" MST"); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

func TestSegmentIsSharedAndHoldsTheHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := decky.Host{IP: rapid.SampledFrom([]string{"10.1.2.3", "192.168.7.1", "172.16.0.255", "", "x"}).Draw(t, "ip"), Subnet: rapid.SampledFrom([]string{"", "10.0.0.0/8", "192.168.7.0/30", "x"}).Draw(t, "subnet"), Key: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"), Site: []byte("site")}
		p := persona.New(h)
		if p.Gateway() == p.Prefix().Addr() || !p.Prefix().Contains(p.Gateway()) || len(p.Resolvers()) == 0 {
			t.Fatalf("%s has the gateway %s", p.Prefix(), p.Gateway())
		}
		other := h
		other.Key = []byte("another")
		if h.IP != "" && h.IP != "x" && persona.New(other).GatewayMAC() != p.GatewayMAC() {
			t.Fatal("two hosts of a segment see two routers")
		}
	})
}
