package script

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// camel is a perl that runs.
type camel struct {
	c      *program.Call
	file   string
	values map[string]string // of scalars
	argv   []string
	end    string // what -l puts behind each print
	list   []token
	at     int
	depth  int
	text   string // of the statement
	fault  string
	lost   bool
	ended  bool
	status int
	topic  bool // -n or -p: $_ is a line
}

func versionOfPerl(c *program.Call) string {
	return release(c, "perl", release(c, "perl-interpreter", "5.36.0"))
}

// perl is perl.
func perl(c *program.Call) int {
	p := &camel{c: c, values: map[string]string{}, file: "-e"}
	args := c.Args
	var scripts []string
	loop, print, inPlace, check := false, false, false, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if strings.HasPrefix(a, "--") && a != "--version" && a != "--help" {
			c.Err.Print("Unrecognized switch: " + a[1:] + "  (-h will show valid options).\n")
			return 29
		}
		for i := 1; i < len(a); i++ {
			switch a[i] {
			case '-', 'v':
				if a == "--help" {
					return helpOfPerl(c)
				}
				return aboutPerl(c)
			case 'V':
				c.Print("Summary of my perl5 (revision 5 version " + part(versionOfPerl(c), 1) + " subversion " + part(versionOfPerl(c), 2) + ") configuration:\n   \n  Platform:\n    osname=linux\n")
				return 0
			case 'h', '?':
				return helpOfPerl(c)
			case 'e', 'E':
				script := a[i+1:]
				if script == "" {
					if len(args) == 0 {
						c.Err.Print("No code specified for -" + a[i:i+1] + ".\n")
						return 2
					}
					script, args = args[0], args[1:]
				}
				scripts = append(scripts, script)
				i = len(a)
			case 'M', 'm', 'I', 'F', 'x', 'C', 'D', 'd':
				if name := a[i+1:]; a[i] == 'M' && !standardPerl(strings.SplitN(strings.TrimLeft(name, "-"), "=", 2)[0]) {
					return p.missing(strings.SplitN(name, "=", 2)[0], true)
				}
				if a[i+1:] == "" && a[i] == 'I' && len(args) > 0 {
					args = args[1:]
				}
				i = len(a)
			case 'n':
				loop = true
			case 'p':
				loop, print = true, true
			case 'i':
				inPlace = true
				i = len(a)
			case 'l':
				p.end = "\n"
			case 'c':
				check = true
			case 'a', 'w', 'W', 'X', 's', 'S', 't', 'T', 'u', 'U', 'f', '0', '1', '2', '3', '4', '5', '6', '7':
			default:
				c.Err.Print("Unrecognized switch: -" + a[i:] + "  (-h will show valid options).\n")
				return 29
			}
		}
	}
	text := strings.Join(scripts, "\n")
	switch {
	case scripts != nil:
	case len(args) > 0 && args[0] != "-":
		data, err := c.Read(args[0])
		if err != nil {
			c.Err.Print("Can't open perl script \"" + args[0] + "\": " + vfs.Text(err) + "\n")
			return 2
		}
		text, p.file, args = string(data), args[0], args[1:]
	default:
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		text, p.file = string(data), "-"
	}
	p.argv = args
	if check {
		c.Err.Print(p.file + " syntax OK\n")
		return 0
	}
	if loop {
		return p.loop(text, print, inPlace)
	}
	return p.run(text)
}

func part(version string, n int) string {
	parts := strings.Split(version+".0.0", ".")
	return parts[n]
}

