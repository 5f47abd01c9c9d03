// Package personality owns what makes a decky's TCP/IP stack look like an
// operating system family: the table of network sysctls. It refuses to guess:
// an unknown family has no sysctls. It applies nothing; whoever makes the
// namespace does.
package personality

import (
	"maps"
	"slices"
	"strconv"
)

// row is what one family sets, all below net.ipv4.
type row struct {
	ttl, synRetries, timestamps, windowScaling, sack, ecn, noPMTU, finTimeout, icmpRateLimit, icmpRateMask int
	// rmem is tcp_rmem: its maximum decides the window scale that a SYN-ACK
	// offers. "" leaves the host's.
	rmem string
}

var families = map[string]row{
	// 6 MiB is the default maximum of a machine with little memory, scale 7:
	// what fingerprint databases know as Linux.
	"linux":          {64, 6, 1, 1, 1, 2, 0, 60, 1000, 6168, "4096 131072 6291456"},
	"windows":        {128, 2, 1, 1, 1, 0, 0, 30, 0, 0, "4096 65536 8388608"},
	"windows_server": {128, 2, 1, 1, 1, 1, 0, 30, 0, 0, ""},
	"bsd":            {64, 6, 1, 1, 1, 0, 0, 60, 250, 6168, ""},
	"embedded":       {255, 3, 0, 0, 0, 0, 1, 15, 0, 0, ""},
	"cisco":          {255, 2, 0, 0, 0, 0, 1, 15, 0, 0, ""},
}

// Families lists the known families, sorted.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

// Sysctls is what to set in the namespace of a decky of that family, by dotted
// name, with what every decky has: IPv6 off, and low ports open to processes
// without privilege. nil for an unknown family. The map is the caller's.
func Sysctls(family string) map[string]string {
	r, ok := families[family]
	if !ok {
		return nil
	}
	sysctls := map[string]string{
		"net.ipv6.conf.all.disable_ipv6":      "1",
		"net.ipv6.conf.default.disable_ipv6":  "1",
		"net.ipv4.ip_unprivileged_port_start": "0",
	}
	for name, value := range map[string]int{
		"ip_default_ttl": r.ttl, "tcp_syn_retries": r.synRetries, "tcp_timestamps": r.timestamps,
		"tcp_window_scaling": r.windowScaling, "tcp_sack": r.sack, "tcp_ecn": r.ecn,
		"ip_no_pmtu_disc": r.noPMTU, "tcp_fin_timeout": r.finTimeout,
		"icmp_ratelimit": r.icmpRateLimit, "icmp_ratemask": r.icmpRateMask,
	} {
		sysctls["net.ipv4."+name] = strconv.Itoa(value)
	}
	if r.rmem != "" {
		sysctls["net.ipv4.tcp_rmem"] = r.rmem
	}
	return sysctls
}
