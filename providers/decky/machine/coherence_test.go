package machine_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

var clock = time.Date(2026, 5, 14, 15, 16, 17, 0, time.UTC)

var prefixes = []string{"00:50:56", "00:15:5d", "48:df:37", "8c:ec:4b", "ac:1f:6b", "a0:36:9f", "52:54:00"}

// of is the n-th host of a distribution.
func of(distro string, n int) *machine.Machine {
	key := sha256.Sum256(fmt.Appendf(nil, "%s/%d", distro, n))
	h := decky.Host{
		Address: "decky.x", Hostname: fmt.Sprintf("srv-%d", n), Domain: []string{"corp.example", "corp.de", ""}[n%3], IP: fmt.Sprintf("10.20.%d.%d", n/200, n%200+10), Subnet: "10.20.0.0/16", Gateway: "10.20.0.1",
		MAC: fmt.Sprintf("%s:%02x:%02x:%02x", prefixes[n%len(prefixes)], key[0], key[1], key[2]), OS: "linux", Distro: distro, Zone: []string{"", "Europe/Berlin", "America/New_York"}[n%3], Key: key[:], Site: []byte("a site"),
	}
	h.Boot = persona.BootBefore(clock, key[8:], h.IP)
	return machine.New(h, []string{"oracle"}, func() time.Time { return clock })
}

// text is that of a file; links are followed.
func text(t *testing.T, m *machine.Machine, path string) string {
	t.Helper()
	data, err := m.FS.As(0, 0).ReadFile(path)
	if err != nil {
		t.Errorf("%s: %s: %v", m.Release.Slug, path, err)
	}
	return string(data)
}

// TestEverythingAgrees holds all that names a fact of a host together.
func TestEverythingAgrees(t *testing.T) {
	for _, distro := range persona.Distros() {
		for n := range 200 {
			m := of(distro, n)
			agreeOnNames(t, m)
			agreeOnHardware(t, m)
			agreeOnDisks(t, m)
			agreeOnNetwork(t, m)
			agreeOnTime(t, m)
			agreeOnProcesses(t, m)
			if t.Failed() {
				t.Fatalf("%s, host %d", distro, n)
			}
		}
	}
}

func same(t *testing.T, what string, values ...string) {
	t.Helper()
	for _, v := range values[1:] {
		if v != values[0] || v == "" {
			t.Errorf("%s: %q and %q", what, values[0], v)
		}
	}
}

func agreeOnNames(t *testing.T, m *machine.Machine) {
	r := m.Release
	uname := strings.Fields(m.Uname())
	same(t, "hostname", strings.TrimSpace(text(t, m, "/etc/hostname")), strings.TrimSpace(text(t, m, "/proc/sys/kernel/hostname")), uname[1], m.Host.Hostname)
	same(t, "kernel", r.Kernel, strings.TrimSpace(text(t, m, "/proc/sys/kernel/osrelease")), uname[2], strings.Fields(text(t, m, "/proc/version"))[2])
	same(t, "machine", r.Machine, uname[len(uname)-1])
	release := text(t, m, "/etc/os-release")
	if !strings.Contains(release, `PRETTY_NAME="`+r.Pretty+`"`) || !regexp.MustCompile(`(?m)^ID="?`+r.ID+`"?$`).MatchString(release) {
		t.Errorf("os-release of %s: %s", r.Pretty, release)
	}
	if !strings.HasSuffix(text(t, m, "/proc/version"), r.Build+"\n") || strings.TrimSpace(text(t, m, "/proc/sys/kernel/version")) != r.Build {
		t.Errorf("build of %s", r.Build)
	}
	if names := names(t, m, "/boot"); r.Family != "alpine" && r.Family != "arch" && !slices.Contains(names, "vmlinuz-"+r.Kernel) {
		t.Errorf("%s is not in /boot: %v", r.Kernel, names)
	}
	root := "/lib/modules"
	if got := names(t, m, root); !slices.Equal(got, []string{r.Kernel}) {
		t.Errorf("modules of %v", got)
	}
	if !strings.Contains(text(t, m, "/etc/hosts"), m.Persona.ShortName()) && r.Family != "rhel" {
		t.Errorf("hosts: %s", text(t, m, "/etc/hosts"))
	}
	accounts := map[string]bool{}
	for _, a := range m.Accounts() {
		accounts[a.Name] = true
		info, err := m.FS.As(0, 0).Stat(a.Home)
		if a.UID >= 1000 && a.UID < 60000 && (err != nil || info.UID != a.UID) {
			t.Errorf("home of %s: %+v, %v", a.Name, info, err)
		}
	}
	for line := range strings.Lines(text(t, m, "/etc/shadow")) {
		name, _, _ := strings.Cut(line, ":")
		if !accounts[name] {
			t.Errorf("%s has a password and no account", name)
		}
		delete(accounts, name)
	}
	if len(accounts) > 0 {
		t.Errorf("without a line in shadow: %v", slices.Collect(maps.Keys(accounts)))
	}
}

