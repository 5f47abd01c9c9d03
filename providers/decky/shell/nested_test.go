package shell_test

import (
	"strings"
	"testing"
	"time"
)

func TestAShellInAShell(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("X=1; export Y=2; sh\r")
	p.see("sh\r\n")
	p.see("\r# ")
	p.typed("echo \"$0 [$X] $Y\"; cd /tmp\r")
	p.see("sh [] 2\r\n")
	if last := p.seen.String(); strings.Contains(last[strings.LastIndex(last, "sh [] 2"):], "2004h") {
		t.Error("dash marks what is pasted")
	}
	p.typed("bash\r")
	p.see(":/tmp# ")
	p.typed("echo $0 $SHLVL $(( $$ > 0 )); exit 7\r")
	p.see("bash 2 1\r\n")
	p.see("exit\r\n")
	p.see("# ")
	p.typed("echo \"left with $?\"\r")
	p.see("left with 7\r\n")
	p.typed("\x04")
	p.see(":~# ")
	p.typed("echo \"$X $0\"\r")
	p.see("1 -bash\r\n")
}

func TestSuHasAShellOfItsOwn(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("su - admin\r")
	p.see("admin@")
	p.see("$ ")
	p.typed("whoami; pwd; echo $0 $HOME; touch /etc/x\r")
	p.see("admin\r\n/home/admin\r\n-bash /home/admin\r\n")
	p.see("Permission denied")
	p.see("$ ")
	p.typed("\x04")
	p.see("logout\r\n")
	p.see("# ")
	p.typed("sudo -i\r")
	p.see("# ")
	p.typed("exit\r")
	p.see("logout\r\n")
	p.see("# ")
	p.typed("exec sh\r")
	p.see("\r# ")
	p.typed("whoami\r")
	p.see("root\r\n")
	p.typed("exit\r")
	select {
	case <-p.done:
		p.done <- 0
	case <-time.After(5 * time.Second):
		t.Error("exec left a shell behind")
	}
}

func TestShellsInShellsAreBounded(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	for range 20 {
		p.typed("bash\r")
		p.see("# ")
	}
	p.typed("echo \"level $SHLVL\"\r")
	p.see("level 17\r\n")
}

func TestSecretsAreNotShown(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("passwd admin\r")
	p.see("New password: ")
	time.Sleep(50 * time.Millisecond)
	p.typed("hunter2\r")
	p.see("Retype new password: ")
	time.Sleep(50 * time.Millisecond)
	p.typed("hunter3\r")
	p.see("passwords do not match")
	if seen := p.seen.String(); strings.Contains(seen, "hunter") || !strings.Contains(seen, "New password: \r\nRetype new password: \r\n") {
		t.Errorf("shown: %q", seen)
	}
}
