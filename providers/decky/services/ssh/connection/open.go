package connection

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// open answers SSH_MSG_CHANNEL_OPEN.
func (m *mux) open(r *wire.Reader) error {
	kind, peer, window, size := r.Text(), r.Uint32(), r.Uint32(), r.Uint32()
	if r.Bad() {
		return broken("channel open")
	}
	ch := &Channel{m: m, kind: strings.Clone(kind), peer: peer, sendWindow: window, sendMax: size, recvWindow: m.options.Window}
	ch.wake.L = &ch.mu
	if kind == "session" {
		return m.openSession(ch, r)
	}
	forward, refusal, err := m.handler.OpenForward(kind, r)
	if err != nil {
		return err
	}
	if forward != nil && !m.add(ch) {
		forward, refusal = nil, &Refusal{Reason: ConnectFailed, Text: "Too many open files"}
	}
	if forward == nil {
		return m.refuse(peer, refusal)
	}
	ch.connecting = true
	m.running.Go(func() { m.connect(ch, forward) })
	return nil
}

func (m *mux) openSession(ch *Channel, r *wire.Reader) error {
	if !r.Ended() {
		return broken("session open")
	}
	if m.noSessions {
		return m.disconnect("Possible attack: attempt to open a session after additional sessions disabled")
	}
	if !m.add(ch) {
		return m.refuse(ch.peer, nil)
	}
	if !m.handler.OpenSession(ch) {
		m.remove(ch)
		return m.refuse(ch.peer, nil)
	}
	return m.confirm(ch)
}

func (m *mux) confirm(ch *Channel) error {
	p := []byte{wire.ChannelConfirm}
	for _, v := range []uint32{ch.peer, ch.id, ch.recvWindow, m.packetMax} {
		p = wire.AppendUint32(p, v)
	}
	return m.send(p)
}

func (m *mux) refuse(peer uint32, refusal *Refusal) error {
	if refusal == nil {
		refusal = &Refusal{}
		if m.options.Silent {
			refusal.Reason = unknownType
		}
	}
	if err := m.debug(refusal.Debug); err != nil {
		return err
	}
	reason, text := refusal.Reason, refusal.Text
	if reason == 0 {
		reason = ConnectFailed
	}
	if text == "" && !m.options.Silent {
		text = "open failed"
	}
	p := wire.AppendUint32(wire.AppendUint32([]byte{wire.ChannelOpenFailure}, peer), reason)
	return m.send(wire.AppendString(wire.AppendString(p, text), ""))
}

// connect is a forwarding from its begin to its end.
func (m *mux) connect(ch *Channel, forward Forward) {
	if refusal := forward.Connect(m.ctx); refusal != nil {
		m.remove(ch)
		_ = m.refuse(ch.peer, refusal) // a client that is gone shows at the next read
		return
	}
	ch.mu.Lock()
	ch.connecting, ch.active, ch.recvWindow = false, true, m.window
	ch.mu.Unlock()
	_ = m.confirm(ch) // the same
	forward.Serve(m.ctx, ch)
	_ = ch.finish() // a client that is gone shows at the next read
}
