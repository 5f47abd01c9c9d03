// Package http is the service of a web server without TLS. It owns its
// arguments only: the machinery is providers/decky/web.
package http

import (
	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web/server"
)

// Config is the service's configuration.
type Config struct {
	Server       string            `json:"server" doc:"Older name of server_header."`
	ServerHeader string            `json:"server_header" doc:"What the Server header and the foot of error pages say; its first word chooses the product: nginx, Apache, lighttpd, Microsoft-IIS. Default: the product and version of the host's packages."`
	Index        string            `json:"index" doc:"HTML that / answers instead of the product's page of a fresh installation."`
	Title        string            `json:"title" doc:"Title and heading of that page, and the name of a fake_app. Default: the product's own."`
	CustomBody   string            `json:"custom_body" doc:"Another name of index."`
	ResponseCode int               `json:"response_code" doc:"Status of the first page: 200, or one from 400 to 599, with the product's page unless index says another. Default: 200."`
	ExtraHeaders map[string]string `json:"extra_headers" doc:"Headers added as the product's own configuration adds them."`
	FakeApp      string            `json:"fake_app" doc:"Application behind the server." default:"none" oneof:"none wordpress phpmyadmin tomcat jenkins gitlab grafana router nas printer exchange-owa"`
	Users        map[string]string `json:"users" doc:"Accounts that fake_app lets in: secret by name. Default: none." sensitive:"true"`
}

func (c *Config) arguments() server.Arguments {
	header := c.ServerHeader
	if header == "" {
		header = c.Server
	}
	return server.Arguments{
		ServerHeader: header, Index: c.Index, Title: c.Title, CustomBody: c.CustomBody, ResponseCode: c.ResponseCode,
		ExtraHeaders: c.ExtraHeaders, FakeApp: c.FakeApp, Users: c.Users,
	}
}

// Validate refuses what no web server could send.
func (c *Config) Validate() error {
	a := c.arguments()
	return a.Validate()
}

// Program is the product that the configuration shows on a host.
func (c *Config) Program(host decky.Host) string { return server.Program(c.arguments(), host) }

// New is the service "http".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "http", Summary: "Web server that passes for nginx, Apache, lighttpd or IIS, with a site or an application of its own",
		Ports: []decky.Port{{Number: 80, Transport: "tcp"}},
	}, func(config Config, env decky.Env) (decky.Handler, error) { return server.New(config.arguments(), env) })
}
