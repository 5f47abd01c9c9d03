package fetch

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

const curlTry = "curl: try 'curl --help' or 'curl --manual' for more information\n"

// curlArguments are the short options that take an argument.
const curlArguments = "AbcCdDeEFHKmoPQrtTuUwxXyYz"

// curlFlags are the others.
const curlFlags = "0123469aBfgGiIjJklLMnNOpqRsSvVZ#:"

// curlLong are long options by their letters, "=" where an argument follows; "~"
// for those that change nothing here.
const curlLong = "output=:o remote-name=O remote-name-all=~A silent=s show-error=S location=L insecure=k head=I include=i verbose=v fail=f request=:X data=:d data-raw=:d data-binary=:d data-ascii=:d data-urlencode=:d json=:d header=:H user-agent=:A user=:u proxy=:x connect-timeout=:~c max-time=:m write-out=:w version=V help=h form=:F upload-file=:T referer=:e cookie=:b cookie-jar=:c dump-header=:D retry=:~r retry-delay=:~ retry-max-time=:~ retry-connrefused=~ compressed=~ progress-bar=# get=G http1.0=0 http1.1=~ http2=~ http3=~ tlsv1=~ tlsv1.0=~ tlsv1.1=~ tlsv1.2=~ tlsv1.3=~ ipv4=4 ipv6=6 url=:~u limit-rate=:~ interface=:~ resolve=:~ cacert=:~ capath=:~ cert=:E key=:~ ciphers=:~ range=:r continue-at=:C create-dirs=~d output-dir=:~o no-progress-meter=~p no-buffer=N max-redirs=:~ noproxy=:~ socks5=:x socks5-hostname=:x socks4=:x proxy-user=:U basic=~ digest=~ anyauth=~ ntlm=~ ssl=~ fail-with-body=~f fail-early=~ globoff=g post301=~ post302=~ raw=~ keepalive-time=:~ no-keepalive=~ parallel=Z tcp-nodelay=~ unix-socket=:~ dns-servers=:~ doh-url=:~ stderr=:~e trace=:~ trace-ascii=:~ disable=q path-as-is=~ remote-time=R remote-header-name=J speed-limit=:Y speed-time=:y ftp-pasv=~ ftp-port=:P quote=:Q max-filesize=:~ haproxy-protocol=~ no-sessionid=~ no-alpn=~ proto=:~ proto-default=:~ proto-redir=:~ config=:K location-trusted=L styled-output=~ no-styled-output=~ manual=M"

// curlCall is one call of curl.
type curlCall struct {
	c       *program.Call
	has     map[string]bool
	value   map[string]string
	data    []string
	headers []string
	outputs []string // of -o, "\x00" stands for -O
	targets []string
	modern  int // 100 times the minor of 7, or 800 and more
	number  int // of transfers so far
}

func curl(c *program.Call) int {
	q := &curlCall{c: c, has: map[string]bool{}, value: map[string]string{}}
	fmt.Sscanf(strings.Replace(release(c, curlVersions), "8.", "7.1", 1), "7.%d", &q.modern)
	if problem := q.parse(c.Args); problem != "" {
		c.Err.Print("curl: " + problem + "\n" + curlTry)
		return 2
	}
	switch {
	case q.has["V"]:
		q.version()
		return 0
	case q.has["h"]:
		c.Print(curlHelp)
		return 0
	case len(q.targets) == 0:
		if len(c.Args) > 0 {
			c.Err.Print("curl: no URL specified!\n")
		}
		c.Err.Print(curlTry)
		return 2
	}
	if agent := q.value["u"]; agent != "" {
		user, secret, _ := strings.Cut(agent, ":")
		if c.Stop = c.Kernel.Record(&event.AuthAttempt{Method: "http", Username: event.Text(user), Secret: event.Text(secret), SecretKind: "plaintext"}); c.Stop != nil {
			return 1
		}
	}
	status := 0
	for i, target := range q.targets {
		if i >= maxTargets || c.Busy() {
			break
		}
		output := ""
		switch {
		case i < len(q.outputs):
			output = q.outputs[i]
		case q.has["~A"]:
			output = "\x00"
		}
		status = q.transfer(target, output)
		if c.Stop != nil {
			return 1
		}
	}
	return status
}

