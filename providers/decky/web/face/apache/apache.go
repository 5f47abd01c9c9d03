// Package apache is the face of the Apache HTTP server 2.4 as Debian, Ubuntu and
// the distributions of Red Hat's family configure it: its strict parser of lines,
// its limits, pages, conditions and ranges, directory listings, mod_deflate, its
// waits. Facts from its source (httpd.apache.org) and from a real one beside it;
// 2.4.6 of CentOS 7 is older than the strict parser and is marked as such.
package apache

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Options of a Face.
type Options struct {
	Server string // "Apache/2.4.62 (Debian)"
	Site   *site.Site
	Extra  []app.Field // as Header always set adds them
	// Name is what the server calls itself where a client names no host:
	// "127.0.1.1" on a Debian without ServerName.
	Name string
	// Charset is AddDefaultCharset: "UTF-8" on Red Hat's family, "" on
	// Debian's.
	Charset string
	Zone    *time.Location // of directory listings
}

// Face is Apache. It implements web.Face.
type Face struct {
	options Options
	version int // 2004062
}

// New is Apache with these options.
func New(options Options) *Face {
	if options.Zone == nil {
		options.Zone = time.UTC
	}
	if options.Name == "" {
		options.Name = "127.0.1.1"
	}
	return &Face{options: options, version: version(options.Server)}
}

// version is the release as one number, that of Debian 12 where the header does
// not say.
func version(server string) int {
	_, text, ok := strings.Cut(server, "Apache/")
	if !ok {
		return 2_004_062
	}
	text, _, _ = strings.Cut(text, " ")
	n := 0
	for i, part := range strings.SplitN(text, ".", 3) {
		v := 0
		for j := 0; j < len(part) && web.Digit(part[j]) && v < 1000; j++ {
			v = v*10 + int(part[j]-'0')
		}
		n += v * [3]int{1_000_000, 1000, 1}[i]
	}
	return n
}

// Releases that changed what a client sees.
const (
	strictSince  = 2_004_025 // HttpProtocolOptions Strict
	plainSince   = 2_004_041 // pages without the URL in them
	html401Since = 2_004_063 // the document type of generated pages; unverified
)

// The defaults of Apache and mod_reqtimeout, as Debian's server was seen to
// keep them.
var timing = web.Timing{
	First: 51 * time.Second, Header: 20 * time.Second, KeepAlive: 5 * time.Second,
	Body: 10 * time.Second, BodyTotal: 5 * time.Minute, Write: 5 * time.Minute,
	Linger: 2 * time.Second, LingerAll: 30 * time.Second,
}

const (
	keepAliveMax = 100
	keepAlive    = "timeout=5, max="
	maxLine      = 8190 // LimitRequestLine and LimitRequestFieldSize
	maxFields    = 100  // LimitRequestFields
)

// Timing implements web.Face.
func (f *Face) Timing() *web.Timing { return &timing }

// Framing implements web.Face.
func (f *Face) Framing(*web.Request) web.Framing { return &chunks{strict: f.version >= strictSince} }

// Abandon implements web.Face: nothing is said to half a request line, 400 to
// half a head.
func (f *Face) Abandon(x *web.Exchange, late bool) web.Answer {
	switch {
	case x.Request.Target == "" || x.Request.Version < web.Version10:
		return web.Answer{}
	case late:
		return f.finish(x, f.refuse(x, 408))
	}
	return f.finish(x, f.refuse(x, 400))
}

// Refuse implements web.Face.
func (f *Face) Refuse(x *web.Exchange, status int) web.Answer {
	return f.finish(x, f.refuse(x, status))
}

func (f *Face) finish(x *web.Exchange, a *answer) web.Answer {
	keep := f.keeps(x, a)
	return web.Answer{Status: a.status, Wire: f.encode(x, a, keep), Again: keep}
}

// keeps is ap_set_keepalive's choice.
func (f *Face) keeps(x *web.Exchange, a *answer) bool {
	r := x.Request
	if strings.Contains(r.Field("user-agent"), "Mozilla/2") || r.Note == "both" {
		return false // Debian's and Red Hat's BrowserMatch nokeepalive; and both lengths at once
	}
	if a.drop || drops(a.status) || r.Version < web.Version10 || x.Count > keepAliveMax || a.waiting {
		return false
	}
	connection := r.Field("connection")
	if token(connection, "close") {
		return false
	}
	return r.Version >= web.Version11 || token(connection, "keep-alive")
}

// drops are the statuses after which the connection ends.
func drops(status int) bool {
	switch status {
	case 400, 408, 411, 413, 414, 500, 501, 503:
		return true
	}
	return false
}

// token tells whether a list of tokens holds one.
func token(list, want string) bool {
	if list == "" {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(one, " \t"), want) {
			return true
		}
	}
	return false
}
