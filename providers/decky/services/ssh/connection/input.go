package connection

import (
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// data takes SSH_MSG_CHANNEL_DATA.
func (m *mux) data(r *wire.Reader) error {
	ch, err := m.named(r, "data", "data")
	if err != nil {
		return err
	}
	data := r.Bytes()
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.active || ch.gone() {
		return nil
	}
	if !r.Ended() {
		return broken("channel data")
	}
	n := uint32(len(data))
	if ch.noReader { // nobody reads any more: as if it were consumed
		ch.recvWindow -= min(n, ch.recvWindow)
		ch.consumed += n
		return ch.regrow()
	}
	if n > packetSize || n > ch.recvWindow || ch.gotEOF || n == 0 {
		return nil // sshd notes it in its log and goes on
	}
	ch.recvWindow -= n
	ch.queue = append(ch.queue, append([]byte(nil), data...))
	m.mu.Lock()
	m.queued += len(data)
	m.mu.Unlock()
	ch.wake.Broadcast()
	return ch.fill()
}

// extended takes SSH_MSG_CHANNEL_EXTENDED_DATA, which no server wants.
func (m *mux) extended(r *wire.Reader) error {
	ch, err := m.named(r, "extended data", "extended_data")
	if err != nil {
		return err
	}
	ch.mu.Lock()
	active, eof := ch.active && !ch.gone(), ch.gotEOF
	ch.mu.Unlock()
	switch {
	case !active:
		return nil
	case eof:
		return m.disconnect("Received extended_data after EOF on channel %d.", ch.id)
	}
	if r.Uint32(); r.Bad() {
		return m.disconnect("Invalid extended_data message")
	}
	return nil
}

func (m *mux) adjust(r *wire.Reader) error {
	id := r.Uint32()
	if r.Bad() {
		return m.disconnect("Invalid window adjust message")
	}
	ch := m.lookup(id)
	if ch == nil {
		return nil
	}
	n := r.Uint32()
	if !r.Ended() {
		return m.disconnect("Invalid window adjust message")
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.sendWindow+n < ch.sendWindow {
		return broken("window overflow")
	}
	ch.sendWindow += n
	ch.wake.Broadcast()
	return nil
}

func (m *mux) request(r *wire.Reader) error {
	id, name, want := r.Uint32(), r.Text(), r.Bool()
	if r.Bad() {
		return broken("channel request")
	}
	ch := m.lookup(id)
	if ch == nil || id > 1<<31-1 {
		return m.disconnect("server_input_channel_req: unknown channel %d", int32(id))
	}
	answered := false
	reply := func(ok bool) {
		answered = true
		if want {
			ch.reply(ok)
		}
	}
	if name == "eow@openssh.com" {
		if !r.Ended() {
			return broken("eow")
		}
		ch.mu.Lock()
		ch.noWriter = true
		ch.wake.Broadcast()
		ch.mu.Unlock()
	} else if ch.kind == "session" && !ch.connecting {
		if err := m.handler.Request(ch, name, r, reply); err != nil {
			return err
		}
	}
	if !answered {
		reply(false)
	}
	return nil
}

func (m *mux) eof(r *wire.Reader) error {
	ch, err := m.named(r, "ieof", "ieof")
	if err != nil {
		return err
	}
	if !r.Ended() {
		return m.disconnect("Invalid ieof message")
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.gotEOF = true
	ch.wake.Broadcast()
	return nil
}

// closed takes SSH_MSG_CHANNEL_CLOSE: what has come is still read, and what
// would be written has nobody to read it.
func (m *mux) closed(r *wire.Reader) error {
	ch, err := m.named(r, "oclose", "oclose")
	if err != nil {
		return err
	}
	if !r.Ended() {
		return m.disconnect("Invalid oclose message")
	}
	ch.mu.Lock()
	ch.gotEOF, ch.gotClose, ch.noWriter = true, true, true
	idle, session := !ch.active || ch.finished, ch.kind == "session"
	ch.wake.Broadcast()
	ch.mu.Unlock()
	if session {
		m.handler.Closed(ch)
	}
	switch {
	case idle:
		return ch.finish()
	case session:
		return nil // sshd closes it when the process has ended
	}
	return ch.sendClose()
}

// unasked answers a message about a channel that we would have opened; we open
// none.
func (m *mux) unasked(r *wire.Reader, what, format string) error {
	ch, err := m.named(r, what, what)
	if err != nil {
		return err
	}
	return m.disconnect(format, ch.id)
}
