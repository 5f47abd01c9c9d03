package transport

import (
	"encoding/binary"
	"math/big"
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
	g.group = chooseGroup(c.config.Build.GroupBits, low, want, high)
	var err error
	aside(func() { g.exponent, g.public, err = g.group.generate(c.config.rand()) })
	if err != nil {
		return err
	}
	c.kex.gex, c.kex.step = g, awaitGexInit
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unflushed = true
	c.seal(appendMPInt(appendMPInt([]byte{msgGexGroup}, g.group.p.Bytes()), two.Bytes()))
	return c.failed
}

// chooseGroup takes the smallest size not below what is wanted, or the largest
// there is, as sshd's choose_dh does; without a fitting one it falls back as
// dh_new_group_fallback does.
func chooseGroup(sizes []int, low, want, high uint32) *dhGroup {
	best := 0
	for _, size := range sizes {
		if size > int(high) || size < int(low) {
			continue
		}
		if size > int(want) && size < best || size > best && best < int(want) {
			best = size
		}
	}
	if g, ok := known[best]; ok {
		return g()
	}
	switch {
	case high < 4096:
		return group14()
	case high < 8192:
		return group16()
	}
	return group18()
}

// known are the groups of a server's moduli file, by their size.
var known = map[int]func() *dhGroup{2048: group14, 3072: group15, 4096: group16, 6144: group17, 8192: group18}

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
		h = appendMPInt(appendMPInt(h, g.group.p.Bytes()), two.Bytes())
		return append(appendMPInt(h, e.Bytes()), server...)
	}
	c.kex.gex = gexRequest{}
	return c.finish(msgGexReply, methods[c.kex.chosen.KEX].hash, middle, server, secret)
}
