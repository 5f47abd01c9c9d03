package telnet

// ask sends a request unless it was agreed or asked already.
func (l *link) ask(s *side, on bool, verb, option byte) {
	if s.pending == 0 && s.state == on || s.want == on {
		return
	}
	// A timing mark is no state: it is asked and forgotten.
	if option != optTM || verb != cmdDo {
		s.want = on
	}
	s.pending++
	l.send(iac, verb, option)
}

func (b *bsd) askDo(o byte)   { b.ask(&b.his[o], true, cmdDo, o) }
func (b *bsd) askDont(o byte) { b.ask(&b.his[o], false, cmdDont, o) }
func (b *bsd) askWill(o byte) { b.ask(&b.mine[o], true, cmdWill, o) }
func (b *bsd) askWont(o byte) { b.ask(&b.mine[o], false, cmdWont, o) }

// answered counts an answer; false while others are awaited.
func (s *side) answered(on bool) bool {
	if s.pending > 0 {
		s.pending--
		if s.pending > 0 && s.state == on {
			s.pending--
		}
	}
	return s.pending == 0
}

// recvWill: the client does, or would do, an option.
func (b *bsd) recvWill(o byte) {
	s := &b.his[o]
	after := func() {}
	if s.answered(true) {
		if s.want {
			after = b.confirmed(o)
		} else {
			var ok, silent bool
			if ok, silent, after = b.offered(o); silent {
				return
			}
			if ok {
				s.want = true
				b.send(iac, cmdDo, o)
			} else {
				s.pending++
				b.send(iac, cmdDont, o)
			}
		}
	}
	s.state = true
	after()
}

// confirmed is what an agreed option starts.
func (b *bsd) confirmed(o byte) func() {
	switch o {
	case optEcho:
		b.old42 = true
		b.askDont(o)
	case optLinemode:
		b.lines = lineReal
		return func() { b.setLinemode(true) }
	case optLFlow:
		return b.flowState
	}
	return func() {}
}

// offered is the answer to an option that was not asked for.
func (b *bsd) offered(o byte) (ok, silent bool, after func()) {
	after = func() {}
	switch o {
	case optBinary:
		b.tty.istrip = false
		return true, false, after
	case optEcho:
		b.old42 = true
	case optTM:
		// Never answered; it may be the answer to our question for the kludge.
		if b.traits.linemode && b.lines < lineKludge {
			b.lines = lineKludge
			b.setLinemode(true)
			b.askWont(optSGA)
		}
		return false, true, after
	case optLFlow:
		b.slcLevel(slcXON, slcDefault)
		b.slcLevel(slcXOFF, slcDefault)
		return true, false, after
	case optTType, optSGA, optNAWS, optTSpeed, optXDisploc, optNewEnv:
		return true, false, after
	case optOldEnv:
		return b.traits.oldEnv, false, after
	case optLinemode:
		if b.traits.linemode {
			b.lines = lineReal
			return true, false, func() { b.setLinemode(true) }
		}
	case optAuth:
		if b.traits.auth {
			// SEND with Kerberos 5, mutual and one-way (RFC 2941 section 2).
			return true, false, func() { b.send(iac, cmdSB, optAuth, qualSend, 2, 2, 2, 0, iac, cmdSE) }
		}
	case optEncrypt:
		if b.traits.auth {
			// SUPPORT of no type (RFC 2946 section 2).
			return true, false, func() { b.send(iac, cmdSB, optEncrypt, 1, iac, cmdSE) }
		}
	}
	return false, false, after
}

// recvWont: the client does not, or no longer does, an option.
func (b *bsd) recvWont(o byte) {
	s := &b.his[o]
	if s.answered(false) {
		if s.want {
			switch o {
			case optEcho:
				b.old42 = false
			case optBinary:
				b.tty.istrip = true
			case optLinemode:
				if b.lines == lineReal {
					b.setLinemode(false)
				}
			case optLFlow:
				b.slcLevel(slcXON, slcCantChange)
				b.slcLevel(slcXOFF, slcCantChange)
			}
			b.got[o] = true
			s.want = false
			if s.state {
				b.send(iac, cmdDont, o)
			}
		} else if o == optTM && b.traits.linemode && b.lines < lineReal {
			b.lines = lineNone
			b.setLinemode(false)
			b.askWill(optSGA)
			b.askWill(optEcho)
		}
	}
	s.state = false
}