func aboutPerl(c *program.Call) int {
	v := versionOfPerl(c)
	patches := map[string]string{"debian": "\n(with 60 registered patches, see perl -V for more detail)", "ubuntu22": "\n(with 61 registered patches, see perl -V for more detail)", "ubuntu20": "\n(with 50 registered patches, see perl -V for more detail)", "centos7": "\n(with 44 registered patches, see perl -V for more detail)"}[c.Machine.Release.Slug]
	years := map[string]string{"34": "2021", "30": "2019", "32": "2021", "16": "2012", "38": "2023", "40": "2024"}[part(v, 1)]
	if years == "" {
		years = "2022"
	}
	arch := "x86_64-linux-gnu-thread-multi"
	if c.Machine.Release.Family != "debian" {
		arch = "x86_64-linux-thread-multi"
	}
	c.Print("\nThis is perl 5, version " + part(v, 1) + ", subversion " + part(v, 2) + " (v" + v + ") built for " + arch + patches + "\n\nCopyright 1987-" + years + ", Larry Wall\n\nPerl may be copied only under the terms of either the Artistic License or the\nGNU General Public License, which may be found in the Perl 5 source kit.\n\nComplete documentation for Perl, including FAQ lists, should be found on\nthis system using \"man perl\" or \"perldoc perl\".  If you have access to the\nInternet, point your browser at https://www.perl.org/, the Perl Home Page.\n\n")
	return 0
}

func helpOfPerl(c *program.Call) int {
	c.Print("\nUsage: " + c.Name + " [switches] [--] [programfile] [arguments]\n  -c                    read the program but do not run it\n  -e commandline        one line of program\n  -i[extension]         edit files in place\n  -n                    go through the input line by line\n  -p                    and print each line\n  -v                    tell the version\n  -w                    warn\n")
	return 0
}

// standardPerl tells a module that perl brings.
func standardPerl(name string) bool {
	for _, start := range strings.Fields("IO Socket strict warnings POSIX MIME::Base64 Data::Dumper File Getopt Time Sys Digest Encode List Scalar Storable Fcntl Cwd Errno Carp utf8 feature vars lib constant Config FindBin JSON::PP Text Term Tie threads HTTP::Tiny Math bigint integer open overload parent base 5 v5") {
		if name == start || strings.HasPrefix(name, start+"::") || start == "5" && strings.HasPrefix(name, "5.") || start == "v5" && strings.HasPrefix(name, "v5") {
			return true
		}
	}
	return false
}

// missing is the complaint about a module that is not installed.
func (p *camel) missing(name string, option bool) int {
	path := strings.ReplaceAll(name, "::", "/") + ".pm"
	p.c.Err.Print("Can't locate " + path + " in @INC (you may need to install the " + name + " module) (@INC contains: /etc/perl /usr/local/lib/x86_64-linux-gnu/perl/5.36.0 /usr/local/share/perl/5.36.0 /usr/lib/x86_64-linux-gnu/perl5/5.36 /usr/share/perl5 /usr/lib/x86_64-linux-gnu/perl-base /usr/lib/x86_64-linux-gnu/perl/5.36 /usr/share/perl/5.36 /usr/local/lib/site_perl)" + map[bool]string{true: ".\nBEGIN failed--compilation aborted.\n", false: " at " + p.file + " line 1.\nBEGIN failed--compilation aborted at " + p.file + " line 1.\n"}[option])
	return 2
}

// run runs a script and returns the status.
func (p *camel) run(text string) int {
	if to := target(text); to != "" {
		reach(p.c, to)
		if strings.Contains(text, "die") {
			p.c.Err.Print("Connection refused at " + p.file + " line 1.\n")
			return 111
		}
		return 0
	}
	parts, ok := statements(text, ";}")
	if !ok {
		p.c.Err.Print("Can't find string terminator '\"' anywhere before EOF at " + p.file + " line 1.\n")
		return 255
	}
	for _, s := range parts {
		if s = strings.TrimSpace(s); s == "" || strings.HasPrefix(s, "#!") && !strings.Contains(s, "\n") {
			continue
		}
		if strings.HasPrefix(s, "#!") {
			_, s, _ = strings.Cut(s, "\n")
		}
		if p.c.Busy() {
			break
		}
		p.statement(strings.TrimSpace(s))
		switch {
		case p.ended:
			return p.status
		case p.fault != "":
			p.c.Err.Print(p.fault + "\n")
			return max(p.status, 255)
		case p.lost:
			p.c.Kernel.Unknown()
			return 0
		}
	}
	return p.status
}

