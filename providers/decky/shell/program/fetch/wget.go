package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Exit statuses of wget; the least of several wins.
const (
	wgetGeneric, wgetUsage, wgetIO, wgetNetwork, wgetTLS, wgetAuth, wgetProtocol, wgetServer = 1, 2, 3, 4, 5, 6, 7, 8
)

const wgetShort = "46Vhbe:o:a:dqvn:i:FB:t:O:cNST:w:Q:P:xU:l:rkKmpEHLA:R:D:I:X:"

const wgetLong = "quiet=q output-document=:O no-check-certificate=~ timeout=:T tries=:t directory-prefix=:P user-agent=:U help=h version=V header=:~h post-data=:~p post-file=:~p method=:~m body-data=:~p continue=c spider=~s no-verbose=~v no-clobber=~c verbose=v output-file=:o append-output=:a background=b input-file=:i timestamping=N server-response=S wait=:w waitretry=:~ connect-timeout=:T read-timeout=:~ dns-timeout=:~ retry-connrefused=~ no-proxy=~ proxy=::~ user=:~ password=:~ http-user=:~ http-password=:~ ftp-user=:~ ftp-password=:~ recursive=r level=:l mirror=m page-requisites=p no-parent=~ no-host-directories=~ no-directories=~ force-directories=x inet4-only=4 inet6-only=6 limit-rate=:~ progress=:~g show-progress=~G referer=:~ save-cookies=:~ load-cookies=:~ keep-session-cookies=~ no-cache=~ no-cookies=~ no-dns-cache=~ secure-protocol=:~ ca-certificate=:~ content-disposition=~ trust-server-names=~ max-redirect=:~ no-hsts=~ random-wait=~ unlink=~ debug=d execute=:e no-use-server-timestamps=~ passive-ftp=~ no-passive-ftp=~ restrict-file-names=:~ no-netrc=~ no-if-modified-since=~ tries-=:t"

const wgetHint = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n"

// order is one call of wget.
type order struct {
	c       *program.Call
	f       program.Flags
	say     say
	brief   bool // -nv
	clobber bool // -nc does not
	bar     bool
	reused  string
	status  int
	files   int
	bytes   int
	spent   time.Duration
	output  []byte // of -O
	post    bool
}

func wget(c *program.Call) int {
	if c.Applet {
		return wgetApplet(c)
	}
	c.Hint = wgetHint
	f, targets, ok := c.Parse(wgetShort, wgetLong)
	if !ok {
		return wgetUsage
	}
	switch {
	case f.Has("V"):
		wgetVersion(c)
		return 0
	case f.Has("h"):
		c.Print(wgetHelp(c))
		return 0
	}
	o := &order{c: c, f: f, say: say{c: c, mute: f.Has("q")}, clobber: true}
	for _, g := range f.Given {
		switch g.Letter {
		case "n":
			o.brief = o.brief || strings.Contains(g.Value, "v")
			o.clobber = o.clobber && !strings.Contains(g.Value, "c")
			if strings.Trim(g.Value, "vcdHp") != "" {
				c.Usage("invalid option -- 'n" + g.Value + "'")
				return wgetUsage
			}
		case "~v":
			o.brief = true
		case "~c":
			o.clobber = false
		case "~p":
			o.post = true
		}
	}
	if f.Has("i") {
		list, failed := o.list(f.Value["i"])
		targets = append(targets, list...)
		if failed {
			o.worse(wgetGeneric)
		}
	}
	if len(targets) == 0 && !f.Has("i") {
		c.Err.Print("wget: missing URL\n" + wgetHint)
		return wgetGeneric
	}
	return o.run(targets)
}

// list are the URLs of a file.
func (o *order) list(name string) (targets []string, failed bool) {
	data, err := o.c.Read(name)
	if err != nil {
		o.say.print(name + ": " + vfs.Text(err) + "\n")
		failed = true
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" {
			targets = append(targets, line)
		}
	}
	if len(targets) == 0 {
		o.say.print("No URLs found in " + name + ".\n")
	}
	return targets, failed
}

func (o *order) worse(status int) {
	if status != 0 && (o.status == 0 || status < o.status) {
		o.status = status
	}
}

// run gets all targets; what is said goes to a log where one was asked for.
func (o *order) run(targets []string) int {
	c, f := o.c, o.f
	log := f.Value["o"]
	if f.Has("a") {
		log = f.Value["a"]
	}
	if f.Has("b") {
		if log == "" {
			log = o.free("wget-log")
		}
		c.Print(fmt.Sprintf("Continuing in background, pid %d.\n", c.Machine.NextPID()))
		if !f.Has("o") && !f.Has("a") {
			c.Print("Output will be written to " + quoted(c, log) + ".\n")
		}
	}
	if log != "" && log != "-" {
		o.say.log = &bytes.Buffer{}
		if f.Has("a") {
			if old, err := c.View().ReadFile(c.Path(log)); err == nil {
				o.say.log.Write(old)
			}
		}
		if err := store(c, log, o.say.log.Bytes()); err != nil {
			c.Err.Print(log + ": " + vfs.Text(err) + "\n")
			return wgetGeneric
		}
	}
	o.bar = (c.Err.TTY && o.say.log == nil || strings.Contains(f.Value["~g"], "force")) && !strings.HasPrefix(f.Value["~g"], "dot")
	o.transfers(targets)
	if o.say.log != nil {
		// What does not fit is cut off: the disk is full.
		_ = store(c, log, o.say.log.Bytes())
	}
	if f.Has("b") {
		return 0
	}
	return o.status
}

