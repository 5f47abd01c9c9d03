package http_test

import (
	"log/slog"
	"net"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

func servicetestEnv() decky.Env {
	host := servicetest.Host()
	return decky.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, Host: host, Name: "http", Derive: persona.Derive(host), Store: servicetest.NewStore(0)}
}

// recorder is a Conn over a pipe, without a runtime.
type recorder struct {
	net.Conn
	events []event.Body
}

func (c *recorder) Session() string  { return "s" }
func (c *recorder) Port() decky.Port { return decky.Port{Number: 80, Transport: "tcp"} }
func (c *recorder) ResetOnClose()    {}
func (c *recorder) Record(b event.Body) error {
	c.events = append(c.events, b)
	return nil
}
