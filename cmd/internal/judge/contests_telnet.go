package main

import (
	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/providers/decky"
)

// telnetContests are the telnet servers: inetutils' under inetd, and busybox'
// with its login. What waits for login's patience is apart, many at once.
func telnetContests(host decky.Host) []contest {
	ours := func(face string) func(string) server.Kind {
		return func(binary string) server.Kind {
			return server.Decky{Binary: binary, Host: host, Slug: "telnet", Port: 23, Arguments: `{"server":"` + face + `","users":{"${account}":"${password}"}}`}
		}
	}
	return []contest{
		{
			name: "telnet", service: "telnet", workers: 12, beside: true, probes: []string{"data/telnet/inetutils.probes.json"},
			reference: server.Telnetd(), foreign: server.PlainTelnet{Hostname: hostname}, ours: ours("inetutils"),
		},
		{
			name: "telnet-grace", service: "telnet", workers: 8, beside: true, once: true, probes: []string{"data/telnet/idle/inetutils.probes.json"},
			reference: server.Telnetd(), ours: ours("inetutils"),
		},
		{
			name: "telnet-busybox", service: "telnet", workers: 12, beside: true, probes: []string{"data/telnet/busybox.probes.json"},
			reference: server.BusyboxTelnetd(), ours: ours("busybox"),
		},
		{
			name: "telnet-busybox-grace", service: "telnet", workers: 8, beside: true, once: true, probes: []string{"data/telnet/idle/busybox.probes.json"},
			reference: server.BusyboxTelnetd(), ours: ours("busybox"),
		},
	}
}
