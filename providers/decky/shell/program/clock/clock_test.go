package clock_test

import (
	"regexp"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// The answers are coreutils' and bsdmainutils', of Debian 12.
func TestClock(t *testing.T) {
	for line, want := range map[string]string{
		"TZ=Europe/Berlin date -d @0":                                                  "^Thu Jan  1 01:00:00 CET 1970\n$",
		"TZ=CET-1CEST date -d '2024-07-01 12:00' +%H:%M:%S%z":                          "^12:00:00\\+0200\n$",
		"TZ=America/New_York date -d '2024-07-01 12:00 UTC'":                           "^Mon Jul  1 08:00:00 EDT 2024\n$",
		"unset TZ; ln -sf /usr/share/zoneinfo/Asia/Shanghai /etc/localtime; date -d@0": "^Thu Jan  1 08:00:00 CST 1970\n$",
		"date -R -d @86400":  "^Fri, 02 Jan 1970 00:00:00 \\+0000\n$",
		"date -r /nope":      "^date: /nope: No such file or directory\n$",
		"date -Ix | head -1": "^date: invalid argument ‘x’ for ‘--iso-8601’\n",
		"printf '2024-01-02\\nxx\\n' > /tmp/d; date -f /tmp/d +%F 2>&1": "^2024-01-02\ndate: invalid date ‘xx’\n$",
		"touch -d @86400 /tmp/f; date -r /tmp/f +%s":                    "^86400\n$",
		"ln -s true /usr/bin/hwclock; hwclock":                          `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00` + "\n$",
		"ln -s true /usr/bin/cal; cal 2 2024":                           "^   February 2024      \nSu Mo Tu We Th Fr Sa  \n             1  2  3  \n",
		"ln -s true /usr/bin/cal; cal 13 2024":                          "^cal: month `13' not in range 1..12\n$",
	} {
		out, err, _ := programtest.New(t, "root").Run(t, line, "")
		if got := out + err; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q, want %s", line, got, want)
		}
	}
}
