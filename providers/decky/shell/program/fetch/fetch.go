// Package fetch holds the programs that bring files from other hosts: wget, curl,
// tftp, ftp and their applets of busybox. Nothing is ever fetched: package peer
// says what comes back, and what was wanted is recorded before it is answered.
package fetch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/schema/event"
)

// Bounds of one call.
const (
	maxTargets   = 64
	maxRedirects = 8
	maxURL       = 4096 // bytes of an URL that is recorded
)

// record keeps a download with what was made for it; nil where nothing came.
func record(c *program.Call, target string, body []byte) bool {
	t := &event.Transfer{Direction: "download", Name: event.Text(target).Clip(maxURL), Size: int64(len(body))}
	if body != nil {
		sum := sha256.Sum256(body)
		t.SHA256 = hex.EncodeToString(sum[:])
	}
	if err := c.Kernel.Record(t); err != nil {
		c.Stop = err
		return false
	}
	return true
}

// ports are those of the schemes.
var ports = map[string]int{"http": 80, "https": 443, "ftp": 21, "ftps": 990, "tftp": 69}

// portOf is the port that an URL means; ok is false where it has one that is no
// number of a port.
func portOf(u *url.URL) (int, bool) {
	text := u.Port()
	if text == "" {
		return ports[u.Scheme], !strings.HasSuffix(u.Host, ":x")
	}
	n := 0
	for _, d := range text {
		if n = n*10 + int(d-'0'); n > 65535 {
			return 0, false
		}
	}
	return n, n > 0
}

// reach is a connection of a program: the name, what it stands for and what it
// met.
type reach struct {
	name    string
	numeric bool
	addr    netip.Addr
	fail    peer.Failure
	link    peer.Link
	port    int
}

// resolve looks a name up and lets the time pass that it takes.
func resolve(c *program.Call, name string) (r reach, ok bool) {
	w := peer.Of(c.Machine)
	r.name = name
	_, r.numeric = peer.Numeric(name)
	r.addr, r.fail = w.Lookup(name)
	if r.numeric || r.addr.IsLoopback() {
		return r, true
	}
	took := time.Duration(c.Machine.Number("resolve/"+name, 4, 60)) * time.Millisecond
	if r.fail == peer.Again {
		took = 10 * time.Second
		if len(w.Resolvers()) == 0 {
			took = 0
		}
	}
	return r, c.Wait(took)
}

// connect lets a connection come about; limit ends the attempt, 0 is none.
// late tells that it was the limit that ended it.
func (r *reach) connect(c *program.Call, port int, limit time.Duration) (late, ok bool) {
	r.port = port
	r.link = peer.Of(c.Machine).Connect(r.addr, port)
	wait := r.link.Delay
	if limit > 0 && wait > limit {
		wait, late = limit, true
		r.link.Answer = peer.Silent
	}
	return late, c.Wait(wait)
}

// get is the page of an URL as of now.
func get(c *program.Call, u *url.URL) peer.Page {
	return peer.Of(c.Machine).Get(u, c.Now())
}

// patience bounds how long a made-up transfer takes.
const patience = 12 * time.Second

// parse reads an URL that may lack its scheme.
func parse(target, scheme string) (*url.URL, error) {
	if !strings.Contains(target, "://") {
		target = scheme + "://" + target
	}
	target = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, target)
	u, err := url.Parse(target)
	if err != nil {
		// An escape that is none is sent as it stands.
		u, err = url.Parse(strings.ReplaceAll(target, "%", "%25"))
	}
	return u, err
}

// header are the lines of an answer as a server of that product sends them.
func header(c *program.Call, p peer.Page, body int) []string {
	lines := []string{"Date: " + httpTime(c.Now()), "Server: " + p.Server}
	if strings.HasPrefix(p.Server, "nginx") {
		lines[0], lines[1] = lines[1], lines[0]
	}
	add := func(name, value string) { lines = append(lines, name+": "+value) }
	modified := func() {
		if !p.Modified.IsZero() {
			add("Last-Modified", httpTime(p.Modified))
		}
	}
	tag := ""
	if !p.Modified.IsZero() {
		tag = strings.ToLower("\"" + hexOf(p.Modified.Unix()) + "-" + hexOf(int64(len(p.Body))) + "\"")
	}
	if strings.HasPrefix(p.Server, "Apache") {
		modified()
		if tag != "" {
			add("ETag", strings.Replace(tag, hexOf(p.Modified.Unix())+"-", hexOf(int64(len(p.Body)))+"-", 1))
			add("Accept-Ranges", "bytes")
		}
		add("Content-Length", itoa(body))
		location(p, add)
		add("Connection", "Keep-Alive")
		add("Content-Type", p.Type)
		return lines
	}
	add("Content-Type", p.Type)
	add("Content-Length", itoa(body))
	modified()
	add("Connection", "keep-alive")
	location(p, add)
	if tag != "" {
		add("ETag", tag)
		add("Accept-Ranges", "bytes")
	}
	return lines
}

func location(p peer.Page, add func(name, value string)) {
	if p.Location != "" {
		add("Location", p.Location)
	}
}

func httpTime(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// store writes a file as the program's user.
func store(c *program.Call, name string, data []byte) error {
	if err := c.Kernel.Spend(len(data)); err != nil {
		c.Stop = err
		return err
	}
	return c.View().WriteFile(c.Path(name), data, 0o666&^c.Umask)
}

// say is where a program's messages go; a log file takes them in its place.
type say struct {
	c    *program.Call
	log  *bytes.Buffer
	mute bool
}

func (s say) print(text string) {
	switch {
	case s.mute:
	case s.log != nil:
		s.log.WriteString(text)
	default:
		s.c.Err.Print(text)
	}
}