// parse reads the command line; problem is what is wrong with it.
func (q *curlCall) parse(args []string) (problem string) {
	long := map[string]string{}
	for word := range strings.FieldsSeq(curlLong) {
		name, letter, _ := strings.Cut(word, "=")
		long[name] = letter
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case len(a) < 2 || a[0] != '-':
			q.targets = append(q.targets, a)
		case a == "--":
			q.targets = append(q.targets, args[i+1:]...)
			return ""
		case strings.HasPrefix(a, "--"):
			letter, ok := long[a[2:]]
			if !ok {
				letter, ok = long[strings.TrimPrefix(a[2:], "no-")]
				if !ok {
					return "option " + a + ": is unknown"
				}
				if !strings.HasPrefix(letter, ":") {
					delete(q.has, letter)
					continue
				}
			}
			value := ""
			if strings.HasPrefix(letter, ":") {
				if i++; i == len(args) {
					return "option " + a + ": requires parameter"
				}
				letter, value = letter[1:], args[i]
			}
			q.set(letter, value)
		default:
			for j := 1; j < len(a); j++ {
				letter := a[j : j+1]
				switch {
				case strings.Contains(curlArguments, letter):
					value := a[j+1:]
					if value == "" {
						if i++; i == len(args) {
							return "option " + a + ": requires parameter"
						}
						value = args[i]
					}
					q.set(letter, value)
					j = len(a)
				case letter == "h", strings.Contains(curlFlags, letter):
					q.set(letter, "")
				default:
					return "option " + a + ": is unknown"
				}
			}
		}
	}
	return ""
}

func (q *curlCall) set(letter, value string) {
	q.has[letter], q.value[letter] = true, value
	switch letter {
	case "d", "F":
		q.data = append(q.data, value)
	case "H":
		q.headers = append(q.headers, value)
	case "o":
		q.outputs = append(q.outputs, value)
	case "O":
		q.outputs = append(q.outputs, "\x00")
	case "~u":
		q.targets = append(q.targets, value)
	}
}

// fail is a transfer that ended with a status of curl's.
func (q *curlCall) fail(status int, format string, args ...any) int {
	if !q.has["s"] || q.has["S"] {
		q.c.Err.Print(fmt.Sprintf("curl: (%d) ", status) + fmt.Sprintf(format, args...) + "\n")
	}
	return status
}

// verbose says what -v shows.
func (q *curlCall) verbose(text string) {
	if q.has["v"] {
		q.c.Err.Print(text + "\n")
	}
}

// transfer gets one URL.
func (q *curlCall) transfer(target, output string) int {
	c := q.c
	scheme := "http"
	if strings.HasPrefix(target, "ftp.") {
		scheme = "ftp"
	}
	if name, _, ok := strings.Cut(target, "://"); ok && !strings.Contains(" http https ftp ftps tftp file dict gopher telnet scp sftp smtp imap pop3 ldap smb ", " "+strings.ToLower(name)+" ") {
		return q.fail(1, "Protocol \"%s\" not supported or disabled in libcurl", name)
	}
	u, err := parse(target, scheme)
	ok := err == nil
	if ok {
		_, ok = portOf(u)
	}
	if !ok || u.Host == "" && u.Scheme != "file" {
		return q.fail(3, "URL using bad/illegal format or missing URL")
	}
	if output == "\x00" {
		if output = path.Base(u.Path); u.Path == "" || strings.HasSuffix(u.Path, "/") {
			c.Err.Print("curl: Remote file name has no length!\n")
			return q.fail(23, "Failed writing received data to disk/application")
		}
	}
	if dir := q.value["~o"]; dir != "" && output != "" {
		output = strings.TrimSuffix(dir, "/") + "/" + output
	}
	if len(q.data) > 0 {
		c.Kernel.Wanted("connect", "POST "+u.String()+" "+strings.Join(q.data, "&"))
	}
	if q.has["T"] {
		c.Kernel.Wanted("connect", "PUT "+u.String()+" "+q.value["T"])
	}
	m := q.meter(output)
	m.start()
	for range maxRedirects {
		next, status := q.visit(u, output, m)
		if next == nil || c.Stop != nil {
			q.number++
			return status
		}
		u = next
	}
	return q.fail(47, "Maximum (%d) redirects followed", maxRedirects)
}

