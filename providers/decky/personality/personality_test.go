package personality_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/personality"
)

func TestFamilies(t *testing.T) {
	want := []string{"bsd", "cisco", "embedded", "linux", "windows", "windows_server"}
	if diff := cmp.Diff(want, personality.Families()); diff != "" {
		t.Error(diff)
	}
	ttl := map[string]string{"bsd": "64", "cisco": "255", "embedded": "255", "linux": "64", "windows": "128", "windows_server": "128"}
	for _, family := range personality.Families() {
		s := personality.Sysctls(family)
		if s["net.ipv4.ip_default_ttl"] != ttl[family] {
			t.Errorf("%s: TTL %q, want %s", family, s["net.ipv4.ip_default_ttl"], ttl[family])
		}
		for _, common := range []string{"net.ipv6.conf.all.disable_ipv6", "net.ipv4.tcp_timestamps", "net.ipv4.ip_unprivileged_port_start"} {
			if s[common] == "" {
				t.Errorf("%s: %s is not set", family, common)
			}
		}
	}
}

func TestLinuxRowIsTheOneMeasured(t *testing.T) {
	want := map[string]string{
		"net.ipv4.ip_default_ttl": "64", "net.ipv4.tcp_syn_retries": "6", "net.ipv4.tcp_timestamps": "1",
		"net.ipv4.tcp_window_scaling": "1", "net.ipv4.tcp_sack": "1", "net.ipv4.tcp_ecn": "2",
		"net.ipv4.ip_no_pmtu_disc": "0", "net.ipv4.tcp_fin_timeout": "60",
		"net.ipv4.icmp_ratelimit": "1000", "net.ipv4.icmp_ratemask": "6168",
		"net.ipv4.tcp_rmem":                   "4096 131072 6291456",
		"net.ipv6.conf.all.disable_ipv6":      "1",
		"net.ipv6.conf.default.disable_ipv6":  "1",
		"net.ipv4.ip_unprivileged_port_start": "0",
	}
	if diff := cmp.Diff(want, personality.Sysctls("linux")); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownFamilyHasNone(t *testing.T) {
	if s := personality.Sysctls("temple-os"); s != nil {
		t.Errorf("an unknown family has %v", s)
	}
	s := personality.Sysctls("linux")
	s["net.ipv4.ip_default_ttl"] = "1"
	if personality.Sysctls("linux")["net.ipv4.ip_default_ttl"] != "64" {
		t.Error("the table can be changed through a result")
	}
}