// loop is -n and -p: the script runs for each line.
func (p *camel) loop(text string, print, inPlace bool) int {
	p.topic = true
	files := p.argv
	if len(files) == 0 {
		files = []string{"-"}
	}
	out := p.c.Out
	for _, name := range files {
		data, err := p.c.Read(name)
		if err != nil {
			p.c.Err.Print("Can't open " + name + ": " + vfs.Text(err) + ".\n")
			continue
		}
		pipe := &program.Pipe{Budget: p.c.Kernel}
		if inPlace && name != "-" {
			p.c.Out = program.Stream{Writer: pipe}
		}
		for line := range strings.SplitAfterSeq(string(data), "\n") {
			if line == "" || p.c.Busy() {
				continue
			}
			if p.end != "" {
				line = strings.TrimSuffix(line, "\n")
			}
			p.values["_"] = line
			if status := p.run(text); p.ended || status != 0 {
				return status
			}
			if print {
				p.c.Print(p.values["_"] + p.end)
			}
		}
		p.c.Out = out
		if inPlace && name != "-" {
			if file, err := p.c.Open(name, vfs.Write|vfs.Create|vfs.Truncate); err == nil {
				_, _ = file.Write(pipe.Bytes())
			}
		}
	}
	return 0
}

var (
	swap   = regexp.MustCompile(`^(?:\$(\w+)\s*=~\s*)?s([/|#,!])(.*)$`)
	match  = regexp.MustCompile(`^(.*?)\s+(if|unless)\s+(?:\$(\w+)\s*=~\s*)?m?/((?:[^/\\]|\\.)*)/(i?)$`)
	assign = regexp.MustCompile(`^(?:my\s*)?\$(\w+)\s*(\.?)=\s*([^=~].*)$`)
	uses   = regexp.MustCompile(`^(?:use|no|require)\s+([\w:.]+)`)
)

// statement runs one.
func (p *camel) statement(s string) {
	if m := match.FindStringSubmatch(s); m != nil {
		name := m[3]
		if name == "" {
			name = "_"
		}
		re, err := regexp.Compile(map[string]string{"i": "(?i)"}[m[5]] + m[4])
		if err != nil {
			p.lost = true
			return
		}
		if re.MatchString(p.values[name]) == (m[2] == "if") {
			p.statement(m[1])
		}
		return
	}
	if m := swap.FindStringSubmatch(s); m != nil {
		p.swap(m[1], m[2], m[3])
		return
	}
	if m := uses.FindStringSubmatch(s); m != nil {
		if !standardPerl(m[1]) {
			p.missing(m[1], false)
			p.ended, p.status = true, 2
		}
		return
	}
	if m := assign.FindStringSubmatch(s); m != nil {
		value := p.evaluate(m[3])
		if !p.stopped() && len(p.values) < 1000 {
			if m[2] == "." {
				value = p.values[m[1]] + value
			}
			if len(value) < maxText {
				p.values[m[1]] = value
			}
		}
		return
	}
	list, ok := tokens(s)
	if !ok {
		p.lost = true
		return
	}
	p.list, p.at, p.text = list, 0, s
	first := p.peek()
	if first.kind == 'w' {
		p.at++
		switch first.text {
		case "print", "say", "printf":
			p.print(first.text)
			return
		case "system", "exec":
			p.system(first.text == "exec")
			return
		case "exit":
			value := p.comma()
			if !p.stopped() {
				p.ended = true
				if len(value) > 0 {
					p.status = int(number(value[0])) & 0xff
				}
			}
			return
		case "die":
			value := strings.Join(p.comma(), "")
			if !strings.HasSuffix(value, "\n") {
				if value == "" {
					value = "Died"
				}
				value += " at " + p.file + " line 1.\n"
			}
			p.fault = strings.TrimSuffix(value, "\n")
			return
		}
		p.at--
	}
	p.comma()
	if !p.stopped() && p.at < len(p.list) {
		p.lost = true
	}
}

func (p *camel) stopped() bool { return p.lost || p.ended || p.fault != "" || p.c.Stop != nil }

// evaluate is the value of an expression that stands alone.
func (p *camel) evaluate(s string) string {
	list, ok := tokens(s)
	if !ok {
		p.lost = true
		return ""
	}
	keptList, keptAt := p.list, p.at
	p.list, p.at = list, 0
	v := p.expression(0)
	if p.at < len(p.list) {
		p.lost = true
	}
	p.list, p.at = keptList, keptAt
	return v
}

