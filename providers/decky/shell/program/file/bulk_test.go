package file_test

import (
	"regexp"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// Measuring a disk gives a file of its size and a rate that a disk has, and costs
// no quota.
func TestMeasuringADisk(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"dd if=/dev/zero of=/tmp/t bs=1M count=64 conv=fdatasync; stat -c %s /tmp/t; head -c 3 /tmp/t | xxd -p; rm /tmp/t": `^64\+0 records in\n64\+0 records out\n67108864 bytes \(67 MB, 64 MiB\) copied, 0\.[0-9]+ s, [0-9]+ MB/s\n67108864\n000000\n$`,
		"dd if=/dev/zero of=/dev/null bs=64k count=1k":                                                                     `^1024\+0 records in\n1024\+0 records out\n67108864 bytes \(67 MB, 64 MiB\) copied, 0\.0[0-9]+ s, [0-9.]+ GB/s\n$`,
		"dd if=/dev/zero of=/tmp/u bs=1M count=3 2>/dev/null; stat -c %s /tmp/u; wc -c < /tmp/u":                           `^3145728\n3145728\n$`,
		"dd if=/dev/zero of=/no/t bs=1M count=64":                                                                          `^dd: failed to open '/no/t': No such file or directory\n$`,
	} {
		out, _, _ := h.Run(t, "exec 2>&1; "+line, "")
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s:\n%s", line, out)
		}
	}
}
