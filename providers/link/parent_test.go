package link

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sysfs builds what the kernel shows of an interface.
func sysfs(t *testing.T, name, index string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, "ifindex"), []byte(index+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		switch f {
		case "wireless":
			if err := os.Mkdir(filepath.Join(dir, name, f), 0o700); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.Mkdir(filepath.Join(dir, name, "device"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/sys/bus/pci/drivers/"+f, filepath.Join(dir, name, "device", "driver")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestCheckParent(t *testing.T) {
	links := []Info{{Name: "lo", Index: 1, Up: true, Kind: "device"}, {Name: "eth0", Index: 2, Up: true, Kind: "device"}, {Name: "eth1", Index: 3, Kind: "device"}, {Name: "mv0", Index: 4, Up: true, Kind: "macvlan"}, {Name: "ours", Index: 5, Up: true, Kind: "bridge", Alias: "decnet:l:a"}}
	for name, c := range map[string]struct {
		parent, driver, sysfs string
		fatal                 bool
		want                  string // in the text, "" for no problem
	}{
		"good":                {"eth0", DriverMacvlan, sysfs(t, "eth0", "2"), false, ""},
		"missing":             {"eth7", DriverMacvlan, t.TempDir(), true, "set parent to one of: eth0, eth1"},
		"down":                {"eth1", DriverMacvlan, sysfs(t, "eth1", "3"), true, "ip link set eth1 up"},
		"loopback":            {"lo", DriverMacvlan, t.TempDir(), true, "cannot have macvlan children"},
		"ipvlan on macvlan":   {"mv0", DriverIPvlan, t.TempDir(), true, "cannot have ipvlan children"},
		"wireless":            {"eth0", DriverMacvlan, sysfs(t, "eth0", "2", "wireless"), true, "Wi-Fi"},
		"wireless for ipvlan": {"eth0", DriverIPvlan, sysfs(t, "eth0", "2", "wireless"), false, ""},
		"another namespace's": {"eth0", DriverMacvlan, sysfs(t, "eth0", "9", "wireless"), false, ""},
		"VMware":              {"eth0", DriverMacvlan, sysfs(t, "eth0", "2", "vmxnet3"), false, "forged transmits"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := checkParent(links, c.parent, c.driver, c.sysfs)
			if c.want == "" {
				if len(problems) > 0 {
					t.Errorf("problems %+v", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Fatal != c.fatal || !strings.Contains(problems[0].What+problems[0].Remedy, c.want) {
				t.Errorf("problems %+v, want %q", problems, c.want)
			}
		})
	}
}

func TestSysctlNames(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_default_ttl":               "/proc/sys/net/ipv4/ip_default_ttl",
		"net.ipv6.conf.eth0/100.disable_ipv6":   "/proc/sys/net/ipv6/conf/eth0.100/disable_ipv6",
		"net.ipv4.neigh.default.gc_thresh1":     "/proc/sys/net/ipv4/neigh/default/gc_thresh1",
		"":                                      "",
		"net..x":                                "",
		"/etc/passwd":                           "",
		"net.ipv4.conf.//.//.//.etc.shadow.all": "",
	} {
		got, err := sysctlPath(name)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("sysctlPath(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
}