func (o *order) transfers(targets []string) {
	c, f := o.c, o.f
	if name := f.Value["O"]; name != "" && name != "-" {
		if err := store(c, name, nil); err != nil {
			o.say.print(name + ": " + vfs.Text(err) + "\n")
			o.worse(wgetGeneric)
			return
		}
	}
	if f.Has("~s") {
		o.print("Spider mode enabled. Check if remote file exists.\n")
	}
	began := c.Now()
	for i, target := range targets {
		if i >= maxTargets || c.Busy() {
			return
		}
		o.one(target)
		if c.Stop != nil {
			return
		}
	}
	if (len(targets) > 1 || f.Has("r") || f.Has("m") || f.Has("p") || f.Has("i")) && o.files > 0 {
		o.print(fmt.Sprintf("FINISHED --%s--\nTotal wall clock time: %s\nDownloaded: %d files, %s in %ss (%s)\n", stamp(c), wallTime(c.Now().Sub(began)), o.files, human(o.bytes, 10, 1), spell(o.spent), rate(o.bytes, o.spent)))
	}
}

func wallTime(d time.Duration) string {
	if s := int(d.Seconds()); s >= 60 {
		return fmt.Sprintf("%dm %ds", s/60, s%60)
	}
	return spell(d) + "s"
}

// print says what -nv leaves out.
func (o *order) print(text string) {
	if !o.brief {
		o.say.print(text)
	}
}

// one gets one URL, redirections followed.
func (o *order) one(target string) {
	shown := target
	if scheme, _, ok := strings.Cut(target, "://"); ok && scheme != "http" && scheme != "https" && scheme != "ftp" && !strings.ContainsAny(scheme, "/.:") {
		o.say.print(target + ": Unsupported scheme " + quoted(o.c, scheme) + ".\n")
		o.worse(wgetGeneric)
		return
	} else if !ok {
		shown = "http://" + target
	}
	u, err := parse(shown, "http")
	problem := ""
	switch {
	case err != nil && strings.Contains(err.Error(), "port"):
		problem = "Bad port number"
	case err != nil || u.Hostname() == "":
		problem = "Invalid host name"
	default:
		if _, ok := portOf(u); !ok {
			problem = "Bad port number"
		}
	}
	if problem != "" {
		o.say.print(target + ": " + problem + ".\n")
		o.worse(wgetGeneric)
		return
	}
	name := o.local(u)
	for range maxRedirects {
		next, done := o.visit(u, name)
		if done || o.c.Stop != nil {
			return
		}
		u = next
	}
	o.say.print(fmt.Sprintf("%d redirections exceeded.\n", maxRedirects))
	o.worse(wgetServer)
}

// local is the file that an URL goes to.
func (o *order) local(u *url.URL) string {
	if o.f.Has("O") {
		return o.f.Value["O"]
	}
	name := path.Base(u.Path)
	if u.Path == "" || strings.HasSuffix(u.Path, "/") || name == "/" || name == "." || name == ".." {
		name = "index.html"
	}
	if u.RawQuery != "" {
		name += "?" + u.RawQuery
	}
	if name = strings.ReplaceAll(name, "/", "%2F"); len(name) > 236 {
		name = name[:236]
	}
	dir := o.f.Value["P"]
	if o.f.Has("r") || o.f.Has("x") || o.f.Has("m") || o.f.Has("p") {
		dir = path.Join(dir, u.Host, path.Dir(path.Clean("/"+u.Path)))
	}
	if dir != "" && dir != "." {
		name = strings.TrimSuffix(dir, "/") + "/" + name
	}
	if o.f.Has("c") || o.f.Has("N") || !o.clobber || o.f.Has("~s") {
		return name
	}
	return o.free(name)
}

// free is a name that no file has yet.
func (o *order) free(name string) string {
	for n := range 1000 {
		try := name
		if n > 0 {
			try = fmt.Sprintf("%s.%d", name, n)
		}
		if _, err := o.c.View().Lstat(o.c.Path(try)); errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
			return try
		}
	}
	return name
}

