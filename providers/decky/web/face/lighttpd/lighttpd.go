// Package lighttpd is the face of lighttpd 1.4 with Debian's configuration: it
// reads a whole head before it looks at it, answers errors with pages of its
// own, merges ranges that lie close together, and reads no body that nobody
// asked for. It does not speak HTTP/2, which the product does.
package lighttpd

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Options of a Face.
type Options struct {
	Server string // "lighttpd/1.4.69"
	Site   *site.Site
	Extra  []app.Field // as setenv.add-response-header adds them
}

// Face is lighttpd. It implements web.Face.
type Face struct{ options Options }

// New is lighttpd with these options.
func New(options Options) *Face { return &Face{options} }

// lighttpd's defaults.
var timing = web.Timing{
	First: 60 * time.Second, Header: 60 * time.Second, KeepAlive: 5 * time.Second,
	Body: 60 * time.Second, BodyTotal: 5 * time.Minute, Write: 6 * time.Minute,
	Linger: 5 * time.Second, LingerAll: 5 * time.Second,
}

const (
	keepAliveMax = 1000
	maxHead      = 8192 // server.max-request-field-size
	bodyPatience = 100 * time.Millisecond
)

// Timing implements web.Face.
func (f *Face) Timing() *web.Timing { return &timing }

// Framing implements web.Face: a body is read leniently where it is read.
func (f *Face) Framing(*web.Request) web.Framing { return &web.Lenient{} }

// Abandon implements web.Face: lighttpd closes without a word.
func (f *Face) Abandon(*web.Exchange, bool) web.Answer { return web.Answer{} }

// Refuse implements web.Face.
func (f *Face) Refuse(x *web.Exchange, status int) web.Answer {
	return f.finish(x, f.refuse(status), false)
}

// Answer implements web.Face.
func (f *Face) Answer(x *web.Exchange) web.Answer {
	if x.Plain {
		return web.Answer{Status: 400, Abrupt: true}
	}
	keep := f.keeps(x)
	if x.App() {
		a := f.script(x)
		return f.finish(x, a, keep && x.Body.Done())
	}
	a := f.find(x)
	// What is on its way is for the record; the connection ends all the same.
	announced := x.Request.Length > 0 || x.Request.Chunked
	if announced {
		x.Body.Prefetch(bodyPatience)
	}
	return f.finish(x, a, keep && !announced && a.status != 411 && a.status != 405)
}

func (f *Face) finish(x *web.Exchange, a *answer, keep bool) web.Answer {
	return web.Answer{Status: a.status, Wire: f.encode(x, a, keep), Again: keep}
}

func (f *Face) keeps(x *web.Exchange) bool {
	r := x.Request
	if x.Count > keepAliveMax {
		return false
	}
	connection := strings.ToLower(r.Field("connection"))
	if r.Version >= web.Version11 {
		return !listed(connection, "close")
	}
	return listed(connection, "keep-alive")
}

func listed(list, want string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == want {
			return true
		}
	}
	return false
}
