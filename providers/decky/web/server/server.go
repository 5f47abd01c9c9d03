// Package server puts a fake web server together for one decky: the face that
// fits the host, the site or the application behind it, the arguments that the
// services http and https have in common. It owns no protocol.
package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/app/all"
	"github.com/decnet/decnet/providers/decky/web/face"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Arguments are what the configuration of http and https has in common.
type Arguments struct {
	ServerHeader string
	Index        string
	Title        string
	CustomBody   string
	ResponseCode int
	ExtraHeaders map[string]string
	FakeApp      string
	Users        map[string]string
}

const maxIndex = 1 << 20

// Validate refuses what would break the head that it is written to, and
// arguments that exclude each other.
func (a *Arguments) Validate() error {
	if strings.ContainsAny(a.ServerHeader, "\r\n\x00") {
		return errors.New("server_header holds a line break")
	}
	if len(a.ServerHeader) > 128 || len(a.Title) > 256 || len(a.Index) > maxIndex || len(a.CustomBody) > maxIndex {
		return fmt.Errorf("server_header (128 bytes), title (256), index or custom_body (%d) is too long", maxIndex)
	}
	if a.Index != "" && a.CustomBody != "" {
		return errors.New("index and custom_body are two names for one page: give one")
	}
	if a.ResponseCode != 0 && a.ResponseCode != 200 && (a.ResponseCode < 400 || a.ResponseCode > 599) {
		return fmt.Errorf("response_code is %d, want 200 or one from 400 to 599", a.ResponseCode)
	}
	if len(a.ExtraHeaders) > 32 {
		return errors.New("extra_headers holds more than 32 headers")
	}
	for name, value := range a.ExtraHeaders {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e || !web.Token(byte(r)) }) || strings.ContainsAny(value, "\r\n\x00") || len(name)+len(value) > 4096 {
			return fmt.Errorf("extra_headers: %q is no header", name)
		}
	}
	if a.FakeApp != "" && a.FakeApp != "none" && (a.Index != "" || a.CustomBody != "") {
		return errors.New("fake_app makes its own pages: leave index and custom_body out")
	}
	return nil
}

// Handler is one decky's web server. It implements decky.Handler and
// decky.Flusher.
type Handler struct {
	// Server answers what a connection, or the inside of TLS, says.
	Server   *web.Server
	Choice   face.Choice
	sessions *app.Sessions
}

// New puts a handler together.
func New(a Arguments, env decky.Env) (*Handler, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	h := &Handler{}
	var served app.App
	wanted := app.Info{}
	if a.FakeApp != "" && a.FakeApp != "none" {
		open, ok := all.Apps()[a.FakeApp]
		if !ok {
			return nil, fmt.Errorf("no application %q", a.FakeApp)
		}
		h.sessions = app.NewSessions(env.Store)
		var err error
		if served, err = open(app.Env{Env: env, Users: a.Users, Title: a.Title, Sessions: h.sessions}); err != nil {
			return nil, fmt.Errorf("open %s: %w", a.FakeApp, err)
		}
		wanted = served.Info()
	}
	header := a.ServerHeader
	if header == "" {
		header = wanted.Server
	}
	h.Choice = face.Choose(env.Host, header, wanted.Face)
	index := a.Index
	if index == "" {
		index = a.CustomBody
	}
	p := persona.New(env.Host)
	tree := site.Fresh(site.Options{
		Product: h.Choice.Product, Distro: env.Host.Distro, Index: index, Title: a.Title, Status: a.ResponseCode,
		At: func(path string) time.Time { return site.Installed(p, env.Now(), path) },
	})
	var extra []app.Field
	for _, name := range slices.Sorted(maps.Keys(a.ExtraHeaders)) {
		extra = append(extra, app.Field{Name: name, Value: a.ExtraHeaders[name]})
	}
	product, err := face.New(face.Options{Choice: h.Choice, Host: env.Host, Site: tree, Extra: extra})
	if err != nil {
		return nil, err
	}
	h.Server = &web.Server{Face: product, App: served, Env: env}
	return h, nil
}

// Program is the product that arguments show on a host: "nginx", or the
// application that answers without a web server before it.
func Program(a Arguments, host decky.Host) string {
	wanted := own[a.FakeApp]
	if wanted.alone && a.ServerHeader == "" {
		return a.FakeApp
	}
	return face.Choose(host, a.ServerHeader, wanted.face).Product
}

// own are the applications that bring their own web server, or ask for one.
var own = map[string]struct {
	face  string
	alone bool
}{
	"tomcat": {alone: true}, "jenkins": {alone: true}, "grafana": {alone: true}, "printer": {alone: true},
	"nas": {face: site.Nginx}, "gitlab": {face: site.Nginx}, "router": {face: site.Lighttpd}, "exchange-owa": {face: site.IIS},
}

// ServeConn implements decky.Handler.
func (h *Handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	return h.Server.Serve(ctx, conn, false)
}

// Flush implements decky.Flusher.
func (h *Handler) Flush() error {
	if h.sessions == nil {
		return nil
	}
	return h.sessions.Flush()
}
