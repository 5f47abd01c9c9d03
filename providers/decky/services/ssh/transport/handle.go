package transport

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

const (
	disconnectProtocolError = 2
	maxDisconnect           = 1023 // bytes of text: OpenSSH's buffer
)

// handleEarly takes a message before the first key exchange is done.
func (c *Conn) handleEarly(payload []byte) error {
	if done, err := c.always(payload); done || err != nil {
		return err
	}
	number := payload[0]
	if !c.strict {
		if done, err := c.chatter(payload); done || err != nil {
			return err
		}
	}
	if number > msgTransportMax {
		return c.end(fmt.Sprintf("message %d before the keys", number))
	}
	if c.kex != nil && c.kex.skip {
		c.kex.skip = false
		return nil
	}
	switch {
	case number == msgKexInit && c.kex == nil:
		return c.receiveKexInit(payload)
	case number == msgNewKeys && c.kex != nil && c.kex.step == awaitNewKeys:
		return c.receiveNewKeys(payload)
	}
	if done, err := c.receiveKex(payload); done || err != nil {
		return err
	}
	if err := c.barred(number); err != nil {
		return err
	}
	if c.strict {
		return c.violation(fmt.Sprintf("strict KEX violation: unexpected packet type %d (seqnr %d)", number, c.in.last))
	}
	return c.unimplemented(c.in.last)
}

// handle takes a message after it; false leaves it to the caller.
func (c *Conn) handle(payload []byte) (bool, error) {
	if done, err := c.always(payload); done || err != nil {
		return true, err
	}
	if done, err := c.chatter(payload); done || err != nil {
		return true, err
	}
	number := payload[0]
	if c.kex != nil && c.kex.skip {
		c.kex.skip = false
		return true, nil
	}
	switch {
	case number > msgTransportMax, number == msgServiceReq && !c.authed:
		return false, c.checkRekey()
	case number == msgKexInit && c.kex == nil && (c.authed || c.config.Build.Product != build.OpenSSH):
		return true, c.receiveKexInit(payload)
	case number == msgNewKeys && c.kex != nil && c.kex.step == awaitNewKeys:
		return true, c.receiveNewKeys(payload)
	case number == msgExtInfo && c.config.Build.ExtInfoInAuth && !c.authed && !c.extSeen && contains(c.client.Lists[listKEX], "ext-info-c"):
		c.extSeen = true
		again, ok := parseExtInfo(payload)
		if !ok {
			return true, c.end("EXT_INFO is broken")
		}
		c.extAgain = again
		return true, nil
	}
	if done, err := c.receiveKex(payload); done || err != nil {
		return true, err
	}
	if err := c.barred(number); err != nil {
		return true, err
	}
	return true, c.unimplemented(c.in.last)
}

// barred ends the connection where dropbear does: at messages that RFC 4253
// section 7.1 forbids within a key exchange.
func (c *Conn) barred(number byte) error {
	if c.config.Build.Product != build.Dropbear || c.kex == nil && c.sessionID != nil || number != msgKexInit && number != msgServiceReq && number != msgServiceReq+1 {
		return nil
	}
	return c.end(fmt.Sprintf("message %d within a key exchange", number))
}

// checkRekey asks for new keys where the client's packets have used the old
// ones up.
func (c *Conn) checkRekey() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.authed || c.rekeying || c.kex != nil || c.quirks.has(quirkNoRekey) || c.in.packets == 0 || !c.in.passed(0) && !c.out.passed(0) {
		return nil
	}
	if err := c.sendKexInit(); err != nil {
		return err
	}
	return c.flush()
}

// always takes what sshd takes in every state.
func (c *Conn) always(payload []byte) (bool, error) {
	b := c.config.Build
	switch number := payload[0]; {
	case number == 0, number >= msgLocalMin && b.Product == build.OpenSSH && !b.Ping:
		if err := c.sendDisconnect(disconnectProtocolError, fmt.Sprintf("Invalid ssh2 packet type: %d", number)); err != nil {
			return true, err
		}
		return true, c.end("message number is out of range")
	case number == msgDisconnect:
		s := scanner{b: payload[1:]}
		code, text := s.uint32(), s.string()
		if s.err != nil {
			return true, c.end("DISCONNECT is broken")
		}
		return true, &EndError{Client: true, Reset: c.unreadPackets(), Reason: "disconnected by the client", Code: code, Text: strings.ToValidUTF8(string(text[:min(len(text), 400)]), "?")}
	}
	return false, nil
}

// chatter takes what says nothing: IGNORE, DEBUG, UNIMPLEMENTED, PING.
func (c *Conn) chatter(payload []byte) (bool, error) {
	s := scanner{b: payload[1:]}
	switch payload[0] {
	case msgIgnore:
		return true, nil
	case msgDebug:
		s.byte()
		s.string()
		s.string()
	case msgUnimplemented:
		s.uint32()
	case msgPing:
		if !c.config.Build.Ping {
			return false, nil
		}
		data := s.string()
		if s.err == nil {
			return true, c.WritePacket(appendString([]byte{msgPong}, data))
		}
	default:
		return false, nil
	}
	if s.err != nil {
		return true, c.end(fmt.Sprintf("message %d is broken", payload[0]))
	}
	return true, nil
}

// parseExtInfo reads the client's EXT_INFO; again tells that it wants the
// server's a second time, when its user is known.
func parseExtInfo(payload []byte) (again, ok bool) {
	s := scanner{b: payload[1:]}
	n := s.uint32()
	if n > maxExtensions {
		return false, false
	}
	for range n {
		name, value := s.string(), s.string()
		again = again || string(name) == "ext-info-in-auth@openssh.com" && string(value) == "0"
	}
	return again, s.end() == nil
}

// maxExtensions is OpenSSH's own bound.
const maxExtensions = 1024

// RepeatExtInfo sends EXT_INFO again where the client asked for that (OpenSSH
// since 9.6): call it at the first authentication request, after the banner.
func (c *Conn) RepeatExtInfo() error {
	if !c.extAgain {
		return nil
	}
	c.extAgain = false
	first := c.config.Build.Extensions[:1]
	return c.WritePacket(extInfo(first))
}

// unimplemented answers a packet by its number (RFC 4253 section 11.4).
func (c *Conn) unimplemented(seq uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seal(binary.BigEndian.AppendUint32([]byte{msgUnimplemented}, seq))
	return c.flush()
}

// violation disconnects in words.
func (c *Conn) violation(text string) error {
	if err := c.sendDisconnect(disconnectProtocolError, text); err != nil {
		return err
	}
	return c.end(text)
}

// sendDisconnect sends MSG_DISCONNECT at once, also within a key exchange.
func (c *Conn) sendDisconnect(reason uint32, text string) error {
	text = text[:min(len(text), maxDisconnect)]
	c.mu.Lock()
	defer c.mu.Unlock()
	b := binary.BigEndian.AppendUint32([]byte{msgDisconnect}, reason)
	c.seal(appendString(appendString(b, text), ""))
	return c.flush()
}
