package network_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
	"github.com/decnet/decnet/schema/event"
)

// Words of iproute2 6.1, net-tools 2.10, iputils 20221126 and busybox 1.35 as
// Debian 12 builds them.
func TestNetworkPrograms(t *testing.T) {
	h := programtest.New(t, "root")
	nic, mac, gateway, ip := h.Machine.NIC(), h.Machine.MAC(), h.Machine.Gateway(), h.Machine.IP()
	sshd := h.Machine.Listening()[0]
	const forever = "       valid_lft forever preferred_lft forever\n"
	lo := "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n" + forever
	for _, test := range []struct {
		line     string
		out, err string
		status   int
	}{
		{"ip a", lo + "2: " + nic + ": <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether " + mac + " brd ff:ff:ff:ff:ff:ff\n    inet " + ip + "/24 brd " + h.Machine.Broadcast() + " scope global " + nic + "\n" + forever, "", 0},
		{"ip addr show dev lo", lo, "", 0},
		{"ip -br a s lo", "lo               UNKNOWN        127.0.0.1/8 \n", "", 0},
		{"ip -o -4 a s lo", "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n", "", 0},
		{"ip -6 a", "", "", 0},
		{"ip r", "default via " + gateway + " dev " + nic + " onlink \n" + h.Machine.Network() + "/24 dev " + nic + " proto kernel scope link src " + ip + " \n", "", 0},
		{"ip route get 8.8.8.8", "8.8.8.8 via " + gateway + " dev " + nic + " src " + ip + " uid 0 \n    cache \n", "", 0},
		{"ip route get 127.0.0.1", "local 127.0.0.1 dev lo src 127.0.0.1 uid 0 \n    cache <local> \n", "", 0},
		{"ip rule", "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n", "", 0},
		{"ip -V", "ip utility, iproute2-6.1.0, libbpf 1.1.2\n", "", 0},
		{"ip foo", "", "Object \"foo\" is unknown, try \"ip help\".\n", 1},
		{"ip a foo", "", "Command \"foo\" is unknown, try \"ip address help\".\n", 255},
		{"ip r foo", "", "Command \"foo\" is unknown, try \"ip route help\".\n", 255},
		{"ip -Z", "", "Option \"-Z\" is unknown, try \"ip -help\".\n", 255},
		{"ip a s dev nope", "", "Device \"nope\" does not exist.\n", 1},
		{"ip link set nope up", "", "Cannot find device \"nope\"\n", 1},
		{"ip addr add 1.2.3.4/24", "", "Not enough information: \"dev\" argument is required.\n", 1},
		{"ip addr add 300.2.3.4/24 dev lo", "", "Error: any valid prefix is expected rather than \"300.2.3.4/24\".\n", 1},
		{"ip addr add 127.0.0.1/8 dev lo", "", "Error: ipv4: Address already assigned.\n", 2},
		{"ip route add default via " + gateway, "", "RTNETLINK answers: File exists\n", 2},
		{"ip route add 1.1.1.1 via 9.9.9.9", "", "Error: Nexthop has invalid gateway.\n", 2},
		{"ip route del 7.7.7.7", "", "RTNETLINK answers: No such process\n", 2},
		{"ip r get", "", "need at least a destination address\n", 1},
		{"ip addr add 10.9.0.1/24 dev lo; ip -br a s lo; ip addr del 10.9.0.1/24 dev lo; ip -br a s lo", "lo               UNKNOWN        127.0.0.1/8 10.9.0.1/24 \nlo               UNKNOWN        127.0.0.1/8 \n", "", 0},
		{"ip r add 7.7.7.0/24 via " + gateway + "; ip r | tail -1; route -n | tail -1; ip r del 7.7.7.0/24; ip r | grep -c 7.7.7", "7.7.7.0/24 via " + gateway + " dev " + nic + " \n7.7.7.0         " + fmt.Sprintf("%-15s", gateway) + " 255.255.255.0   UG    0      0        0 " + nic + "\n0\n", "", 1},
		{"ip l set dev lo mtu 1400; cat /sys/class/net/lo/address; ip l set lo mtu 65536", "00:00:00:00:00:00\n", "", 0},
		{"ip l set " + nic + " mtu 99000", "", "Error: mtu greater than device maximum.\n", 2},
		{"ss -tlnp", "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\nLISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:((\"sshd\",pid=" + fmt.Sprint(sshd.PID) + ",fd=3))\n", "", 0},
		{"ss -tn state established", "Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n", "", 0},
		{"ss -Z", "", "ss: SELinux is not enabled.\n", 1},
		{"ss -tl", "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\nLISTEN 0      128          0.0.0.0:ssh       0.0.0.0:*          \n", "", 0},
		{"netstat -tln", "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State      \ntcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN     \n", "", 0},
		{"netstat -rn | head -2", "Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n", "", 0},
		{"netstat -Z", "", "SELinux is not enabled on this machine.\n", 1},
		{"ifconfig nope", "", "nope: error fetching interface information: Device not found\n", 1},
		{"ifconfig -Z", "", "ifconfig: option `-Z' not recognised.\nifconfig: `--help' gives usage information.\n", 1},
		{"ifconfig lo | head -2", "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n", "", 0},
		{"route add 1.1.1.1 gw 9.9.9.9", "", "SIOCADDRT: Network is unreachable\n", 7},
		{"route del 7.7.7.7", "", "SIOCDELRT: No such process\n", 7},
		{"arp -an", "? (" + gateway + ") at " + h.Machine.GatewayMAC() + " [ether] on " + nic + "\n", "", 0},
		{"arp -d 7.7.7.7", "", "SIOCDARP(dontpub): Network is unreachable\n", 255},
		{"ping", "", "ping: usage error: Destination address required\n", 1},
		{"ping -c x 127.0.0.1", "", "ping: invalid argument: 'x'\n", 1},
		{"ping -c 1 nope.invalid", "", "ping: nope.invalid: Name or service not known\n", 2},
		{"ping -c 1 -W 1 10.99.1.1", "PING 10.99.1.1 (10.99.1.1) 56(84) bytes of data.\n\n--- 10.99.1.1 ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss, time 0ms\n\n", "", 1},
		{"ping6 -c 1 ::1", "", "ping6: connect: Cannot assign requested address\n", 2},
		{"tc qdisc show dev lo", "qdisc noqueue 0: root refcnt 2 \n", "", 0},
		{"tc -s qdisc show dev lo", "qdisc noqueue 0: root refcnt 2 \n Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n", "", 0},
		{"tc qdisc show dev nope", "", "Cannot find device \"nope\"\n", 1},
		{"tc foo", "", "Object \"foo\" is unknown, try \"tc help\".\n", 255},
		{"tc qdisc add dev lo root netem delay 1ms", "", "Error: Specified qdisc kind is unknown.\n", 2},
		{"bridge vlan", "port              vlan-id  \n", "", 0},
		{"bridge foo", "", "Object \"foo\" is unknown, try \"bridge help\".\n", 255},
		{"bridge -V", "bridge utility, 6.1.0\n", "", 0},
		{"routel | head -1", "Dst             Gateway         Prefsrc         Protocol Scope   Dev              Table\n", "", 0},
		{"busybox ping nope.invalid", "", "ping: bad address 'nope.invalid'\n", 1},
		{"busybox ip a s dev x", "", "ip: can't find device 'x'\n", 1},
		{"busybox ifconfig lo | head -2", "lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n", "", 0},
		{"busybox netstat -tln | tail -1", "tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      \n", "", 0},
	} {
		out, err, status := h.Run(t, test.line, "")
		if diff := cmp.Diff([]any{test.out, test.err, test.status}, []any{out, err, status}); diff != "" {
			t.Errorf("%s\n%s", test.line, diff)
		}
	}
}

