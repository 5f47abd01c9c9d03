package file_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// What chattr and lsattr of e2fsprogs 1.47 say on ext4, and what rm, mv and bash
// say of what they protect.
func TestAttributes(t *testing.T) {
	for script, want := range map[string]string{
		"cd /tmp; touch m; chattr +i m; lsattr m; rm -f m; echo x > m; mv m n; chattr -i m; rm m; ls m": "----i---------e------- m\nrm: cannot remove 'm': Operation not permitted\nbash: line 1: m: Operation not permitted\nmv: cannot move 'm' to 'n': Operation not permitted\nls: cannot access 'm': No such file or directory\n",
		"cd /tmp; echo a > m; chattr +a m; echo b >> m; cat m; echo c > m; lsattr m":                    "a\nb\nbash: line 1: m: Operation not permitted\n-----a--------e------- m\n",
		"cd /tmp; touch m; chattr =iA m; lsattr m; chattr =e m; lsattr m":                               "----i--A------e------- m\n--------------e------- m\n",
		"cd /tmp; mkdir -p d/e; touch d/e/f; chattr -R +i d; lsattr d/e; rm -rf d/e; touch d/g":         "----i---------e------- d/e/f\nrm: cannot remove 'd/e/f': Operation not permitted\ntouch: cannot touch 'd/g': Operation not permitted\n",
		"cd /tmp; ln -s m lnk; lsattr lnk; chattr +i /proc/cpuinfo; lsattr /dev/null; chattr +i nofile": "lsattr: Operation not supported While reading flags on lnk\nchattr: Operation not supported while reading flags on /proc/cpuinfo\nlsattr: Operation not supported While reading flags on /dev/null\nchattr: No such file or directory while trying to stat nofile\n",
	} {
		out, _, _ := programtest.New(t, "root").Run(t, "exec 2>&1; "+script, "")
		if out != want {
			t.Errorf("%s:\n%s\nwant:\n%s", script, out, want)
		}
	}
}
