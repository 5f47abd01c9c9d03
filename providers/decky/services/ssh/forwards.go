package ssh

import (
	"context"

	"github.com/decnet/decnet/providers/decky/services/ssh/connection"
	"github.com/decnet/decnet/providers/decky/services/ssh/forward"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// maxForwards bounds the forwardings of one decky.
const maxForwards = 4000

// directTCP begins a forwarding to a host (RFC 4254 section 7.2).
func (c *client) directTCP(r *wire.Reader) (connection.Forward, *connection.Refusal, error) {
	host, port, _, origin := r.Text(), r.Uint32(), r.Text(), r.Uint32()
	if !r.Ended() {
		return nil, nil, connection.Broken("direct-tcpip")
	}
	if err := c.asked("direct-tcpip", host, port); err != nil {
		return nil, nil, err
	}
	if port > 65535 || origin > 65535 {
		return nil, &connection.Refusal{Reason: connection.Prohibited}, nil
	}
	if c.h.forwards.Add(1) > maxForwards {
		c.h.forwards.Add(-1)
		return nil, &connection.Refusal{Text: "Too many open files"}, nil
	}
	return &forwarding{h: c.h, peer: c.h.simulator.Open(forward.Target{Host: host, Port: uint16(port)}, c.record)}, nil, nil
}

// forwarding is a connection.Forward to a simulated peer.
type forwarding struct {
	h    *handler
	peer *forward.Peer
}

// Connect implements connection.Forward.
func (f *forwarding) Connect(ctx context.Context) *connection.Refusal {
	if failure := f.peer.Connect(ctx); failure != "" {
		f.h.forwards.Add(-1)
		return &connection.Refusal{Reason: connection.ConnectFailed, Text: failure}
	}
	return nil
}

// Serve implements connection.Forward.
func (f *forwarding) Serve(ctx context.Context, ch *connection.Channel) {
	defer f.h.forwards.Add(-1)
	f.peer.Serve(ctx, ch)
}

// newSimulator is what the host can reach.
func newSimulator(h *handler) *forward.Simulator {
	return &forward.Simulator{
		Now: h.env.Now, Derive: h.env.Derive, Hostname: h.env.Host.Hostname, IP: h.env.Host.IP, SSH: h.build.Identification, Sleep: sleep,
		Local: func(port uint16) bool {
			switch port {
			case 80:
				return h.env.Host.Packages["nginx"] != "" || h.env.Host.Packages["apache"] != ""
			case 6379:
				return h.env.Host.Packages["redis"] != ""
			}
			return false
		},
	}
}
