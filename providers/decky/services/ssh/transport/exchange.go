package transport

import (
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// step is the message that an exchange waits for.
type step int

const (
	awaitInit step = iota
	awaitGexRequest
	awaitGexInit
	awaitNewKeys
)

// exchange is one key exchange, from the client's KEXINIT to its NEWKEYS.
type exchange struct {
	step       step
	clientInit []byte
	serverInit []byte
	chosen     Algorithms
	skip       bool // the next packet was a wrong guess
	extInfo    bool // the client wants EXT_INFO
	gex        gexRequest
	next       direction // the client's new keys
}

// sendKexInit starts a key exchange; the caller holds mu.
func (c *Conn) sendKexInit() error {
	var cookie [16]byte
	c.random(cookie[:])
	b := append([]byte{msgKexInit}, cookie[:]...)
	for _, list := range c.lists() {
		b = appendString(b, list)
	}
	b = append(b, 0, 0, 0, 0, 0)
	c.rekeying, c.offer = true, b
	c.seal(b)
	return c.failed
}

// lists are the server's name-lists for this client.
func (c *Conn) lists() [10]string {
	l := c.config.Build.KexInit()
	var drop []string
	if c.quirks.has(quirkPaddedCurve) {
		drop = []string{"curve25519-sha256@libssh.org"}
	}
	if c.quirks.has(quirkOldGroupExch) {
		drop = []string{"diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1"}
	}
	for _, name := range drop {
		l[listKEX] = strings.Trim(strings.ReplaceAll(","+l[listKEX]+",", ","+name+",", ","), ",")
	}
	return l
}

// receiveKexInit answers the client's KEXINIT.
func (c *Conn) receiveKexInit(payload []byte) error {
	lists, guessed, err := parseKexInit(payload)
	if err != nil && (!errors.Is(err, errTail) || c.config.Build.Product != build.Dropbear) {
		return c.end("KEXINIT: " + err.Error())
	}
	err = nil
	initial := c.sessionID == nil
	if initial {
		c.client.Lists, c.client.Guessed = lists, guessed
		if c.config.Offered != nil {
			if err := c.config.Offered(c.client); err != nil {
				return err
			}
		}
	}
	c.mu.Lock()
	if !c.rekeying {
		err, c.unflushed = c.sendKexInit(), true
	}
	offer := c.offer
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if initial && c.config.Build.Strict && contains(lists[listKEX], "kex-strict-c-v00@openssh.com") {
		if c.strict = true; c.in.last != 0 {
			return c.violation("strict KEX violation: KEXINIT was not the first packet")
		}
	}
	mine := c.lists()
	offered := lists
	for i, list := range lists {
		if most := c.config.Build.MaxNames; most > 0 && strings.Count(list, ",") >= most {
			return c.end("too many names in a list")
		}
		if c.config.Build.Product == build.Dropbear { // it goes on after an empty name
			names := slices.DeleteFunc(strings.Split(list, ","), func(name string) bool { return name == "" })
			offered[i] = strings.Join(names, ",")
		}
	}
	chosen, missing := agree(offered, mine)
	if missing != "" {
		return c.end("no common " + missing)
	}
	c.kex = &exchange{clientInit: append([]byte(nil), payload...), serverInit: offer, chosen: chosen, extInfo: initial && contains(lists[listKEX], "ext-info-c")}
	c.client.Chosen = chosen
	c.kex.skip = guessed && (first(lists[listKEX]) != first(mine[listKEX]) || first(lists[listHostKey]) != first(mine[listHostKey]))
	if methods[chosen.KEX].group {
		c.kex.step = awaitGexRequest
	}
	return nil
}

// receiveKex takes a message of the key exchange methods, whose number is
// between 30 and 49; it is false where the exchange does not wait for it.
func (c *Conn) receiveKex(payload []byte) (bool, error) {
	k := c.kex
	if k == nil {
		return false, nil
	}
	switch {
	case k.step == awaitInit && payload[0] == msgKexECDHInit:
		return true, c.reply(payload)
	case k.step == awaitGexRequest && payload[0] == msgGexRequest:
		return true, c.gexRequest(payload)
	case k.step == awaitGexInit && payload[0] == msgGexInit:
		return true, c.gexReply(payload)
	}
	return false, nil
}

// reply runs a method with one message each way.
func (c *Conn) reply(payload []byte) error {
	info := methods[c.kex.chosen.KEX]
	s := scanner{b: payload[1:]}
	public := s.string()
	if err := s.end(); err != nil {
		return c.end("key exchange: " + err.Error())
	}
	var server, secret []byte
	var err error
	aside(func() { server, secret, err = info.new().respond(c.config.rand(), public) })
	if err != nil {
		return c.end("key exchange: " + err.Error())
	}
	return c.finish(msgKexECDHReply, info.hash, func(h []byte) []byte { return append(appendString(h, public), server...) }, server, secret)
}

// finish signs the exchange hash, sends the reply and the new keys (RFC 4253
// section 8).
func (c *Conn) finish(number byte, newHash func() hash.Hash, middle func([]byte) []byte, server, secret []byte) error {
	k := c.kex
	key, err := c.config.Keys.signer(k.chosen.HostKey)
	if err != nil {
		return err
	}
	public, err := blob(key.Public())
	if err != nil {
		return err
	}
	b := appendString(appendString(nil, c.client.Identification), c.ours)
	b = appendString(appendString(appendString(b, k.clientInit), k.serverInit), public)
	b = append(middle(b), secret...)
	h := newHash()
	h.Write(b)
	sum := h.Sum(nil)
	var sig []byte
	aside(func() { sig, err = sign(c.config.rand(), key, k.chosen.HostKey, sum) })
	if err != nil {
		return err
	}
	if c.sessionID == nil {
		c.sessionID = sum
	}
	out, err := c.keys(newHash, secret, sum)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unflushed = true
	c.seal(appendString(append(appendString([]byte{number}, public), server...), sig))
	c.seal([]byte{msgNewKeys})
	if out.seq = c.out.seq; c.strict {
		out.seq = 0
	}
	c.out = out
	c.out.limit(c.rekeyAt)
	if k.extInfo && len(c.config.Build.Extensions) > 0 {
		c.seal(extInfo(c.config.Build.Extensions))
	}
	k.step, k.clientInit, k.serverInit, c.offer = awaitNewKeys, nil, nil, nil
	return c.release()
}

// aside runs f on a stack of its own, which goes with it: what a key exchange
// needs once, ten times what a connection needs, would stay with the reader's.
// A panic is the caller's.
func aside(f func()) {
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		f()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
}

// release ends the server's side of an exchange and sends what waited; the
// caller holds mu.
func (c *Conn) release() error {
	c.rekeying = false
	for i, payload := range c.queue {
		if i > 0 && c.due(len(payload)) {
			c.queue = c.queue[i:]
			return c.sendKexInit()
		}
		c.queued -= len(payload)
		c.seal(payload)
	}
	c.queue = nil
	c.settled.Broadcast()
	return c.failed
}

// extInfo is EXT_INFO (RFC 8308).
func extInfo(extensions []build.Extension) []byte {
	b := []byte{msgExtInfo, 0, 0, 0, byte(len(extensions))}
	for _, e := range extensions {
		b = appendString(appendString(b, e.Name), e.Value)
	}
	return b
}

// receiveNewKeys takes the client's new keys into use.
func (c *Conn) receiveNewKeys(payload []byte) error {
	if len(payload) != 1 {
		return c.end("NEWKEYS has a body")
	}
	next := c.kex.next
	if next.seq = c.in.seq; c.strict {
		next.seq = 0
	}
	c.in.direction = next
	c.in.limit(c.rekeyAt)
	c.kex = nil
	return nil
}

// keys derives both directions' keys (RFC 4253 section 7.2): out is returned,
// in waits in the exchange.
func (c *Conn) keys(newHash func() hash.Hash, secret, sum []byte) (out direction, err error) {
	derive := func(letter byte, n int) []byte {
		h := newHash()
		h.Write(secret)
		h.Write(sum)
		h.Write([]byte{letter})
		h.Write(c.sessionID)
		key := h.Sum(nil)
		for len(key) < n {
			h.Reset()
			h.Write(secret)
			h.Write(sum)
			h.Write(key)
			key = h.Sum(key)
		}
		return key[:n]
	}
	make := func(cipherName, macName, compName string, letters string, sealing bool) (d direction, err error) {
		info := cipherTable[cipherName]
		var m mac
		etm := false
		if !info.aead {
			mi := macTable[macName]
			m, etm = mi.new(derive(letters[2], mi.key)), mi.etm
		}
		d.cipher, err = info.new(derive(letters[1], info.key), derive(letters[0], info.iv), m, etm, sealing)
		d.comp = newCompression(compName, c.authed, c.config.Build.Product == build.Dropbear)
		return d, err
	}
	a := c.kex.chosen
	if c.kex.next, err = make(a.CipherIn, a.MACIn, a.CompressionIn, "ACE", false); err != nil {
		return out, fmt.Errorf("ssh: keys: %w", err)
	}
	if out, err = make(a.CipherOut, a.MACOut, a.CompressionOut, "BDF", true); err != nil {
		return out, fmt.Errorf("ssh: keys: %w", err)
	}
	return out, nil
}
