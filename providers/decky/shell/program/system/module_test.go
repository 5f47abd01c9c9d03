package system_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// lsmod is /proc/modules; what the kernel's package has can be loaded.
func TestModules(t *testing.T) {
	h := programtest.New(t, "root")
	listed, _, _ := h.Run(t, "lsmod | tail -n +2 | awk '{print $1, $2, $3, $4}' | sed 's/ *$//'", "")
	loaded, _, _ := h.Run(t, "awk '{sub(/,*$/, \"\", $4); if ($4 == \"-\") $4 = \"\"; print $1, $2, $3, $4}' /proc/modules | sed 's/ *$//'", "")
	if listed != loaded || strings.Count(listed, "\n") < 5 {
		t.Errorf("lsmod\n%s/proc/modules\n%s", listed, loaded)
	}
	for line, want := range map[string]string{
		"modprobe msr":         "",
		"modprobe nosuchmod":   "modprobe: FATAL: Module nosuchmod not found in directory /lib/modules/6.1.0-28-amd64\n",
		"modprobe":             "modprobe: ERROR: missing parameters. See -h.\n",
		"insmod":               "insmod: ERROR: missing filename.\n",
		"insmod /tmp/x.ko":     "insmod: ERROR: could not load module /tmp/x.ko: No such file or directory\n",
		"insmod /etc/hostname": "insmod: ERROR: could not insert module /etc/hostname: Invalid module format\n",
		"rmmod nosuch":         "rmmod: ERROR: Module nosuch is not currently loaded\n",
		"modinfo nosuch":       "modinfo: ERROR: Module nosuch not found.\n",
		"lsmod x":              "Usage: lsmod\n",
	} {
		if _, err, _ := h.Run(t, line, ""); err != want {
			t.Errorf("%s: %q, want %q", line, err, want)
		}
	}
}

// df shows what holds the files that are named.
func TestDfOfFiles(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"df --outpost 2>&1 | wc -l":               "2\n",
		"df / /etc/passwd | awk '{print $6}'":     "Mounted\n/\n/\n",
		"df /dev/shm | tail -n 1 | cut -d' ' -f1": "tmpfs\n",
		"df nofile; echo $?":                      "1\n",
		"df -t ext4 | wc -l":                      "2\n",
		"df -x tmpfs -x ext4 -t nosuch; echo $?":  "1\n",
		"df -h --total | tail -n 1 | cut -c1-5":   "total\n",
		"df -BG / | head -n 1 | grep -c 1G-block": "1\n",
		"df -i / | head -n 1 | grep -c IUse":      "1\n",
	} {
		if out, _, _ := h.Run(t, line, ""); out != want {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
	sysctl, _, _ := h.Run(t, "sysctl -qw vm.nr_hugepages=128; sysctl -n vm.nr_hugepages; cat /proc/sys/vm/nr_hugepages", "")
	if sysctl != "128\n128\n" {
		t.Errorf("sysctl -w: %q", sysctl)
	}
}
