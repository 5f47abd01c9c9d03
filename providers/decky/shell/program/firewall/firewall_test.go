package firewall_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

const rules = `iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -A INPUT -s 10.0.0.0/8 -i lo -j DROP
iptables -A INPUT -p tcp -m multiport --dports 80,443 -j REJECT
iptables -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
iptables -A OUTPUT -p udp --sport 53 -j LOG --log-prefix "xy"
iptables -N FOO
iptables -A INPUT -j FOO
iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-port 8080`

const saved = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FOO - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -i lo -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j FOO
-A OUTPUT -p udp -m udp --sport 53 -j LOG --log-prefix "xy"
COMMIT
`

// What iptables 1.8.9 and nft 1.0.6 of Debian 12 showed of these rules.
func TestRulesAreShown(t *testing.T) {
	h := programtest.New(t, "root")
	if out, err, status := h.Run(t, rules, ""); out+err != "" || status != 0 {
		t.Fatalf("%d %q %q", status, out, err)
	}
	for _, test := range []struct{ line, out string }{
		{"iptables -L", `Chain INPUT (policy ACCEPT)
target     prot opt source               destination         
ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:ssh
DROP       all  --  10.0.0.0/8           anywhere            
REJECT     tcp  --  anywhere             anywhere             multiport dports http,https reject-with icmp-port-unreachable
ACCEPT     all  --  anywhere             anywhere             state RELATED,ESTABLISHED
FOO        all  --  anywhere             anywhere            

Chain FORWARD (policy ACCEPT)
target     prot opt source               destination         

Chain OUTPUT (policy ACCEPT)
target     prot opt source               destination         
LOG        udp  --  anywhere             anywhere             udp spt:domain LOG level warn prefix "xy"

Chain FOO (1 references)
target     prot opt source               destination         
`},
		{"iptables -L OUTPUT -n --line-numbers", "Chain OUTPUT (policy ACCEPT)\nnum  target     prot opt source               destination         \n1    LOG        17   --  0.0.0.0/0            0.0.0.0/0            udp spt:53 LOG flags 0 level 4 prefix \"xy\"\n"},
		{"iptables -nvL INPUT | head -4", "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination         \n    0     0 ACCEPT     6    --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22\n    0     0 DROP       0    --  lo     *       10.0.0.0/8           0.0.0.0/0           \n"},
		{"iptables -t nat -S", "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n"},
		{"iptables-save -t filter | grep -v '^#'", saved},
		{"nft list ruleset", `# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		tcp dport 22 counter packets 0 bytes 0 accept
		iifname "lo" ip saddr 10.0.0.0/8 counter packets 0 bytes 0 drop
		meta l4proto tcp tcp dport { 80, 443 } counter packets 0 bytes 0 reject
		ct state related,established counter packets 0 bytes 0 accept
		counter packets 0 bytes 0 jump FOO
	}

	chain OUTPUT {
		type filter hook output priority filter; policy accept;
		udp sport 53 counter packets 0 bytes 0 log prefix "xy"
	}

	chain FOO {
	}
}
# Warning: table ip nat is managed by iptables-nft, do not touch!
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 counter packets 0 bytes 0 redirect to :8080
	}
}
`},
		{"nft list tables", "table ip filter\ntable ip nat\n"},
		{"iptables-translate -A INPUT -p tcp --dport 22 -j ACCEPT", "nft 'add rule ip filter INPUT tcp dport 22 counter accept'\n"},
		{"iptables-legacy -S", "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"},
		{"nft flush ruleset; iptables -S; nft list ruleset", "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"},
	} {
		out, err, _ := h.Run(t, test.line, "")
		if diff := cmp.Diff(test.out, out); diff != "" || err != "" {
			t.Errorf("%s\n%s%s", test.line, diff, err)
		}
	}
}

func TestRestoreTakesWhatSaveGives(t *testing.T) {
	h := programtest.New(t, "root")
	if out, err, status := h.Run(t, "iptables -A INPUT -j DROP; iptables-restore; iptables-save", saved); status != 0 || err != "" || !strings.Contains(out, strings.TrimPrefix(saved, "*filter\n")) || strings.Contains(out, "-A INPUT -j DROP") {
		t.Errorf("%d %q %s", status, out, err)
	}
	before, _, _ := h.Run(t, "iptables -S", "")
	if _, _, status := h.Run(t, "iptables-restore", "*filter\n-A NOPE -j DROP\nCOMMIT\n"); status == 0 {
		t.Error("a chain that is not there is restored")
	}
	if after, _, _ := h.Run(t, "iptables -S", ""); after != before {
		t.Errorf("what failed changed the rules: %s", after)
	}
}

func TestMistakes(t *testing.T) {
	h := programtest.New(t, "root")
	const try = "Try `iptables -h' or 'iptables --help' for more information.\n"
	for _, test := range []struct {
		line, err string
		status    int
	}{
		{"iptables -p", "iptables v1.8.9 (nf_tables): option \"-p\" requires an argument\n" + try, 2},
		{"iptables -t foo -L", "iptables v1.8.9 (nf_tables): table 'foo' does not exist\nPerhaps iptables or your kernel needs to be upgraded.\n", 3},
		{"iptables -A INPUT --dport 22 -j ACCEPT", "iptables v1.8.9 (nf_tables): unknown option \"--dport\"\n" + try, 2},
		{"iptables -A INPUT -p tcp --dport abc -j ACCEPT", "iptables v1.8.9 (nf_tables): invalid port/service `abc' specified\n" + try, 2},
		{"iptables -A INPUT -p foo -j ACCEPT", "iptables v1.8.9 (nf_tables): unknown protocol \"foo\" specified\n" + try, 2},
		{"iptables -A INPUT -s nope.invalid -j ACCEPT", "iptables v1.8.9 (nf_tables): host/network `nope.invalid' not found\n" + try, 2},
		{"iptables -m foo -A INPUT", "iptables v1.8.9 (nf_tables): Couldn't load match `foo':No such file or directory\n\n" + try, 2},
		{"iptables -N FOO; iptables -A INPUT -j FOO; iptables -X FOO", "iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain FOO\n", 4},
		{"nft", "nft: no command specified\n", 1},
		{"nft foo", "Error: syntax error, unexpected newline, expecting string\nfoo\n   ^\n", 1},
		{"nft list table inet nope", "Error: No such file or directory\nlist table inet nope\n                ^^^^\n", 1},
		{"nft delete table inet nope", "Error: Could not process rule: No such file or directory\ndelete table inet nope\n                  ^^^^\n", 1},
	} {
		if out, err, status := h.Run(t, test.line, ""); out != "" || err != test.err || status != test.status {
			t.Errorf("%s\n got %d %q %q\nwant %d %q", test.line, status, out, err, test.status, test.err)
		}
	}
	u := programtest.New(t, "admin")
	denied := regexp.MustCompile(`^(ip6?tables(-save)? v1\.8\.9 \(nf_tables\): Could not fetch rule set generation id: Permission denied \(you must be root\)|Fatal: can't open lock file /run/xtables\.lock: Permission denied|Operation not permitted \(you must be root\)\nnetlink: .*)\n$`)
	for _, line := range []string{"iptables -L", "ip6tables -S", "iptables-save", "iptables-legacy -L", "nft list ruleset"} {
		if out, err, status := u.Run(t, "/usr/sbin/"+line, ""); out != "" || status == 0 || !denied.MatchString(err) {
			t.Errorf("%s of a user: %d %q %q", line, status, out, err)
		}
	}
}
