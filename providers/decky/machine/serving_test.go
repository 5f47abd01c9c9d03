package machine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

func tcp(ports ...uint16) (list []decky.Port) {
	for _, p := range ports {
		list = append(list, decky.Port{Number: p, Transport: "tcp"})
	}
	return list
}

func serving(distro string, list ...decky.Listening) *machine.Machine {
	h := servicetest.Host()
	r := persona.Known(distro)
	h.Distro, h.Title, h.Kernel, h.Build = distro, r.Pretty, r.Kernel, r.Build
	return machine.NewServing(h, nil, time.Now, func() []decky.Listening { return list })
}

var four = []decky.Listening{
	{Name: "http", Slug: "http", Program: "nginx", Ports: tcp(80)}, {Name: "https", Slug: "https", Program: "nginx", Ports: tcp(443, 8443)},
	{Name: "ssh", Slug: "ssh", Program: "openssh", Ports: tcp(22)}, {Name: "telnet", Slug: "telnet", Program: "inetutils", Ports: tcp(23)},
}

func TestTheHostRunsTheServicesOfItsDecky(t *testing.T) {
	for _, c := range []struct {
		distro string
		list   []decky.Listening
		want   string // port/process unit
	}{
		{"debian", four, "22/sshd ssh, 23/inetutils-inetd inetutils-inetd, 80/nginx nginx, 443/nginx nginx, 8443/nginx nginx"},
		{"ubuntu22", []decky.Listening{{Program: "netkit", Ports: tcp(23)}, {Program: "apache", Ports: tcp(80)}}, "23/inetd inetd, 80/apache2 apache2"},
		{"rocky9", []decky.Listening{{Program: "netkit", Ports: tcp(23)}, {Program: "apache", Ports: tcp(80)}, {Program: "openssh", Ports: tcp(22, 2222)}}, "22/sshd sshd, 23/systemd telnet.socket, 80/httpd httpd, 2222/sshd sshd"},
		{"alpine", []decky.Listening{{Program: "busybox", Ports: tcp(2323)}, {Program: "lighttpd", Ports: tcp(80)}}, "80/lighttpd lighttpd, 2323/telnetd telnetd"},
		{"arch", []decky.Listening{{Program: "nginx", Ports: tcp(80)}}, "80/nginx nginx"},
		{"debian", []decky.Listening{{Program: "redis", Ports: tcp(6379)}, {Program: "unheard", Ports: tcp(9)}}, "9/unheard unheard, 6379/redis-server redis-server"},
		{"debian", nil, ""},
	} {
		m := serving(c.distro, c.list...)
		units := map[int]string{}
		for _, s := range m.Services() {
			units[s.PID] = s.Unit
		}
		var got []string
		for _, l := range m.Listening() {
			got = append(got, fmt.Sprintf("%d/%s %s", l.Port, l.Name, units[l.PID]))
			agrees(t, m, l)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: %s", c.distro, diff)
		}
	}
}

// agrees checks that a listener's processes run and hold its socket.
func agrees(t *testing.T, m *machine.Machine, l machine.Listener) {
	t.Helper()
	root := m.FS.As(0, 0)
	for _, pid := range l.PIDs {
		p, ok := m.Process(pid)
		if !ok || p.Name != l.Name {
			t.Errorf("process %d of port %d is %+v", pid, l.Port, p)
			continue
		}
		if info, err := root.Lstat(fmt.Sprintf("/proc/%d/fd/%d", pid, l.FD)); err != nil || info.Target != fmt.Sprintf("socket:[%d]", l.Inode) {
			t.Errorf("descriptor %d of %d is %q (%v), want socket %d", l.FD, pid, info.Target, err, l.Inode)
		}
	}
	table, err := root.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(": 00000000:%04X 00000000:0000 0A ", l.Port); strings.Count(string(table), want) != 1 || !strings.Contains(string(table), fmt.Sprintf(" %d 1 0000", l.Inode)) {
		t.Errorf("/proc/net/tcp has no %q with %d:\n%s", want, l.Inode, table)
	}
}

func TestAHostWithoutSSHRunsNoSSHD(t *testing.T) {
	m := serving("debian", decky.Listening{Program: "nginx", Ports: tcp(80)})
	names := map[string]int{}
	for _, p := range m.Processes() {
		names[p.Name]++
	}
	if names["sshd"] != 0 || names["nginx"] != 1+m.Hardware.CPU.Count() || names["cron"] != 1 {
		t.Errorf("%d sshd, %d nginx, %d cron", names["sshd"], names["nginx"], names["cron"])
	}
	if _, err := m.FS.As(0, 0).Lstat("/run/sshd.pid"); err == nil {
		t.Error("/run/sshd.pid is there")
	}
}

func TestServicesMoveNoOtherProcess(t *testing.T) {
	// A host that gets a service later keeps the numbers of what ran before,
	// and no two processes have one number.
	numbers := func(m *machine.Machine) map[string]int {
		seen := map[int]bool{}
		by := map[string]int{}
		for _, p := range m.Processes() {
			if seen[p.PID] {
				t.Errorf("two processes are %d", p.PID)
			}
			seen[p.PID] = true
			by[p.Args] = p.PID
		}
		return by
	}
	for _, distro := range persona.Distros() {
		before, after := numbers(serving(distro, four[2])), numbers(serving(distro, four...))
		for args, pid := range before {
			if !strings.HasPrefix(args, "[") && after[args] != pid {
				t.Errorf("%s: %s was %d and is %d", distro, args, pid, after[args])
			}
		}
	}
}

func TestServicesComeAndGo(t *testing.T) {
	list := four[2:3]
	m := machine.NewServing(servicetest.Host(), nil, time.Now, func() []decky.Listening { return list })
	if n := len(m.Listening()); n != 1 {
		t.Fatalf("%d ports at first", n)
	}
	list = four
	if n := len(m.Listening()); n != 5 {
		t.Errorf("%d ports after two services came", n)
	}
}
