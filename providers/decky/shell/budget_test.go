package shell_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// bombs are lines that end only because something bounds them.
var bombs = map[string]string{
	"loop": `while true; do :; done`, "recursion": `f() { f; }; f`, "bomb": `:(){ :|:& };:`, "output": `yes`, "pipe": `yes | cat`, "string": `x=aaaaaaaa; while true; do x=$x$x; done`, "substitution": `x='$(eval "$x")'; eval "echo $x"`,
	"files": `while true; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >> /tmp/f; done`, "braces": `echo {1..100000}{1..100000}`, "array": `i=0; while true; do a[i++]=x; done`, "nesting": strings.Repeat("(", 500) + "echo" + strings.Repeat(")", 500), "arithmetic": `x=x; echo $((x))`,
	"zero": `cat /dev/zero`, "dd": `dd if=/dev/zero of=/tmp/z bs=1M count=100000`, "glob": `echo /*/*/*/*/*`, "find": `find / -exec echo {} ';'`, "regex": `echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep -E '(a+)+$b'`, "awk": `awk 'BEGIN { while (1) x = x "aaaaaaaaaaaaaaaaaaaa" }'`, "sources": `echo '. /tmp/s' > /tmp/s; . /tmp/s`,
	"sh": `echo 'sh /tmp/s' > /tmp/s; sh /tmp/s`, "replace": `x=$(yes a | head -c 60000); echo ${x//a/bb} | wc -c`, "seq": `seq 1 100000000`, "stars": `x=$(yes a | head -c 5000); case $x in *a*a*a*a*a*a*a*a*b) ;; esac`, "expr": `expr ` + strings.Repeat("1 + ", 500) + "1",
	"subshells": `f() { (f); }; f`, "functions": `a() { b; }; b() { a; }; a`, "pipes": `f() { f | f; }; f`, "background": `while :; do : & done`, "endless yes": `yes "$(yes | head -c 5000)" | cat | cat | wc -c`, "seq far": `seq 1e12`, "seq fine": `seq 0 0.0000001 1`, "seq infinite": `seq inf | tail -n 1`,
	"brace sequence": `echo {1..1000000000}`, "brace product": `echo {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}`, "brace nested": "echo " + strings.Repeat("{a,", 300) + "b" + strings.Repeat("}", 300),
	"until": `until false; do :; done`, "for": `for ((;;)); do :; done`, "for words": `for i in $(seq 100000); do for j in $(seq 100000); do :; done; done`, "eval": `x='eval "$x"'; eval "$x"`, "trap": `trap 'kill -0 $$; exit' EXIT; exit`, "alias": `alias a='a a'; a`, "here": "cat <<E\n$(yes)\nE", "awk for": `awk 'BEGIN { for (;;) i++ }'`,
	"awk recursion": `awk 'function f(x) { return f(x+1) } BEGIN { f(0) }'`, "awk array": `awk 'BEGIN { while (1) a[i++] = i }'`, "awk output": `awk 'BEGIN { while (1) print "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx" > "/tmp/o" }'`, "awk pipe": `awk 'BEGIN { while (1) "date" | getline x }'`, "awk field": `awk 'BEGIN { $100000000 = 1; print NF }'`, "awk printf": `awk 'BEGIN { printf "%2000000000d", 1 }'`,
	"sed loop": `echo a | sed ':a;s/a/aa/;ta'`, "sed branch": `echo a | sed ':a;ba'`, "sed hold": `yes | head -n 2000 | sed 'H;G;G;G;h;x'`, "sed D": `echo a | sed 's/$/\nx/;D'`, "sort": `yes | head -c 60000 | sort -V | uniq -c`, "ext pattern": `x=$(yes a | head -c 3000 | tr -d '\n'); [[ $x == *(*(*(a)))b ]]`, "not pattern": `x=$(yes a | head -c 3000 | tr -d '\n'); [[ $x == !(*a*b*)!(*c*) ]]`,
	"trim": `x=$(yes a | head -c 60000 | tr -d '\n'); echo ${x%%*a*b} ${x##*a*b} | wc -c`, "big regex": `echo x | grep -E '((((a{100}){100}){100}){100}){100}'`, "alternation": `yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -n 500 | grep -E '(a|aa|aaa)*(b|bb)*c'`, "tr": `cat /dev/zero | tr '\0' x | wc -c`, "printf": `printf '%s' {1..9999}{1..9999}`, "printf width": `printf '%*d' 2000000000 1`,
	"printf again": `printf -v x '%10000s' y; printf "$x%s" $(seq 9999)`, "random": `cat /dev/urandom | od -c`, "head": `head -c 100G /dev/zero | wc -c`, "tail": `tail -f /dev/null`, "tee": `yes | tee /tmp/a /tmp/b /tmp/c > /dev/null`, "xargs": `yes | xargs -n1 echo`, "xargs self": `echo x | xargs -I{} sh -c 'echo {} | xargs -I% sh -c "echo %; yes"'`, "find self": `find / -exec find / ';'`,
	"links": `ln -s /tmp /tmp/l; find -L /tmp; ls -R /tmp/l/l/l/l/l/l/l/l`, "loop link": `ln -s a /tmp/b; ln -s b /tmp/a; cat /tmp/a; cd /tmp/a; ls -R /tmp`, "mkdir": `i=0; while :; do mkdir -p /tmp/$i/$i/$i; i=$((i+1)); done`, "long path": `d=$(yes d/ | head -n 3000 | tr -d '\n'); mkdir -p /tmp/$d; rm -rf /tmp/d`, "append": `while :; do cat /etc/passwd /tmp/g >> /tmp/g; done`, "exec": `while :; do exec 3>&1; done`,
	"descriptors": `for i in $(seq 3 5000); do eval "exec $i>/tmp/f$i"; done`, "variables": `for i in $(seq 90000); do eval v$i=$i; done`, "arithmetic power": `echo $((2**9223372036854775807)) $((x=x+1,x=x*x))`, "arithmetic names": `a=b b=c c=a; echo $((a))`, "arithmetic text": `x='x+x'; echo $((x))`, "expr regex": `expr $(yes a | head -c 5000 | tr -d '\n') : '\(a*\)*b'`, "base64": `yes | base64 | base64 | base64 | wc -c`,
	"md5": `md5sum /dev/zero`, "cp": `cp /dev/zero /tmp/z`, "dd blocks": `dd if=/dev/zero bs=1G count=1000000 | wc -c`, "dd small": `dd if=/dev/zero bs=1 | wc -c`, "grep files": `grep -r . / | wc -l`, "read": `while read -r x < /dev/zero; do :; done`, "mapfile": `mapfile a < <(yes)`, "select": `select x in a b; do :; done < <(yes 1)`, "coproc": `coproc yes; yes <&3`, "getopts": `while getopts a: o -a -a; do OPTIND=1; done`,
	"sleep": `while sleep 0.1; do :; done`, "sleep long": `sleep 100000`, "timeout": `timeout 100000 sleep infinity`, "od": `od /dev/zero`, "watchers": `f() { sleep 1 & f; }; f`,
}

