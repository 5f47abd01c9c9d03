package process_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// Recorded from util-linux 2.38.1 and coreutils 9.1.
func TestCommandsOfOthers(t *testing.T) {
	for script, want := range map[string]string{
		"cd /tmp; flock -n lk echo hi; ls lk":                                 "hi\nlk\n",
		"cd /tmp; flock -n lk -c 'echo c; exit 3'; echo $?":                   "c\n3\n",
		"cd /tmp; flock -E 5 -n lk -c 'flock -E 5 -n lk echo no; echo in $?'": "in 5\n",
		"cd /tmp; flock -x -w 1 lk sh -c 'flock -n lk true; echo $?'":         "1\n",
		"cd /tmp; flock lk nosuchcmd; echo $?":                                "flock: failed to execute nosuchcmd: No such file or directory\n69\n",
		"cd /tmp; flock nodir/x echo hi; echo $?":                             "flock: cannot open lock file nodir/x: No such file or directory\n66\n",
		"flock; echo $?":                "flock: not enough arguments\nTry 'flock --help' for more information.\n64\n",
		"cd /tmp; flock -n lk; echo $?": "flock: bad file descriptor: 'lk'\n64\n",
		"cd /tmp; exec 9>lk; flock -n 9; echo $?; flock -u 9; flock 77; echo $?": "0\nflock: 77: Bad file descriptor\n65\n",
		"stdbuf -oL echo hi; stdbuf -o0 nosuch; echo $?":                         "hi\nstdbuf: failed to run command ‘nosuch’: No such file or directory\n127\n",
		"stdbuf -oX echo; echo $?":                                               "stdbuf: invalid mode ‘X’\n125\n",
		"setarch; setarch x86_64 echo a b; setarch foo ls; linux64 echo c":       "setarch: no architecture argument or personality flags specified\na b\nsetarch: foo: Unrecognized architecture\nc\n",
	} {
		if out, _, _ := programtest.New(t, "root").Run(t, "exec 2>&1; "+script, ""); out != want {
			t.Errorf("%s:\n%s\nwant:\n%s", script, out, want)
		}
	}
}