// recvDo: the client wants an option of ours.
func (b *bsd) recvDo(o byte) {
	s := &b.mine[o]
	if s.answered(true) && !s.want {
		ok := false
		switch o {
		case optEcho:
			b.tty.echo = b.tty.echo || b.lines == lineNone
			ok = true
		case optBinary:
			b.tty.opost = false
			ok = true
		case optSGA:
			if b.lines == lineKludge {
				b.setLinemode(false)
			}
			ok = true
		case optStatus:
			ok = true
		case optEncrypt:
			ok = b.traits.auth
		case optTM:
			b.send(iac, cmdWill, o)
			s.state, s.want = false, false
			return
		case optLogout:
			b.send(iac, cmdWill, o)
			b.gone = true
			return
		}
		if ok {
			s.want = true
			b.send(iac, cmdWill, o)
		} else {
			s.pending++
			b.send(iac, cmdWont, o)
		}
	}
	s.state = true
}

// recvDont: the client does not want an option of ours.
func (b *bsd) recvDont(o byte) {
	s := &b.mine[o]
	if s.answered(false) && s.want {
		switch o {
		case optBinary:
			b.tty.opost = true
		case optEcho:
			if b.lines != lineReal && b.lines != lineKludge {
				b.tty.echo = false
			}
		case optSGA:
			if b.lines == lineKludge {
				b.setLinemode(true)
			}
		}
		s.want = false
		if s.state {
			b.send(iac, cmdWont, o)
		}
	}
	s.state = false
}

// sendSub sends a suboption as telnetd does, out of a buffer that is one byte
// too long: the NUL at its end is sent too.
func (b *bsd) sendSub(p ...byte) {
	b.send(append(append([]byte{iac, cmdSB}, p...), iac, cmdSE, 0)...)
}

// flowState tells a change of flow control (RFC 1372).
func (b *bsd) flowState() {
	if !b.his[optLFlow].state {
		return
	}
	if on := boolInt(b.tty.ixon); on != b.flow {
		b.flow = on
		b.sendSub(optLFlow, byte(on))
	}
	if !b.restarted {
		b.restarted = true
		b.sendSub(optLFlow, 3) // RESTART-XON
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// local tells the client how the terminal stands once it is there.
func (b *bsd) local() {
	if !b.tty.istrip {
		b.askDo(optBinary)
	}
	b.flowState()
	if b.linemode {
		// The kernel knows no external line editing: it ends.
		if b.lines == lineReal {
			b.askDont(optLinemode)
		} else if b.lines == lineKludge {
			b.askWill(optSGA)
		}
		b.askWill(optEcho)
		b.linemode = false
	}
	if b.hasLater {
		later := b.later
		b.later, b.hasLater = nil, false
		b.running = true
		b.recvSLC(later)
	}
}

// setLinemode is the client's wish for line mode.
func (b *bsd) setLinemode(on bool) {
	if on == b.linemode {
		return
	}
	if b.lines == lineReal && on {
		b.editmode = b.mode()
		b.sendSub(optLinemode, 1, b.editmode)
		_ = b.flush() // it leaves at once; what fails shows at the next write
	}
	b.linemode = on
	if !on {
		b.askWill(optEcho)
	}
}

// Bits of LINEMODE's MODE (RFC 1184 section 2.2).
const (
	modeEdit    = 1
	modeTrapSig = 2
	modeAck     = 4
	modeSoftTab = 8
	modeLitEcho = 16
	modeMask    = 31
)

func (b *bsd) mode() byte {
	if !b.exists {
		return modeLitEcho // all flags of the terminal read as clear
	}
	var m byte
	if b.tty.icanon {
		m |= modeEdit
	}
	if b.tty.isig {
		m |= modeTrapSig
	}
	if b.tty.xtabs {
		m |= modeSoftTab
	}
	if !b.tty.echoctl {
		m |= modeLitEcho
	}
	return m
}