func TestChangesAreRootsAlone(t *testing.T) {
	h := programtest.New(t, "admin")
	nic := h.Machine.NIC()
	for line, want := range map[string]string{
		"ip link set " + nic + " down":                    "RTNETLINK answers: Operation not permitted\n",
		"ip addr add 1.1.1.1/24 dev " + nic:               "RTNETLINK answers: Operation not permitted\n",
		"ip route add 1.1.1.1 via " + h.Machine.Gateway(): "RTNETLINK answers: Operation not permitted\n",
		"ip addr flush dev " + nic:                        "Failed to send flush request: Operation not permitted\n",
		"/usr/sbin/ifconfig " + nic + " down":             "SIOCSIFFLAGS: Operation not permitted\n",
		"/usr/sbin/ifconfig " + nic + " 1.1.1.1":          "SIOCSIFADDR: Operation not permitted\nSIOCSIFFLAGS: Operation not permitted\n",
		"/usr/sbin/route add default gw 1.1.1.1":          "SIOCADDRT: Operation not permitted\n",
		"/usr/sbin/arp -s 1.1.1.1 00:11:22:33:44:55":      "SIOCSARP: Operation not permitted\n",
	} {
		before, _, _ := h.Run(t, "ip a; ip r", "")
		if _, err, status := h.Run(t, line, ""); err != want || status == 0 {
			t.Errorf("%s: %d %q, want %q", line, status, err, want)
		}
		if after, _, _ := h.Run(t, "ip a; ip r", ""); after != before {
			t.Errorf("%s changed something", line)
		}
	}
	out, err, _ := h.Run(t, "netstat -tlnp", "")
	if !strings.Contains(out, " -                   \n") || !strings.HasPrefix(err, "(No info could be read for \"-p\": geteuid()=") {
		t.Errorf("netstat -p of a user: %q %q", out, err)
	}
	if out, _, _ := h.Run(t, "ss -tlnp", ""); strings.Contains(out, "users:") {
		t.Errorf("ss -p of a user: %q", out)
	}
}

