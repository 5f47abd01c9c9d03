package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

// The applets of busybox speak in its own words (1.35's; networking/wget.c,
// tftp.c, ftpgetput.c and libbb/progress_meter say when).

// usage makes busybox show an applet's own.
func usage(c *program.Call) int {
	c.Err.Print(c.Name + ": missing operand\n")
	return 1
}

const appletLong = "continue=c quiet=q output-document=:O output-file=:o user-agent=:U proxy=:Y directory-prefix=:P timeout=:T server-response=S header=:~h post-data=:~p post-file=:~p spider=~s no-check-certificate=~ no-verbose=~ no-clobber=~ passive-ftp=~ no-proxy=~ no-cache=~ tries=:~ "

func wgetApplet(c *program.Call) int {
	f, targets, ok := c.Parse("cqSO:o:U:Y:P:T:t:n:", appletLong)
	if !ok {
		return 1
	}
	if len(targets) == 0 {
		return usage(c)
	}
	for i, target := range targets {
		if i >= maxTargets {
			break
		}
		if status := appletGet(c, f, target); status != 0 || c.Stop != nil {
			return 1
		}
	}
	return 0
}

func appletGet(c *program.Call, f program.Flags, target string) int {
	s := say{c: c, mute: f.Has("q")}
	u, err := parse(target, "http")
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ftp" {
		return c.Complain("not an http or ftp url: %s", target)
	}
	for range maxRedirects {
		page, status := appletAsk(c, f, s, u)
		if status != 0 || c.Stop != nil {
			return status
		}
		if page.Location == "" {
			return appletSave(c, f, s, u, page)
		}
		if u, err = u.Parse(page.Location); err != nil {
			return c.Complain("bad redirection")
		}
	}
	return c.Complain("too many redirections")
}

// appletAsk connects and asks for a page.
func appletAsk(c *program.Call, f program.Flags, s say, u *url.URL) (page peer.Page, status int) {
	host := u.Hostname()
	port, ok := portOf(u)
	if !ok {
		return page, c.Complain("invalid port '%s'", u.Port())
	}
	r, ok := resolve(c, host)
	if !ok {
		return page, 1
	}
	if r.fail != peer.Found {
		record(c, u.String(), nil)
		return page, c.Complain("bad address '%s'", u.Host)
	}
	s.print(fmt.Sprintf("Connecting to %s (%s)\n", u.Host, netip.AddrPortFrom(r.addr, uint16(port))))
	limit, _ := seconds(f.Value["T"])
	late, ok := r.connect(c, port, limit)
	switch {
	case !ok:
		record(c, u.String(), nil)
		return page, 1
	case late:
		record(c, u.String(), nil)
		return page, c.Complain("download timed out")
	case r.link.Answer != peer.Open:
		record(c, u.String(), nil)
		return page, c.Complain("can't connect to remote host (%s): %s", r.addr, r.link.Answer.Text())
	}
	page = get(c, u)
	if !record(c, u.String(), page.Body) || !c.Wait(r.link.RTT) {
		return page, 1
	}
	if page.Plain {
		return page, c.Complain("error getting response")
	}
	if f.Has("S") && u.Scheme != "ftp" {
		c.Err.Print(fmt.Sprintf("  HTTP/1.1 %d %s\n", page.Status, page.Reason))
		for _, h := range header(c, page, len(page.Body)) {
			c.Err.Print("  " + h + "\n")
		}
		c.Err.Print("  \n")
	}
	if page.Status != 200 && page.Location == "" {
		return page, c.Complain("server returned error: HTTP/1.1 %d %s", page.Status, page.Reason)
	}
	return page, 0
}

// appletSave writes what came and shows how.
func appletSave(c *program.Call, f program.Flags, s say, u *url.URL, page peer.Page) int {
	if f.Has("~s") {
		s.print("remote file exists\n")
		return 0
	}
	name := path.Base(u.Path)
	if u.Path == "" || strings.HasSuffix(u.Path, "/") {
		name = "index.html"
	}
	if f.Has("O") {
		name = f.Value["O"]
	} else if dir := f.Value["P"]; dir != "" {
		name = strings.TrimSuffix(dir, "/") + "/" + name
	}
	if name == "-" {
		s.print("writing to stdout\n")
		c.Write(c.Out, string(page.Body))
		if !appletBar(c, s, "-", len(page.Body), page.Took) {
			return 1
		}
		s.print("written to stdout\n")
		return 0
	}
	if _, err := c.View().Lstat(c.Path(name)); err == nil && !f.Has("O") && !f.Has("c") {
		return c.Complain("can't open '%s': File exists", name)
	}
	if err := store(c, name, page.Body); err != nil {
		return c.Complain("can't open '%s': %s", name, vfs.Text(err))
	}
	s.print("saving to '" + name + "'\n")
	if !appletBar(c, s, path.Base(name), len(page.Body), page.Took) {
		return 1
	}
	s.print("'" + name + "' saved\n")
	return 0
}