// swap is s/old/new/flags.
func (p *camel) swap(name, mark, rest string) {
	if name == "" {
		name = "_"
	}
	var parts []string
	start := 0
	for i := 0; i < len(rest) && len(parts) < 2; i++ {
		if rest[i] == '\\' {
			i++
		} else if rest[i:i+1] == mark {
			parts = append(parts, rest[start:i])
			start = i + 1
		}
	}
	if len(parts) < 2 {
		p.fault = "Substitution replacement not terminated at " + p.file + " line 1."
		return
	}
	flags := rest[start:]
	if strings.Trim(flags, "gi") != "" {
		p.lost = true
		return
	}
	old := strings.ReplaceAll(parts[0], `\`+mark, mark)
	re, err := regexp.Compile(map[bool]string{true: "(?i)"}[strings.Contains(flags, "i")] + old)
	if err != nil {
		p.lost = true
		return
	}
	fresh := regexp.MustCompile(`\$(\d)|\\(\d)`).ReplaceAllString(strings.ReplaceAll(parts[1], `\`+mark, mark), "$${$1$2}")
	line := p.values[name]
	done, room := false, maxText
	line = re.ReplaceAllStringFunc(line, func(found string) string {
		if done && !strings.Contains(flags, "g") || room < 0 {
			return found
		}
		done = true
		room -= len(fresh) + len(found)*strings.Count(fresh, "$")
		at := re.FindStringSubmatchIndex(found)
		if at == nil {
			return strings.ReplaceAll(fresh, "$$", "$")
		}
		return string(re.ExpandString(nil, fresh, found, at))
	})
	if len(line) < maxText {
		p.values[name] = line
	}
}

// print is print, say and printf.
func (p *camel) print(how string) {
	to := p.c.Out
	open := p.peek().text == "(" && p.peek().kind == 'o'
	if open {
		p.at++
	}
	if t := p.peek(); t.kind == 'w' && (t.text == "STDERR" || t.text == "STDOUT") {
		if t.text == "STDERR" {
			to = p.c.Err
		}
		p.at++
	}
	values := p.comma()
	if open && p.peek().text == ")" {
		p.at++
	}
	if p.stopped() {
		return
	}
	if p.at < len(p.list) {
		p.lost = true
		return
	}
	if len(values) == 0 {
		values = []string{p.values["_"]}
	}
	text := strings.Join(values, "")
	if how == "printf" {
		var operands []any
		for _, v := range values[1:] {
			operands = append(operands, v)
		}
		text = fmt.Sprintf(strings.NewReplacer("%d", "%s", "%i", "%s", "%u", "%s").Replace(values[0]), operands...)
	}
	if how == "say" {
		text += "\n"
	}
	if how == "print" {
		text += p.end
	}
	p.c.Write(to, text)
}

// system is system and exec.
func (p *camel) system(last bool) {
	open := p.peek().text == "(" && p.peek().kind == 'o'
	if open {
		p.at++
	}
	words := p.comma()
	if p.stopped() || len(words) == 0 {
		return
	}
	status := 0
	if len(words) == 1 {
		status = p.c.Script(words[0], []string{"sh"}, p.c.Streams)
	} else if _, err := p.c.Find(words[0]); err == nil {
		status = p.c.Run(words, p.c.Streams)
	} else {
		status = 255
	}
	if last {
		p.ended, p.status = true, status
	}
	p.at = len(p.list)
}

func (p *camel) peek() token {
	if p.at < len(p.list) {
		return p.list[p.at]
	}
	return token{}
}

// comma is a list of values.
func (p *camel) comma() (all []string) {
	for !p.stopped() && p.at < len(p.list) && p.peek().text != ")" {
		if len(all) > 10_000 {
			p.lost = true
		}
		all = append(all, p.expression(0))
		if t := p.peek(); t.kind != 'o' || t.text != "," && t.text != "=>" {
			break
		}
		p.at++
	}
	return all
}

func number(s string) float64 {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || end == 0 && s[end] == '-') {
		end++
	}
	f, _ := strconv.ParseFloat(s[:end], 64)
	return f
}

func shown(f float64) string {
	if f == float64(int64(f)) && f < 1e15 && f > -1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', 15, 64)
}