// visit asks for one page; next is where it leads on to.
func (q *curlCall) visit(u *url.URL, output string, m *meter) (next *url.URL, status int) {
	c := q.c
	if u.Scheme == "file" {
		data, err := c.View().ReadFile(u.Path)
		if err != nil {
			return nil, q.fail(37, "Couldn't open file %s", u.Path)
		}
		return nil, q.deliver(u, output, peer.Page{Status: 200, Body: data}, m)
	}
	r, status := q.connect(u, m)
	if status != 0 || c.Stop != nil {
		return nil, status
	}
	page := get(c, u)
	if !record(c, u.String(), page.Body) {
		return nil, 1
	}
	if page.Plain {
		m.end(0, 0)
		return nil, q.fail(1, "Received HTTP/0.9 when not allowed")
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		q.request(u)
	}
	if !c.Wait(r.link.RTT) {
		return nil, 1
	}
	q.answer(u, page, output)
	if page.Location != "" && q.has["L"] {
		to, err := u.Parse(page.Location)
		if err == nil {
			q.verbose("* Connection #0 to host " + u.Hostname() + " left intact\n* Issue another request to this URL: '" + to.String() + "'")
			return to, 0
		}
	}
	if page.Status >= 400 && (q.has["f"] || q.has["~f"]) && (u.Scheme == "http" || u.Scheme == "https") {
		m.end(0, 0)
		return nil, q.fail(22, "The requested URL returned error: %d", page.Status)
	}
	return nil, q.deliver(u, output, page, m)
}

// connect resolves and connects.
func (q *curlCall) connect(u *url.URL, m *meter) (r reach, status int) {
	c := q.c
	host := u.Hostname()
	port, _ := portOf(u)
	if proxy := q.value["x"]; proxy != "" {
		if p, err := parse(proxy, "http"); err == nil {
			host = p.Hostname()
			if port, _ = portOf(p); p.Port() == "" {
				port = 1080
			}
		}
	}
	r, ok := resolve(c, host)
	if !ok {
		return r, 1
	}
	if r.fail != peer.Found {
		record(c, u.String(), nil)
		q.verbose("* Could not resolve host: " + host + "\n* Closing connection 0")
		q.written(u, peer.Page{})
		m.waited(r, true)
		if q.modern < 30 {
			return r, q.fail(6, "Could not resolve host: %s; Unknown error", host)
		}
		return r, q.fail(6, "Could not resolve host: %s", host)
	}
	q.verbose(fmt.Sprintf("*   Trying %s:%d...", r.addr, port))
	limit, whole := time.Duration(0), false
	if d, ok := seconds(q.value["~c"]); ok && d > 0 {
		limit = d
	}
	if d, ok := seconds(q.value["m"]); ok && d > 0 && (limit == 0 || d < limit) {
		limit, whole = d, true
	}
	late, ok := r.connect(c, port, limit)
	if !ok {
		record(c, u.String(), nil)
		return r, 1
	}
	if r.link.Answer == peer.Open {
		q.verbose(fmt.Sprintf("* Connected to %s (%s) port %d (#0)", host, r.addr, port))
		return r, 0
	}
	record(c, u.String(), nil)
	return r, q.unreached(u, r, host, port, limit, late, whole, m)
}

