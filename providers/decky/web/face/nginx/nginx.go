// Package nginx is the face of nginx 1.18 to 1.26: how it reads requests byte by
// byte, its header buffers, its pages, its conditional requests and ranges, its
// gzip filter, its waits. Version differences are those of its list of changes
// (nginx.org/en/CHANGES): 1.21.1 refuses CONNECT, spaces and control characters
// in the request line, and both lengths at once.
package nginx

import (
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Options of a Face.
type Options struct {
	Server string // "nginx/1.22.1"
	Site   *site.Site
	Extra  []app.Field // added to every answer of 200 to 308 as add_header does
}

// Face is nginx. It implements web.Face.
type Face struct {
	options  Options
	old      bool
	boundary atomic.Uint64
}

// New is nginx with these options.
func New(options Options) *Face {
	return &Face{options: options, old: older(options.Server)}
}

// older tells whether a version is before 1.21.1.
func older(server string) bool {
	_, version, ok := strings.Cut(server, "nginx/")
	if !ok {
		return false
	}
	version, _, _ = strings.Cut(version, " ")
	numbers := [3]int{}
	for i, s := range strings.SplitN(version, ".", 3) {
		numbers[i], _ = strconv.Atoi(s)
	}
	value := numbers[0]*1_000_000 + numbers[1]*1000 + numbers[2]
	return value < 1_021_001
}

// nginx's defaults.
var timing = web.Timing{
	First: 60 * time.Second, Header: 60 * time.Second, KeepAlive: 75 * time.Second,
	Body: 5 * time.Second, BodyTotal: 30 * time.Second, Write: 60 * time.Second,
	Linger: 5 * time.Second, LingerAll: 30 * time.Second, DrainFirst: true,
}

const (
	keepAliveMax = 1000      // keepalive_requests
	oldMax       = 100       // before 1.19.10
	keepAliveAge = time.Hour // keepalive_time, since 1.19.10
	// bodyPatience is how long a body that is still under way may hold its
	// answer back, so that it is on record before the client learns anything.
	bodyPatience = 100 * time.Millisecond
	maxBody      = 1 << 20 // client_max_body_size
)

// Timing implements web.Face.
func (f *Face) Timing() *web.Timing { return &timing }

// Framing implements web.Face.
func (f *Face) Framing(*web.Request) web.Framing { return &chunks{} }

// Read implements web.Face.
func (f *Face) Read(in *web.Input, r *web.Request) error {
	p := parser{in: in, req: r, old: f.old, room: smallBuffer, size: smallBuffer}
	err := p.requestLine()
	if err == nil && r.Version >= web.Version10 {
		if err = p.headers(); errors.Is(err, errTooLarge) {
			err = web.Refusal(statusHeaderTooLarge)
		}
	} else if errors.Is(err, errTooLarge) {
		err = web.Refusal(414)
	}
	return err
}

// Abandon implements web.Face: nginx closes without a word.
func (f *Face) Abandon(*web.Exchange, bool) web.Answer { return web.Answer{} }

// Refuse implements web.Face.
func (f *Face) Refuse(x *web.Exchange, status int) web.Answer {
	return f.finish(x, f.refuse(x.Request, status, false))
}

// Answer implements web.Face.
func (f *Face) Answer(x *web.Exchange) web.Answer {
	a := f.decide(x, f.keepsAlive(x))
	if a.status == 200 || a.status == 206 || a.status == 304 {
		if x.Continue() != nil {
			return web.Answer{Status: a.status}
		}
	}
	if x.Body.Prefetch(bodyPatience); x.Body.Bad() && a.keepAlive {
		a.keepAlive = false
		if a.status == 200 || a.status == 206 || a.status == 304 {
			a = f.refuse(x.Request, 400, false)
		}
	}
	return f.finish(x, a)
}

func (f *Face) finish(x *web.Exchange, a *answer) web.Answer {
	return web.Answer{Status: visible(a.status), Wire: f.encode(x.Request, a, x.Now), Again: a.keepAlive && !a.drop, Abrupt: a.abrupt}
}

// keepsAlive is nginx's choice to keep a connection.
func (f *Face) keepsAlive(x *web.Exchange) bool {
	most := keepAliveMax
	if f.old {
		most = oldMax
	}
	if x.Count >= most || !f.old && x.Now.Sub(x.Opened) > keepAliveAge {
		return false
	}
	r := x.Request
	connection := r.Field("connection")
	switch {
	case connection == "":
		return r.Version > web.Version10
	case contains(connection, "close"):
		return false
	case contains(connection, "keep-alive"):
		return r.Version >= web.Version10
	}
	return r.Version > web.Version10
}

func contains(s, part string) bool { return strings.Contains(strings.ToLower(s), part) }