func names(t *testing.T, m *machine.Machine, dir string) []string {
	t.Helper()
	list, err := m.FS.As(0, 0).ReadDir(dir)
	if err != nil {
		t.Errorf("%s: %s: %v", m.Release.Slug, dir, err)
	}
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.Name
	}
	return out
}

// field is what follows a name in a table of names and numbers.
func field(t *testing.T, text, name string) int64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err == nil {
				return n
			}
		}
	}
	t.Errorf("no %s in %s", name, text)
	return 0
}

func agreeOnHardware(t *testing.T, m *machine.Machine) {
	h := m.Hardware
	cpuinfo := text(t, m, "/proc/cpuinfo")
	if n := strings.Count(cpuinfo, "processor\t:"); n != h.CPU.Count() || strings.Count(cpuinfo, h.CPU.Model) != n {
		t.Errorf("%d of %d processors", n, h.CPU.Count())
	}
	if stat := text(t, m, "/proc/stat"); strings.Count(stat, "\ncpu") != h.CPU.Count() {
		t.Errorf("stat: %s", stat)
	}
	if strings.Contains(cpuinfo, " hypervisor ") != (h.Hypervisor != "") {
		t.Error("cpuinfo and platform differ on the hypervisor")
	}
	meminfo, x := text(t, m, "/proc/meminfo"), m.Memory()
	for name, want := range map[string]int64{"MemTotal": x.Total, "MemFree": x.Free, "MemAvailable": x.Available, "Buffers": x.Buffers, "Cached": x.Cached, "SwapTotal": x.Swap, "SwapFree": x.Swap} {
		if got := field(t, meminfo, name); got != want || want < 0 {
			t.Errorf("%s: %d and %d", name, got, want)
		}
	}
	if x.Free <= 0 || x.Free+x.Buffers+x.Cached >= x.Total || x.Available > x.Total || x.Available < x.Free {
		t.Errorf("memory %+v", x)
	}
	same(t, "product", strings.TrimSpace(text(t, m, "/sys/class/dmi/id/product_name")), h.DMI.ProductName)
	same(t, "uuid", strings.TrimSpace(text(t, m, "/sys/class/dmi/id/product_uuid")), h.DMI.ProductUUID)
	if _, err := m.FS.As(1000, 1000).ReadFile("/sys/class/dmi/id/product_serial"); err != syscall.EACCES {
		t.Errorf("anybody reads the serial number: %v", err)
	}
	if swaps := text(t, m, "/proc/swaps"); strings.Count(swaps, "\n") != 1+min(int(h.Swap), 1) || h.Swap > 0 && !strings.Contains(swaps, fmt.Sprint(h.Swap)) {
		t.Errorf("%d of swap, but %s", h.Swap, swaps)
	}
}

