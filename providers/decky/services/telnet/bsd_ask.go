package telnet

// begin is the order of telnetd's questions: who and what terminal, then how.
func (b *bsd) begin() error {
	if b.traits.auth {
		b.askWill(optAuth)
		b.askWill(optEncrypt)
	}
	asked := []byte{optTType, optTSpeed, optXDisploc, optNewEnv}
	if b.traits.oldEnv {
		asked = append(asked, optOldEnv)
	}
	for _, o := range asked {
		b.askDo(o)
	}
	err := b.loop(func() bool {
		for _, o := range asked {
			if b.his[o].changing() {
				return true
			}
		}
		return b.traits.auth && b.mine[optEncrypt].changing()
	})
	if err == nil {
		err = b.terminal()
	}
	if err == nil {
		err = b.manner()
	}
	if err != nil {
		return err
	}
	return b.flush()
}

// terminal asks for what the client said it would tell.
func (b *bsd) terminal() error {
	var wait []byte
	for _, o := range []byte{optTSpeed, optXDisploc, optNewEnv, optOldEnv} {
		if !b.his[o].state || o == optOldEnv && b.his[optNewEnv].state {
			continue
		}
		b.send(iac, cmdSB, o, qualSend, iac, cmdSE)
		wait = append(wait, o)
	}
	if b.his[optTType].state {
		b.send(iac, cmdSB, optTType, qualSend, iac, cmdSE)
	}
	for _, o := range wait {
		if err := b.loop(func() bool { return !b.got[o] }); err != nil {
			return err
		}
	}
	if !b.his[optTType].state {
		return nil
	}
	if err := b.loop(func() bool { return !b.got[optTType] }); err != nil {
		return err
	}
	return b.terminalType()
}

// terminalType asks on while the name is unknown, as RFC 1091 lets it.
func (b *bsd) terminalType() error {
	first := b.told.term
	for b.his[optTType].state && !knownTerminal(b.told.term) {
		last := b.told.term
		if err := b.nextType(); err != nil {
			return err
		}
		if knownTerminal(b.told.term) || last != b.told.term && b.his[optTType].state {
			continue
		}
		if b.told.term == first {
			return nil
		}
		if err := b.nextType(); err != nil {
			return err
		}
		b.told.term = first
		return nil
	}
	return nil
}

func (b *bsd) nextType() error {
	if !b.his[optTType].state {
		return nil
	}
	b.got[optTType] = false
	b.send(iac, cmdSB, optTType, qualSend, iac, cmdSE)
	return b.loop(func() bool { return !b.got[optTType] })
}

// knownTerminal is whether terminfo of a plain installation has a name.
func knownTerminal(name string) bool {
	switch name {
	case "", "ansi", "cygwin", "dumb", "linux", "mach", "mach-bold", "mach-color", "mach-gnu", "mach-gnu-color", "pcansi",
		"rxvt", "rxvt-basic", "screen", "screen-256color", "screen-bce", "sun", "tmux", "tmux-256color", "vt100", "vt102",
		"vt220", "vt52", "wsvt25", "wsvt25m", "xterm", "xterm-256color", "xterm-color", "xterm-mono", "xterm-r5",
		"xterm-r6", "xterm-vt220", "xterm-xfree86", "hurd", "rxvt-unicode", "rxvt-unicode-256color", "screen.xterm-256color":
		return true
	}
	return false
}

// manner settles echo, size and flow control, and then shows the terminal.
func (b *bsd) manner() error {
	b.tty.mu.Lock()
	b.exists = true
	b.slcDefaults()
	if !b.mine[optSGA].state {
		b.askWill(optSGA)
	}
	b.askDo(optEcho)
	if b.traits.linemode && !b.his[optLinemode].state {
		b.askDo(optLinemode)
	}
	b.askDo(optNAWS)
	b.askWill(optStatus)
	b.askDo(optLFlow)
	b.tty.mu.Unlock()
	if err := b.loop(func() bool { return b.his[optNAWS].changing() }); err != nil {
		return err
	}
	if b.his[optEcho].want && b.his[optNAWS].state {
		if err := b.loop(func() bool { return b.his[optEcho].changing() }); err != nil {
			return err
		}
	}
	b.tty.mu.Lock()
	defer b.tty.mu.Unlock()
	if b.his[optEcho].want {
		// A client that does not answer echoes already, it is assumed.
		b.recvWill(optEcho)
	}
	if !b.mine[optEcho].state {
		b.askWill(optEcho)
	}
	if b.traits.linemode {
		if b.lines < lineReal {
			b.askDo(optTM)
		}
		b.local()
	}
	return nil
}