// unreached is a connection that did not come about, in the version's words.
func (q *curlCall) unreached(u *url.URL, r reach, host string, port int, limit time.Duration, late, whole bool, m *meter) int {
	took := r.link.Delay.Milliseconds()
	if late {
		took = limit.Milliseconds()
	}
	text := fmt.Sprintf("Failed to connect to %s port %d after %d ms: Couldn't connect to server", host, port, took)
	status := 7
	switch {
	case late && whole:
		status, text = 28, fmt.Sprintf("Connection timed out after %d milliseconds", took+1)
	case late:
		status, text = 28, fmt.Sprintf("Failed to connect to %s port %d after %d ms: Timeout was reached", host, port, took)
		if q.modern < 77 {
			text = fmt.Sprintf("Connection timed out after %d milliseconds", took+1)
		}
	case r.link.Answer == peer.Silent && q.modern >= 77:
		status, text = 28, fmt.Sprintf("Failed to connect to %s port %d after %d ms: Couldn't connect to server", host, port, took)
	case q.modern < 30:
		text = fmt.Sprintf("Failed connect to %s:%d; %s", host, port, r.link.Answer.Text())
	case q.modern < 77:
		text = fmt.Sprintf("Failed to connect to %s port %d: %s", host, port, r.link.Answer.Text())
	case q.modern < 84:
		text = fmt.Sprintf("Failed to connect to %s port %d after %d ms: %s", host, port, took, r.link.Answer.Text())
	}
	if !late {
		q.verbose(fmt.Sprintf("* connect to %s port %d failed: %s", r.addr, port, r.link.Answer.Text()))
	}
	q.verbose("* " + text)
	m.waited(r, late)
	q.verbose("* Closing connection 0")
	q.written(u, peer.Page{})
	return q.fail(status, "%s", text)
}

// deliver writes the body where it goes.
func (q *curlCall) deliver(u *url.URL, output string, page peer.Page, m *meter) int {
	c := q.c
	body := page.Body
	if q.has["I"] {
		body = nil
	}
	took := min(page.Took, patience)
	if limit, ok := seconds(q.value["m"]); ok && limit > 0 && took > limit {
		c.Wait(limit)
		return q.fail(28, "Operation timed out after %d milliseconds with %d out of %d bytes received", limit.Milliseconds()+1, int(float64(len(body))*limit.Seconds()/took.Seconds()), len(body))
	}
	if !m.run(len(body), took) {
		return 1
	}
	head := ""
	if q.has["i"] || q.has["I"] {
		head = q.head(page)
	}
	content := head + string(body)
	if name := q.value["D"]; name != "" {
		// A file that cannot be written is no reason to fail.
		_ = store(c, name, []byte(q.head(page)))
	}
	switch {
	case output == "" || output == "-":
		if q.has["v"] && len(body) > 0 && !c.Out.TTY {
			c.Err.Print(fmt.Sprintf("{ [%d bytes data]\n", min(len(body), 1369)))
		}
		m.end(len(body), took)
		q.intact(u)
		if strings.IndexByte(content[:min(len(content), 2000)], 0) >= 0 && c.Out.TTY && output == "" {
			c.Err.Print("Warning: Binary output can mess up your terminal. Use \"--output -\" to tell \nWarning: curl to output it to your terminal anyway, or consider \"--output \nWarning: <FILE>\" to save to a file.\n")
			return 23
		}
		c.Write(c.Out, content)
	default:
		if q.has["~d"] {
			o := &order{c: c, say: say{c: c, mute: true}}
			o.mkdir(path.Dir(output))
		}
		if err := q.put(output, content); err != nil {
			if !q.has["s"] || q.has["S"] {
				c.Err.Print("Warning: Failed to open the file " + output + ": " + vfs.Text(err) + "\n")
			}
			m.end(len(body), took)
			return q.fail(23, "Failure writing output to destination")
		}
		if q.has["v"] && len(body) > 0 {
			c.Err.Print(fmt.Sprintf("{ [%d bytes data]\n", min(len(body), 1369)))
		}
		m.end(len(body), took)
		q.intact(u)
	}
	q.written(u, page)
	return 0
}

func (q *curlCall) put(output, content string) error {
	if output == "/dev/null" {
		return nil
	}
	return store(q.c, output, []byte(content))
}

func (q *curlCall) intact(u *url.URL) {
	if u.Scheme != "file" {
		q.verbose("* Connection #0 to host " + u.Hostname() + " left intact")
	}
}
