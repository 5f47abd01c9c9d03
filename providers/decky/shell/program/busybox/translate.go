package busybox

import (
	"regexp"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// own is a usage of an applet that loaders look at, in words of ours.
type own struct {
	text     string
	operands bool // it is shown as long as there is no operand
}

var ours = map[string]own{
	"wget":   {"Usage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL...\n\nFetch files by HTTP or FTP\n\n\t--spider\tLook whether URL is there and exit with 0 if so\n\t--header STR\tSend STR (as 'Name: value'), repeatable\n\t-c\t\tGo on with a transfer that was cut off\n\t-q\t\tSay nothing\n\t-P DIR\t\tWrite into DIR (default .)\n\t-S    \t\tShow what the server answers\n\t-T SEC\t\tTime out after SEC seconds\n\t-O FILE\t\tWrite to FILE ('-' for stdout)\n\t-o LOGFILE\tLog into FILE\n\t-U STR\t\tName STR as the user agent\n\t-Y on/off\tGo through a proxy\n", true},
	"tftp":   {"Usage: tftp [OPTIONS] HOST [PORT]\n\nMove a file from or to a tftp server\n\n\t-l FILE\tFile here\n\t-r FILE\tFile there\n\t-g\tGet it\n\t-p\tPut it\n\t-b SIZE\tBytes of a block\n", true},
	"ftpget": {"Usage: ftpget [OPTIONS] HOST [LOCAL_FILE] REMOTE_FILE\n\nFetch a file by FTP\n\n\t-c\tGo on with a transfer that was cut off\n\t-v\tSay more\n\t-u USER\tName\n\t-p PASS\tPassword\n\t-P PORT\tPort\n", true},
	"ftpput": {"Usage: ftpput [OPTIONS] HOST [REMOTE_FILE] LOCAL_FILE\n\nStore a file by FTP\n\n\t-v\tSay more\n\t-u USER\tName\n\t-p PASS\tPassword\n\t-P PORT\tPort\n", true},
	"nc":     {"Usage: nc [-iN] [-wN] [-l] [-p PORT] [-f FILE|IPADDR PORT] [-e PROG]\n\nJoin a connection with stdin and stdout\n\n\t-l\tListen\n\t-p PORT\tPort here\n\t-w SEC\tTime out\n\t-i SEC\tWait between lines\n\t-f FILE\tUse a file in place of a connection\n\t-e PROG\tRun PROG once connected\n", false},
	"telnet": {"Usage: telnet [-a] [-l USER] HOST [PORT]\n\nConnect to a telnet server\n", true},
}

// usage is what an applet says of itself.
func usage(name string) string {
	if o, ok := ours[name]; ok {
		return o.text
	}
	return strings.TrimSuffix("Usage: "+name+" "+usageOf()[name], " ") + "\n"
}

// rule turns a message of coreutils into busybox'; "" where the usage stands
// instead.
type rule struct {
	from *regexp.Regexp
	to   string
}

// rules of all applets first to last; $1 is the applet.
var rules = sync.OnceValue(func() []rule {
	var out []rule
	for _, r := range [][2]string{
		{`^(\w+): (?:missing operand|missing file operand|missing destination file operand).*`, ""},
		{`^(cat|tail|md5sum|sha\d+sum): (?:cannot open )?'?(.*?)'?(?: for reading)?: (No such file or directory|Permission denied)$`, "$1: can't open '$2': $3"},
		{`^(cat): (.*): (Is a directory)$`, "$1: read error: $3"},
		{`^(sort): cannot read: (.*): (.*)$`, "$1: $2: $3"},
		{`^(sed): can't read (.*): (.*)$`, "$1: $2: $3"},
		{`^(tac): failed to open '(.*)' for reading: (.*)$`, "$1: $2: $3"},
		{`^(uniq): (.*): (No such file or directory|Permission denied)$`, "$1: can't open '$2': $3"},
		{`^(awk): cannot open (.*) \((.*)\)$`, "$1: $2: $3"},
		{`^(env): ['‘](.*)['’]: (.*)$`, "$1: can't execute '$2': $3"},
		{`^(timeout|chroot|setsid|ionice): (?:failed to (?:run command|execute) )?['‘](.*)['’]: (.*)$`, "$1: can't execute '$2': $3"},
		{`^(timeout): invalid time interval ‘(.*)’$`, "$1: invalid number '$2'"},
		{`^(sleep|usleep): invalid option -- '(.*)'$`, "$1: invalid number '-$2'"},
		{`^(head): (?:cannot open )'(.*)' for reading: (.*)$`, "$1: $2: $3"},
		{`^(\w+): cannot access '(.*)': (.*)$`, "$1: $2: $3"},
		{`^(ls): cannot open directory '(.*)': (.*)$`, "$1: can't open '$2': $3"},
		{`^(rm): cannot remove '(.*)': Is a directory$`, "$1: '$2' is a directory"},
		{`^(rm): cannot remove '(.*?)/*': (.*)$`, "$1: can't remove '$2': $3"},
		{`^(mkdir): cannot create directory ‘(.*)’: (.*)$`, "$1: can't create directory '$2': $3"},
		{`^(mv): cannot stat '(.*)': (.*)$`, "$1: can't rename '$2': $3"},
		{`^(\w+): cannot (?:statx|stat) '(.*)': (.*)$`, "$1: can't stat '$2': $3"},
		{`^(cp): -r not specified; omitting directory '(.*)'$`, "$1: omitting directory '$2'"},
		{`^(cp): cannot create regular file '(.*)': (.*)$`, "$1: can't create '$2': $3"},
		{`^(touch): (?:cannot touch|setting times of) '(.*)': (.*)$`, "$1: $2: $3"},
		{`^(rmdir): failed to remove '(.*)': (.*)$`, "$1: '$2': $3"},
		{`^(ln): failed to (?:create symbolic link|access) '(.*)': (.*)$`, "$1: $2: $3"},
		{`^(ln): failed to create hard link '(?:\./)?(.*)' => .*: (.*)$`, "$1: $2: $3"},
		{`^(chown|chgrp): invalid (user|group): ‘(.*)’$`, "$1: unknown $2 $3"},
		{`^(chmod|chown|chgrp): changing (?:permissions|ownership) of '(.*)': (.*)$`, "$1: $2: $3"},
		{`^(chmod): invalid mode: ‘(.*)’$`, "$1: invalid mode '$2'"},
		{`^(dd): failed to open '(.*)': (.*)$`, "$1: can't open '$2': $3"},
		{`^(id): ‘(.*)’: no such user$`, "$1: unknown user $2"},
		{`^(find): ‘(.*)’: (.*)$`, "$1: $2: $3"},
		{`^(sleep|usleep): invalid time interval ‘(.*)’$`, "$1: invalid number '$2'"},
		{`^(head|tail): invalid number of (?:lines|bytes): ‘(.*)’$`, "$1: invalid number '$2'"},
		{`^(cut): you must specify a list.*$`, "$1: expected a list of bytes, characters, or fields"},
		{`^(kill): \((\d+)\) - (.*)$`, "$1: can't kill pid $2: $3"},
		{`^(kill): (.*): arguments must be process or job IDs$`, "$1: invalid number '$2'"},
		{`^(ln): failed to create hard link '(?:\./)?(.*)': (.*)$`, "$1: $2: $3"},
		{`^(unzip):  cannot find or open ([^,]*), .*$`, "$1: can't open $2[.zip]"},
		{`^gzip: (.*)\.gz: (No such file or directory)$`, "zcat: $1: $2"},
		{`^(gzip|gunzip|zcat): (.*): unknown suffix -- ignored$`, "$1: $2: unknown suffix - ignored"},
	} {
		out = append(out, rule{regexp.MustCompile(r[0]), r[1]})
	}
	return out
})

// translator is where an applet's messages go.
type translator struct {
	to    program.Stream
	name  string
	build build
	part  string
	// option: the last line complained of one. usage was shown: the applet ends
	// with 1.
	option, usage bool
}

// Write implements io.Writer; it holds back a line that is not whole, unless it
// asks for an answer.
func (t *translator) Write(p []byte) (int, error) {
	t.part += string(p)
	for {
		line, rest, ok := strings.Cut(t.part, "\n")
		if !ok {
			break
		}
		t.part = rest
		t.line(line)
	}
	if t.part != "" && !strings.HasPrefix(t.part, t.name+":") {
		t.flush()
	}
	return len(p), nil
}

func (t *translator) flush() {
	t.to.Print(t.part)
	t.part = ""
}

func (t *translator) line(line string) {
	if strings.HasPrefix(line, "Try '") || strings.HasPrefix(line, t.name+": Try '") {
		if t.option && !t.usage {
			t.help()
		}
		return
	}
	if t.usage {
		return
	}
	t.option = strings.Contains(line, ": invalid option -- '") || strings.Contains(line, ": unrecognized option '") || strings.Contains(line, "requires an argument")
	for _, r := range rules() {
		if !r.from.MatchString(line) {
			continue
		}
		if r.to == "" {
			t.help()
			return
		}
		line = r.from.ReplaceAllString(line, r.to)
		break
	}
	t.to.Print(strings.NewReplacer("‘", "'", "’", "'").Replace(line) + "\n")
	if t.name == "tail" && strings.Contains(line, "can't open") {
		t.to.Print("tail: no files\n")
	}
}

func (t *translator) help() {
	t.usage = true
	t.to.Print(t.build.banner() + "\n" + usage(t.name) + "\n")
}
