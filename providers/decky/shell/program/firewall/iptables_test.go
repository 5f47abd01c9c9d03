package firewall_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// Rules are kept and shown as iptables v1.8.9 (nf_tables) of Debian 12 did with
// the same calls in a network namespace of its own.
func TestIptablesKeepsItsRules(t *testing.T) {
	h := programtest.New(t, "root")
	for _, c := range []struct {
		line, out, err string
		status         int
	}{
		{"iptables -S", "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n", "", 0},
		{"iptables-nft-save", "", "", 0},
		{"iptables -A INPUT -p tcp --dport 22 -s 10.0.0.1 -j ACCEPT; iptables -I INPUT 1 -i lo -j DROP; iptables -P FORWARD DROP; iptables -S", "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j DROP\n-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT\n", "", 0},
		{"iptables -nvL INPUT", "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination         \n    0     0 DROP       0    --  lo     *       0.0.0.0/0            0.0.0.0/0           \n    0     0 ACCEPT     6    --  *      *       10.0.0.1             0.0.0.0/0            tcp dpt:22\n", "", 0},
		{"iptables -L INPUT", "Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination         \nDROP       all  --  anywhere             anywhere            \nACCEPT     tcp  --  10.0.0.1             anywhere             tcp dpt:ssh\n", "", 0},
		{"iptables -D INPUT 9", "", "iptables: Index of deletion too big.\n", 1},
		{"iptables -F FOO", "", "iptables: No chain/target/match by that name.\n", 1},
		{"iptables -A INPUT -j NOPE", "", "iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist\nTry `iptables -h' or 'iptables --help' for more information.\n", 2},
		{"iptables -N FOO; iptables -N FOO", "", "iptables: Chain already exists.\n", 1},
		{"iptables --bogus", "", "iptables v1.8.9 (nf_tables): unknown option \"--bogus\"\nTry `iptables -h' or 'iptables --help' for more information.\n", 2},
		{"iptables -P FOO DROP", "", "iptables: Bad built-in chain name.\n", 1},
		{"iptables -A", "", "iptables v1.8.9 (nf_tables): option \"-A\" requires an argument\nTry `iptables -h' or 'iptables --help' for more information.\n", 2},
		{"iptables -V", "iptables v1.8.9 (nf_tables)\n", "", 0},
		{"iptables -F; iptables -X; iptables -P FORWARD ACCEPT; iptables -S INPUT", "-P INPUT ACCEPT\n", "", 0},
	} {
		out, err, status := h.Run(t, c.line, "")
		if out != c.out || err != c.err || status != c.status {
			t.Errorf("%s\n want %d %q %q\n  got %d %q %q", c.line, c.status, c.out, c.err, status, out, err)
		}
	}
}
