// Package http is the face of a web server: an HTTP/1 server of its own that
// answers as nginx does, byte for byte where that can be had. It owns parsing,
// limits, keep-alive and the pages of a fresh installation; it serves no file,
// runs no script and reaches no other host.
package http

import (
	"errors"
	"fmt"
	"html"
	"strings"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
)

// Config is the service's configuration.
type Config struct {
	Server string `json:"server" doc:"What the Server header and the foot of error pages say. Default: nginx in the version of the host's package nginx."`
	Index  string `json:"index" doc:"HTML that / answers instead of nginx's page of welcome."`
	Title  string `json:"title" doc:"Title and heading of the page of welcome. Default: nginx's own."`
}

// Validate refuses what would break the header it is written to.
func (c *Config) Validate() error {
	if strings.ContainsAny(c.Server, "\r\n\x00") {
		return errors.New("server holds a line break")
	}
	if len(c.Server) > 128 || len(c.Title) > 256 || len(c.Index) > maxIndex {
		return fmt.Errorf("server (128 bytes), title (256) or index (%d) is too long", maxIndex)
	}
	return nil
}

const (
	maxIndex       = 1 << 20
	defaultVersion = "1.22.1"
)

// New is the service "http".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "http", Summary: "Web server that passes for nginx with the page of a fresh installation",
		Ports: []decky.Port{{Number: 80, Transport: "tcp"}},
	}, open)
}

// handler is one decky's web server: its product, its one file, and the
// counter of multipart boundaries.
type handler struct {
	env      decky.Env
	server   string
	file     file
	boundary atomic.Uint64
}

// file is the one static file there is.
type file struct {
	paths    []string
	body     []byte
	modified time.Time
	etag     string // with its quotes
}

func open(config Config, env decky.Env) (decky.Handler, error) {
	h := &handler{env: env, server: config.Server}
	if h.server == "" {
		h.server = product(env.Host)
	}
	h.file = indexFile(config, env, h.server)
	return h, nil
}

// product is the Server header of the host's nginx: distributions differ in
// whether it names them.
func product(host decky.Host) string {
	version := host.Packages["nginx"]
	switch {
	case version == "":
		version = defaultVersion
	case strings.Contains(version, "/"):
		return version
	}
	return "nginx/" + version
}

func indexFile(config Config, env decky.Env, server string) file {
	page := welcome(server)
	if config.Title != "" {
		page = strings.ReplaceAll(page, "Welcome to nginx!", html.EscapeString(config.Title))
	}
	if config.Index != "" {
		page = config.Index
	}
	f := file{body: []byte(page), paths: []string{"/", "/index.nginx-debian.html"}}
	switch env.Host.Distro {
	case "", "debian", "ubuntu", "ubuntu20", "ubuntu22", "ubuntu24", "kali":
	default:
		f.paths[1] = "/index.html"
	}
	// A file that came with an installation some time before the last boot.
	p := persona.New(env.Host)
	f.modified = p.Boot(env.Now()).Add(-time.Duration(p.Number("http/installed", 20*24*3600, 400*24*3600)) * time.Second).UTC().Truncate(time.Second)
	f.etag = fmt.Sprintf("\"%x-%x\"", f.modified.Unix(), len(f.body))
	return f
}
