package transport

import (
	"encoding/binary"
	"io"
	"math/big"

	"github.com/decnet/decnet/providers/decky/moduli"
)

// gexRequest is a running group exchange (RFC 4419).
type gexRequest struct {
	min, want, max   uint32
	group            *dhGroup
	exponent, public *big.Int
}

// The sizes that sshd allows, DH_GRP_MIN and DH_GRP_MAX.
const (
	minGroup = 2048
	maxGroup = 8192
)

// gexRequest answers the client's wish with a group.
func (c *Conn) gexRequest(payload []byte) error {
	s := scanner{b: payload[1:]}
	g := gexRequest{min: s.uint32(), want: s.uint32(), max: s.uint32()}
	if err := s.end(); err != nil {
		return c.end("group exchange: " + err.Error())
	}
	if g.max < g.min || g.want < g.min || g.max < g.want || g.max < minGroup {
		return c.end("group exchange: sizes are out of range")
	}
	low, want, high := max(g.min, minGroup), min(max(g.want, minGroup), maxGroup), min(g.max, maxGroup)
	if high < low || want < low || high < want {
		return c.end("group exchange: no size is left")
	}
	var err error
	if g.group, err = chooseGroup(c.config.Build.Moduli, low, want, high, c.config.rand()); err != nil {
		return err
	}
	aside(func() { g.exponent, g.public, err = g.group.generate(c.config.rand()) })
	if err != nil {
		return err
	}
	c.kex.gex, c.kex.step = g, awaitGexInit
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unflushed = true
	c.seal(appendMPInt(appendMPInt([]byte{msgGexGroup}, g.group.p.Bytes()), g.group.g.Bytes()))
	return c.failed
}

// chooseGroup takes a modulus as sshd's choose_dh does; without a fitting one,
// or without the file, it falls back as dh_new_group_fallback does.
func chooseGroup(file bool, low, want, high uint32, random io.Reader) (*dhGroup, error) {
	if file {
		m, ok, err := moduli.Choose(low, want, high, random)
		if err != nil {
			return nil, err
		}
		if ok {
			return &dhGroup{p: m.Prime(), g: big.NewInt(m.Generator), bits: m.Bits}, nil
		}
	}
	switch {
	case high < 4096:
		return group14(), nil
	case high < 8192:
		return group16(), nil
	}
	return group18(), nil
}

// gexReply ends a group exchange.
func (c *Conn) gexReply(payload []byte) error {
	s := scanner{b: payload[1:]}
	e := s.mpint()
	if err := s.end(); err != nil {
		return c.end("group exchange: " + err.Error())
	}
	g := c.kex.gex
	if err := g.group.check(e); err != nil {
		return c.end("group exchange: " + err.Error())
	}
	var secret []byte
	aside(func() { secret = appendMPInt(nil, new(big.Int).Exp(e, g.exponent, g.group.p).Bytes()) })
	server := appendMPInt(nil, g.public.Bytes())
	middle := func(h []byte) []byte {
		for _, n := range []uint32{g.min, g.want, g.max} {
			h = binary.BigEndian.AppendUint32(h, n)
		}
		h = appendMPInt(appendMPInt(h, g.group.p.Bytes()), g.group.g.Bytes())
		return append(appendMPInt(h, e.Bytes()), server...)
	}
	c.kex.gex = gexRequest{}
	return c.finish(msgGexReply, methods[c.kex.chosen.KEX].hash, middle, server, secret)
}