func TestPingTellsTimes(t *testing.T) {
	h := programtest.New(t, "root")
	out, _, status := h.Run(t, "ping -c 3 -i 0.01 8.8.8.8", "")
	want := regexp.MustCompile(`^PING 8\.8\.8\.8 \(8\.8\.8\.8\) 56\(84\) bytes of data\.\n(64 bytes from 8\.8\.8\.8: icmp_seq=[123] ttl=\d\d time=[\d.]+ ms\n){3}\n--- 8\.8\.8\.8 ping statistics ---\n3 packets transmitted, 3 received, 0% packet loss, time \d+ms\nrtt min/avg/max/mdev = [\d.]+/[\d.]+/[\d.]+/[\d.]+ ms\n$`)
	if !want.MatchString(out) || status != 0 {
		t.Errorf("%d %q", status, out)
	}
	found := false
	for _, e := range h.Events {
		if s, ok := e.(*event.Scan); ok && s.Technique == "probe" && s.Data == "ping 8.8.8.8" {
			found = true
		}
	}
	if !found {
		t.Error("what was pinged is not on record")
	}
}

// What the programs say of the links is what the kernel's files say.
func TestLinksAgreeWithTheKernelsFiles(t *testing.T) {
	h := programtest.New(t, "root")
	for _, line := range []string{
		"cat /sys/class/net/" + h.Machine.NIC() + "/address; ip -br l | awk 'NR==2{print $3}'",
		"awk -F: '/lo:/{split($2,a,\" \");print a[1]}' /proc/net/dev; ip -s l show lo | awk 'NR==4{print $1}'",
		"wc -l < /proc/net/arp | awk '{print $1-1}'; ip n | wc -l",
		"grep -c ' 0A ' /proc/net/tcp; ss -Htln | wc -l",
	} {
		out, err, _ := h.Run(t, line, "")
		if a, b, _ := strings.Cut(strings.TrimSpace(out), "\n"); a != b || a == "" || err != "" {
			t.Errorf("%s: %q and %q %s", line, a, b, err)
		}
	}
}