func agreeOnDisks(t *testing.T, m *machine.Machine) {
	view := m.FS.As(0, 0)
	partitions, fstab, mounts := text(t, m, "/proc/partitions"), text(t, m, "/etc/fstab"), text(t, m, "/proc/mounts")
	for _, b := range m.Hardware.Blocks {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^ *%d +%d +%d %s$`, b.Major, b.Minor, max(b.Sectors/2, 1), b.Name)).MatchString(partitions) {
			t.Errorf("%s is not in %s", b.Name, partitions)
		}
		info, err := view.Stat("/dev/" + b.Name)
		if err != nil || info.Major != b.Major || info.Minor != b.Minor {
			t.Errorf("/dev/%s: %+v, %v", b.Name, info, err)
		}
		if strings.HasPrefix(b.Mount, "/") {
			if !strings.Contains(mounts, b.Path+" "+b.Mount+" "+b.FS+" ") || !strings.Contains(fstab, b.UUID) && !strings.Contains(fstab, b.Path) && m.Release.ID != "ubuntu" {
				t.Errorf("%s at %s:\n%s\n%s", b.Path, b.Mount, mounts, fstab)
			}
		}
		if resolved, err := view.Resolve(b.Path); err != nil || resolved != "/dev/"+b.Name {
			t.Errorf("%s leads to %s, %v", b.Path, resolved, err)
		}
	}
	for _, f := range m.Filesystems() {
		if f.Size <= 0 || f.Used < 0 || f.Available < 0 || f.Used+f.Available > f.Size || !strings.Contains(mounts, f.Source+" "+f.Point+" "+f.Type) {
			t.Errorf("df: %+v", f)
		}
	}
	for _, bad := range []string{"overlay", "docker", "decnet"} {
		if strings.Contains(mounts, bad) || slices.ContainsFunc(names(t, m, "/sys/class/net"), func(s string) bool { return strings.HasPrefix(s, "veth") }) {
			t.Errorf("%s shows in %s", bad, mounts)
		}
	}
}

func agreeOnNetwork(t *testing.T, m *machine.Machine) {
	nic := m.NIC()
	same(t, "mac", strings.TrimSpace(text(t, m, "/sys/class/net/"+nic+"/address")), m.MAC(), strings.ToLower(m.Host.MAC))
	if got := names(t, m, "/sys/class/net"); !slices.Equal(got, []string{nic, "lo"}) && !slices.Equal(got, []string{"lo", nic}) {
		t.Errorf("cards: %v", got)
	}
	for _, path := range []string{"/proc/net/dev", "/proc/net/arp", "/proc/net/route"} {
		if !strings.Contains(text(t, m, path), nic) {
			t.Errorf("%s does not name %s", path, nic)
		}
	}
	if !strings.Contains(text(t, m, "/proc/net/arp"), m.Gateway()+" ") || !strings.Contains(text(t, m, "/proc/net/arp"), m.GatewayMAC()) {
		t.Error("the router is not in the ARP cache")
	}
	prefix := m.Persona.Prefix()
	if m.IP() != m.Host.IP || m.Network() != "10.20.0.0" || m.Broadcast() != "10.20.255.255" || m.Netmask() != "255.255.0.0" || !prefix.Contains(netip.MustParseAddr(m.Gateway())) {
		t.Errorf("%s in %s, %s, %s", m.IP(), m.Network(), m.Broadcast(), m.Netmask())
	}
}

func agreeOnTime(t *testing.T, m *machine.Machine) {
	up, err := strconv.ParseFloat(strings.Fields(text(t, m, "/proc/uptime"))[0], 64)
	if err != nil || time.Duration(up*float64(time.Second))-m.Uptime() > 20*time.Millisecond || m.Uptime() < time.Hour || m.Uptime() > 90*24*time.Hour {
		t.Errorf("up %f and %s: %v", up, m.Uptime(), err)
	}
	if !strings.Contains(text(t, m, "/proc/stat"), fmt.Sprintf("btime %d\n", m.Boot.Unix())) {
		t.Error("another start in /proc/stat")
	}
	if resolved, err := m.FS.As(0, 0).Resolve("/etc/localtime"); err != nil || !strings.HasSuffix(resolved, "/"+m.Zone.Name) {
		t.Errorf("time zone %s: %s, %v", m.Zone.Name, resolved, err)
	}
	if !m.Built.Before(m.Boot) || !m.Boot.Before(clock) {
		t.Errorf("installed %s, started %s", m.Built, m.Boot)
	}
	for _, v := range m.Visits() {
		if v.In.Before(m.Boot) || v.Out.After(clock) || v.Out.Before(v.In) {
			t.Errorf("a visit from %s to %s, started %s", v.In, v.Out, m.Boot)
		}
	}
	if m.Boot.Unix()%16 > 0 { // it takes long
		return
	}
	late := 0
	for _, dir := range []string{"/etc", "/var/log", "/usr/bin", "/root", "/var/lib"} {
		list, err := m.FS.As(0, 0).ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if f.MTime.After(clock) {
				late++
			}
		}
	}
	if late > 0 {
		t.Errorf("%d files of the future", late)
	}
}

func agreeOnProcesses(t *testing.T, m *machine.Machine) {
	listed := names(t, m, "/proc")
	seen := map[int]bool{}
	for _, p := range m.Processes() {
		if seen[p.PID] || p.PID <= 0 || p.PID >= m.MaxPID() || p.PPID != 0 && !seen[p.PPID] || !slices.Contains(listed, fmt.Sprint(p.PID)) {
			t.Errorf("process %+v", p)
		}
		seen[p.PID] = true
		if p.Kernel() != (len(p.Argv()) == 0) {
			t.Errorf("process %+v has the command line %q", p, p.Argv())
		}
	}
	status := text(t, m, "/proc/1/status")
	init := map[bool]string{true: "systemd", false: "init"}[m.Release.Init == "systemd"]
	if !strings.HasPrefix(status, "Name:\t"+init+"\n") || strings.TrimSpace(text(t, m, "/proc/1/comm")) != init {
		t.Errorf("init is %s", status)
	}
	if _, err := m.FS.As(0, 0).ReadFile("/proc/self/status"); err != nil {
		t.Error(err)
	}
	if load := text(t, m, "/proc/loadavg"); !strings.HasPrefix(load, fmt.Sprintf("%.2f %.2f %.2f ", m.Load()[0], m.Load()[1], m.Load()[2])) {
		t.Errorf("load %s", load)
	}
}

// TestEveryFileCanBeRead walks the whole tree of each distribution.
func TestEveryFileCanBeRead(t *testing.T) {
	for _, distro := range persona.Distros() {
		m := of(distro, 3)
		files, months := 0, map[string]bool{}
		walk(t, m, "/", func(path string, info vfs.Info) {
			files++
			if !info.MTime.Before(clock.Add(time.Second)) {
				t.Errorf("%s %s: written %s", distro, path, info.MTime)
			}
			if strings.HasPrefix(path, "/etc/") {
				months[info.MTime.Format("2006-01")] = true
			}
			if info.IsFile() && info.Size < 1<<20 {
				data, err := m.FS.As(0, 0).ReadFile(path)
				if err != nil && !strings.HasPrefix(path, "/proc/") || info.Size > 0 && int64(len(data)) != info.Size {
					t.Errorf("%s %s: %d bytes of %d, %v", distro, path, len(data), info.Size, err)
				}
				if strings.HasPrefix(path, "/etc/") && regexp.MustCompile(`@[A-Z0-9]{2,}@`).Match(data) {
					t.Errorf("%s %s: %s", distro, path, data)
				}
			}
		})
		if files < 2000 && distro != "alpine" || files < 1000 || len(months) < 3 {
			t.Errorf("%s has %d files, those of /etc from %d months", distro, files, len(months))
		}
	}
}

func walk(t *testing.T, m *machine.Machine, dir string, each func(string, vfs.Info)) {
	t.Helper()
	list, err := m.FS.As(0, 0).ReadDir(dir)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return
	}
	for _, info := range list {
		path := strings.TrimSuffix(dir, "/") + "/" + info.Name
		if strings.HasPrefix(path, "/proc/") && regexp.MustCompile(`^/proc/\d+/(task|net)`).MatchString(path) {
			continue
		}
		each(path, info)
		if info.IsDir() {
			walk(t, m, path, each)
		}
	}
}

func TestTheKernelsDirectoriesTakeNothing(t *testing.T) {
	m := of("debian", 1)
	v := m.FS.As(0, 0)
	for what, err := range map[string]error{
		"touch /proc/x": v.WriteFile("/proc/x", nil, 0o644), "mkdir /proc/1/x": v.Mkdir("/proc/1/x", 0o755), "touch /sys/class/x": v.WriteFile("/sys/class/x", nil, 0o644), "touch /dev/pts/x": v.WriteFile("/dev/pts/x", nil, 0o644),
		"rm cpuinfo": v.Remove("/proc/cpuinfo"), "mv version": v.Rename("/proc/version", "/tmp/v"), "mv in": v.Rename("/etc/motd", "/proc/motd"), "rmdir /proc": v.Remove("/proc"), "chmod": v.Chmod("/proc/meminfo", 0o777), "write": v.WriteFile("/proc/cpuinfo", []byte("x"), 0),
		"link": v.Link("/proc/version", "/tmp/v"), "read-only sysctl": m.SetSysctl("kernel.ostype", "x"), "no sysctl": m.SetSysctl("kernel.nope", "1"), "bad sysctl": m.SetSysctl("vm.swappiness", "much"),
	} {
		if err == nil {
			t.Errorf("%s is done", what)
		}
	}
	if err := v.WriteFile("/proc/sys/vm/swappiness", []byte("10\n"), 0); err != nil {
		t.Error(err)
	}
	if got, _ := m.Sysctl("vm.swappiness"); got != "10" || text(t, m, "/proc/sys/vm/swappiness") != "10\n" {
		t.Errorf("swappiness is %q", got)
	}
	if err := v.WriteFile("/dev/shm/x", []byte("x"), 0o644); err != nil {
		t.Error(err)
	}
	if err := v.WriteFile("/dev/null", []byte("x"), 0); err != nil || text(t, m, "/dev/null") != "" {
		t.Errorf("/dev/null: %v", err)
	}
}

func TestSessionsAreProcesses(t *testing.T) {
	m := of("debian", 2)
	login, leave := m.Enter("oracle", netip.MustParseAddr("10.20.9.9"))
	pid, end := m.Run(machine.Process{PPID: login.PID, User: "oracle", TTY: login.TTY, Stat: "R+", Name: "sleep", Args: "sleep 100", Exe: "/usr/bin/sleep"})
	view := m.FS.As(1000, 1000)
	view.PID = pid
	if data, err := view.ReadFile("/proc/self/cmdline"); err != nil || string(data) != "sleep\x00100\x00" {
		t.Errorf("own command line %q, %v", data, err)
	}
	if target, err := view.Lstat("/proc/self/exe"); err != nil || target.Target != "/usr/bin/sleep" {
		t.Errorf("own program %+v, %v", target, err)
	}
	if info, err := view.Stat("/dev/" + login.TTY); err != nil || info.UID != 1000 || info.Mode&vfs.TypeMask != vfs.TypeChar {
		t.Errorf("terminal %+v, %v", info, err)
	}
	if !strings.Contains(text(t, m, "/proc/net/arp"), "10.20.9.9") || !strings.Contains(text(t, m, "/proc/mounts"), "/run/user/1000") {
		t.Error("the session leaves no trace")
	}
	end()
	leave()
	if _, ok := m.Process(pid); ok {
		t.Error("the process lives on")
	}
	if len(m.Logins()) != 0 {
		t.Error("the session lives on")
	}
}

func TestProgramsAreGenuineUntilTouched(t *testing.T) {
	m := of("alpine", 1)
	v := m.FS.As(0, 0)
	if !m.Genuine("/bin/ls") || !m.Genuine("/usr/bin/wget") || m.Genuine("/etc/passwd/x") || m.Genuine("/bin") {
		t.Error("genuine programs are not told")
	}
	data, err := v.ReadFile("/bin/busybox")
	if err != nil || string(data[:4]) != "\x7fELF" {
		t.Fatalf("%q, %v", data[:4], err)
	}
	if err := v.WriteFile("/tmp/copy", data, 0o755); err != nil || m.Genuine("/tmp/copy") {
		t.Errorf("a copy is genuine: %v", err)
	}
	if err := v.WriteFile("/bin/busybox", []byte("x"), 0); err != nil || m.Genuine("/bin/ls") {
		t.Errorf("a replaced program is genuine: %v", err)
	}
}

// TestAHostAtRestIsSmall bounds what a host costs beside the image that all of
// its distribution share.
func TestAHostAtRestIsSmall(t *testing.T) {
	for _, distro := range []string{"debian", "ubuntu22", "centos7"} {
		_ = of(distro, 0) // the image
		const hosts = 200
		kept := make([]*machine.Machine, 0, hosts)
		before := heap()
		for n := range hosts {
			kept = append(kept, of(distro, n))
		}
		each := (heap() - before) / hosts
		t.Logf("%s: %d bytes a host", distro, each)
		if each > 60<<10 {
			t.Errorf("a host of %s takes %d bytes", distro, each)
		}
		runtime.KeepAlive(kept)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
