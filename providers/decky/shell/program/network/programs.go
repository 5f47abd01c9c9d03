// Package network holds the programs that show the links, routes and sockets of
// the host and those that would reach others: ping, traceroute, dig.
// It refuses to connect and to resolve: package peer says what comes back, what was
// wanted is recorded.
package network

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"ip": ip, "ss": ss, "netstat": netstat, "ifconfig": ifconfig, "route": routeProgram, "arp": arp,
		"ping": ping, "ping4": ping, "ping6": ping, "traceroute": traceroute, "traceroute6": traceroute, "tracepath": tracepath,
		"tc": tc, "bridge": bridge, "routel": routel,
		"dig": dig, "host": host, "nslookup": nslookup,
	}
}
