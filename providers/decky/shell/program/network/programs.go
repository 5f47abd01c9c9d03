// Package network holds the programs that show the links of the host and those that would reach
// others. It refuses to connect and to resolve: what was wanted is recorded.
package network

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"ftp": client, "telnet": client, "nc": client, "netcat": client, "ssh": client, "scp": client, "sftp": client,
		"nslookup": client, "dig": client, "host": client, "ping": ping, "ping6": ping, "traceroute": client, "ifconfig": ifconfig, "ip": ip, "route": route, "arp": arp, "netstat": netstat, "ss": ss,
		"iptables": iptables, "ip6tables": iptables, "iptables-save": iptablesSave, "ip6tables-save": iptablesSave, "iptables-nft": iptables, "iptables-nft-save": iptablesSave, "iptables-legacy": iptables,
	}
}