func TestBudgetsHold(t *testing.T) {
	for name, line := range bombs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bounded(t, machine.New(servicetest.Host(), nil, time.Now), line, "")
		})
	}
}

// TestDefaultBudgetsEndInTime runs what burns processor time within the limits
// that a real session has: a client may keep one core busy for a while only.
func TestDefaultBudgetsEndInTime(t *testing.T) {
	for _, name := range []string{"loop", "recursion", "bomb", "pipes", "seq far", "brace product", "awk for", "sed branch", "regex", "alternation", "ext pattern", "not pattern", "trim", "replace", "yes", "sort", "for words", "variables"} {
		line, ok := bombs[name]
		if !ok {
			line = name
		}
		s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root"})
		w := writer(func([]byte) {})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		if _, err := s.Run(context.Background(), line, shell.ModeExec, nil, w, w); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 64<<20 {
			t.Errorf("%s keeps %d bytes", name, kept)
		}
		t.Logf("%-14s %8s", name, took.Round(time.Millisecond))
	}
}

// TestMemoryIsBounded fills variables, arrays and functions: the shell ends as
// one does that gets no more memory, and the process goes on.
func TestMemoryIsBounded(t *testing.T) {
	for name, line := range map[string]string{
		"variables": `x=$(yes | head -c 500000); for i in $(seq 4000); do eval v$i=\$x; done; echo still here`,
		"array":     `x=$(yes | head -c 500000); for i in $(seq 4000); do a[$i]=$x; done; echo still here`,
		"table":     `declare -A m; x=$(yes | head -c 500000); for i in $(seq 4000); do m[$i]=$x; done; echo still here`,
		"append":    `a=(); x=$(yes | head -c 500000); for i in $(seq 4000); do a+=("$x"); done; echo still here`,
	} {
		t.Run(name, func(t *testing.T) {
			s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root"})
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			out, said, status := run(t, s, line, "")
			if strings.Contains(out, "still here") || status == 0 || !strings.Contains(said, "cannot allocate") {
				t.Errorf("status %d, said %q %q", status, out, said)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 32<<20 {
				t.Errorf("%d bytes are kept", kept)
			}
			runtime.KeepAlive(s)
		})
	}
}