// visit asks for one URL; next is where it leads on to.
func (o *order) visit(u *url.URL, name string) (next *url.URL, done bool) {
	c := o.c
	full := u.String()
	if u.Path == "" {
		bare := *u
		bare.Path = "/"
		full = bare.String()
	}
	if !o.clobber && !o.f.Has("O") {
		if _, err := c.View().Lstat(c.Path(name)); err == nil {
			o.say.print("File " + quoted(c, name) + " already there; not retrieving.\n")
			o.print("\n")
			return nil, true
		}
	}
	page, ok := o.answer(u, full, name)
	if !ok {
		return nil, true
	}
	if u.Scheme == "ftp" {
		o.ftp(u, page, name)
		return nil, true
	}
	status := fmt.Sprintf("%d %s", page.Status, page.Reason)
	if page.Plain {
		status = "200 No headers, assuming HTTP/0.9"
	}
	have := -1
	if o.f.Has("c") && page.Status == 200 {
		if info, err := c.View().Stat(c.Path(name)); err == nil {
			have = int(info.Size)
			switch {
			case have >= len(page.Body):
				status = "416 Requested Range Not Satisfiable"
			case have > 0:
				status = "206 Partial Content"
			}
		}
	}
	o.print("HTTP request sent, awaiting response... ")
	if !c.Wait(o.rtt(u)) {
		return nil, true
	}
	o.headers(page, status)
	switch {
	case page.Location != "":
		next, err := u.Parse(page.Location)
		if err != nil {
			return nil, true
		}
		o.print("Location: " + page.Location + " [following]\n")
		return next, false
	case o.f.Has("~s"):
		o.spider(u, page)
	case page.Status != 200:
		if o.brief {
			o.say.print(full + ":\n")
		}
		o.say.print(stamp(c) + " ERROR " + fmt.Sprintf("%d %s", page.Status, page.Reason)[:3] + ": " + page.Reason + ".\n")
		o.print("\n")
		o.worse(wgetServer)
	case have >= len(page.Body):
		o.print("\n    The file is already fully retrieved; nothing to do.\n\n")
	default:
		o.save(full, page, name, max(have, 0))
	}
	return nil, true
}

// answer connects and asks; ok is false where nobody answered.
func (o *order) answer(u *url.URL, full, name string) (page peer.Page, ok bool) {
	c := o.c
	port, _ := portOf(u)
	here := u.Hostname() + ":" + itoa(port)
	for try := 1; ; try++ {
		head := "--" + stamp(c) + "--  "
		if try > 1 {
			head = fmt.Sprintf("--%s--  (try:%2d)  ", stamp(c), try)
		}
		o.print(head + full + "\n")
		if u.Scheme == "ftp" {
			o.print("           => " + quoted(c, name) + "\n")
		}
		if o.reused == here {
			shown := here
			if _, numeric := peer.Numeric(u.Hostname()); !numeric {
				shown = "[" + u.Hostname() + "]:" + itoa(port)
			}
			o.print("Reusing existing connection to " + shown + ".\n")
			break
		}
		again, ok := o.connect(u, port, full)
		if ok {
			break
		}
		if c.Stop != nil || !again {
			return page, false
		}
		if try >= o.tries() {
			o.print("Giving up.\n\n")
			return page, false
		}
		o.print("Retrying.\n\n")
		if !c.Wait(time.Duration(min(try, 10)) * time.Second) {
			return page, false
		}
	}
	o.reused = here
	page = get(c, u)
	return page, record(c, full, page.Body)
}

func (o *order) tries() int {
	if n, ok := program.Count(o.f.Value["t"]); ok && n > 0 {
		return int(min(n, 1000))
	}
	return 20
}

func (o *order) rtt(u *url.URL) time.Duration {
	w := peer.Of(o.c.Machine)
	a, _ := w.Lookup(u.Hostname())
	if !a.IsValid() {
		return 0
	}
	return w.RTT(a)
}

// connect resolves and connects; again tells whether another try makes sense.
func (o *order) connect(u *url.URL, port int, full string) (again, ok bool) {
	c := o.c
	host := u.Hostname()
	if _, numeric := peer.Numeric(host); !numeric {
		o.print("Resolving " + host + " (" + host + ")... ")
	}
	r, ok := resolve(c, host)
	if !ok {
		return false, false
	}
	shown := host + ":" + itoa(port)
	switch {
	case r.fail != peer.Found:
		record(c, full, nil)
		o.print("failed: " + r.fail.Text() + ".\n")
		o.say.print("wget: unable to resolve host address " + quoted(c, host) + "\n")
		o.worse(wgetNetwork)
		return false, false
	case !r.numeric:
		o.print(r.addr.String() + "\n")
		shown = host + " (" + host + ")|" + r.addr.String() + "|:" + itoa(port)
	case host != r.addr.String():
		shown = host + " (" + host + ")|" + r.addr.String() + "|:" + itoa(port)
	}
	o.print("Connecting to " + shown + "... ")
	limit := time.Duration(0)
	if s, ok := seconds(o.f.Value["T"]); ok {
		limit = s
	}
	if _, ok := r.connect(c, port, limit); !ok {
		record(c, full, nil)
		return false, false
	}
	if r.link.Answer != peer.Open {
		record(c, full, nil)
		o.say.print("failed: " + r.link.Answer.Text() + ".\n")
		o.worse(wgetNetwork)
		return r.link.Answer == peer.Silent, false
	}
	o.print("connected.\n")
	return false, true
}
