// Package https is the service of a web server behind TLS. It owns its
// arguments only: the machinery is providers/decky/web.
package https

import (
	"context"
	"errors"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web/secure"
	"github.com/decnet/decnet/providers/decky/web/server"
)

// Config is the service's configuration.
type Config struct {
	ServerHeader string            `json:"server_header" doc:"What the Server header and the foot of error pages say; its first word chooses the product: nginx, Apache, lighttpd, Microsoft-IIS. Default: the product and version of the host's packages."`
	Index        string            `json:"index" doc:"HTML that / answers instead of the product's page of a fresh installation."`
	Title        string            `json:"title" doc:"Title and heading of that page, and the name of a fake_app. Default: the product's own."`
	CustomBody   string            `json:"custom_body" doc:"Another name of index."`
	ResponseCode int               `json:"response_code" doc:"Status of the first page: 200, or one from 400 to 599, with the product's page unless index says another. Default: 200."`
	ExtraHeaders map[string]string `json:"extra_headers" doc:"Headers added as the product's own configuration adds them."`
	FakeApp      string            `json:"fake_app" doc:"Application behind the server." default:"none" oneof:"none wordpress phpmyadmin tomcat jenkins gitlab grafana router nas printer exchange-owa"`
	Users        map[string]string `json:"users" doc:"Accounts that fake_app lets in: secret by name. Default: none." sensitive:"true"`
	TLSMin       string            `json:"tls_min" doc:"Lowest version of TLS. Default: that of the distribution's library." oneof:"1.0 1.1 1.2 1.3"`
	TLSMax       string            `json:"tls_max" doc:"Highest version of TLS. Default: that of the distribution's library." oneof:"1.0 1.1 1.2 1.3"`
}

// versions are the numbers of the versions of TLS (RFC 8446 section 4.2.1).
var versions = map[string]uint16{"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}

func (c *Config) arguments() server.Arguments {
	return server.Arguments{
		ServerHeader: c.ServerHeader, Index: c.Index, Title: c.Title, CustomBody: c.CustomBody, ResponseCode: c.ResponseCode,
		ExtraHeaders: c.ExtraHeaders, FakeApp: c.FakeApp, Users: c.Users,
	}
}

// Validate refuses what no web server could send.
func (c *Config) Validate() error {
	if c.TLSMin != "" && c.TLSMax != "" && versions[c.TLSMin] > versions[c.TLSMax] {
		return errors.New("tls_min is above tls_max")
	}
	a := c.arguments()
	return a.Validate()
}

// handler is TLS before a web server.
type handler struct {
	web *server.Handler
	tls *secure.Server
}

// ServeConn implements decky.Handler.
func (h *handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	return h.tls.ServeConn(ctx, conn)
}

// Flush implements decky.Flusher.
func (h *handler) Flush() error { return h.web.Flush() }

// Program is the product that the configuration shows on a host.
func (c *Config) Program(host decky.Host) string { return server.Program(c.arguments(), host) }

// New is the service "https".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "https", Summary: "Web server behind TLS with the host's certificate, otherwise as http",
		Ports: []decky.Port{{Number: 443, Transport: "tcp"}},
	}, open)
}

func open(config Config, env decky.Env) (decky.Handler, error) {
	web, err := server.New(config.arguments(), env)
	if err != nil {
		return nil, err
	}
	tls, err := secure.New(secure.Options{
		Web: web.Server, Product: web.Choice.Product, Env: env, Min: versions[config.TLSMin], Max: versions[config.TLSMax],
	})
	if err != nil {
		return nil, err
	}
	return &handler{web: web, tls: tls}, nil
}