// appletBar is busybox' progress meter, a line a second.
func appletBar(c *program.Call, s say, name string, size int, took time.Duration) bool {
	took = min(took, patience)
	if s.mute {
		return c.Wait(took)
	}
	const width = 32
	line := func(done int, at time.Duration) string {
		percent := 100
		if size > 0 {
			percent = int(int64(done) * 100 / int64(size))
		}
		stars := percent * width / 100
		shown := name
		if len(shown) > 20 {
			shown = shown[:20]
		}
		amount := fmt.Sprintf("%6d", done)
		if done >= 100_000 {
			amount = fmt.Sprintf("%5dk", done>>10)
		}
		left := int(stalledLeft(size, done, at).Seconds())
		return fmt.Sprintf("\r%-20s%4d%% |%-*s|%s %2d:%02d:%02d ETA", shown, percent, width, strings.Repeat("*", stars), amount, left/3600, left/60%60, left%60)
	}
	start := "\n"
	if !c.Err.TTY {
		// Without a terminal only the last state is said.
		if !c.Wait(took) {
			return false
		}
		s.print(strings.TrimPrefix(line(size, took), "\r") + start)
		return true
	}
	for at := time.Duration(0); at+time.Second < took; at += time.Second {
		s.print(line(int(float64(size)*at.Seconds()/took.Seconds()), at))
		if !c.Wait(time.Second) {
			return false
		}
	}
	if !c.Wait(took % time.Second) {
		return false
	}
	s.print(line(size, took) + "\n")
	return true
}

// stalledLeft is how long the rest takes at the pace so far.
func stalledLeft(size, done int, at time.Duration) time.Duration {
	if done <= 0 || done >= size {
		return 0
	}
	return time.Duration(float64(at) * float64(size-done) / float64(done))
}

// ftpget is ftpget and ftpput.
func ftpget(c *program.Call) int {
	f, rest, ok := c.Parse("cvu:p:P:", "continue=c verbose=v username=:u password=:p port=:P")
	if !ok {
		return 1
	}
	if len(rest) < 2 || len(rest) > 3 {
		return usage(c)
	}
	put := c.Name == "ftpput"
	host, mine, theirs := rest[0], rest[1], rest[len(rest)-1]
	if put {
		theirs, mine = rest[1], rest[len(rest)-1]
	}
	target := "ftp://" + host + "/" + strings.TrimPrefix(theirs, "/")
	if f.Has("p") || f.Has("u") {
		body := &event.AuthAttempt{Method: "ftp", Username: event.Text(f.Value["u"]), Secret: event.Text(f.Value["p"]), SecretKind: "plaintext"}
		if c.Stop = c.Kernel.Record(body); c.Stop != nil {
			return 1
		}
	}
	if put {
		c.Kernel.Wanted("connect", "put "+target)
	}
	r, ok := resolve(c, host)
	if !ok {
		return 1
	}
	missed := func() {
		if !put {
			record(c, target, nil)
		}
	}
	if r.fail != peer.Found {
		missed()
		return c.Complain("bad address '%s'", host)
	}
	port := 21
	if n, ok := program.Count(f.Value["P"]); ok && n > 0 && n < 65536 {
		port = int(n)
	}
	if f.Has("v") {
		c.Err.Print(fmt.Sprintf("Connecting to %s (%s)\n", host, netip.AddrPortFrom(r.addr, uint16(port))))
	}
	if _, ok := r.connect(c, port, 0); !ok {
		missed()
		return 1
	}
	if r.link.Answer != peer.Open {
		missed()
		return c.Complain("can't connect to remote host (%s): %s", r.addr, r.link.Answer.Text())
	}
	if put {
		if _, err := c.View().ReadFile(c.Path(mine)); err != nil {
			return c.Complain("can't open '%s': %s", mine, vfs.Text(err))
		}
		if !c.Wait(6 * r.link.RTT) {
			return 1
		}
		return 0
	}
	u := &url.URL{Scheme: "ftp", Host: host, Path: "/" + strings.TrimPrefix(theirs, "/")}
	page := get(c, u)
	if page.Status != 200 {
		missed()
		return c.Complain("unexpected server response to RETR: 550 Failed to open file.")
	}
	if !record(c, target, page.Body) || !c.Wait(6*r.link.RTT+min(page.Took, patience)) {
		return 1
	}
	if err := store(c, mine, page.Body); err != nil {
		return c.Complain("can't open '%s': %s", mine, vfs.Text(err))
	}
	return 0
}
