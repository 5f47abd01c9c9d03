package telnet

import (
	"bytes"
	"strings"
)

// recvSub is one suboption, without IAC SB and IAC SE.
func (b *bsd) recvSub(p []byte) {
	if len(p) == 0 {
		return
	}
	o, p := p[0], p[1:]
	b.note(cmdSB, o)
	switch o {
	case optTSpeed, optTType:
		if !b.his[o].state {
			return
		}
		b.got[o] = true
		if len(p) == 0 || p[0] != qualIs {
			return
		}
		if o == optTSpeed {
			b.told.speed = clean(p[1:])
		} else {
			b.told.term = strings.ToLower(clean(p[1:]))
		}
	case optNAWS:
		if b.his[o].state && len(p) >= 3 {
			rows := int(p[2]) << 8
			if len(p) > 3 {
				rows |= int(p[3])
			}
			b.tty.resize(int(p[0])<<8|int(p[1]), rows)
		}
	case optXDisploc:
		if len(p) > 0 && p[0] == qualIs {
			b.got[o] = true
			b.told.display = clean(p[1:])
		}
	case optNewEnv, optOldEnv:
		if len(p) == 0 || p[0] != qualIs && p[0] != qualInfo || o == optOldEnv && !b.traits.oldEnv {
			return
		}
		if p[0] == qualIs {
			b.got[o] = true
		}
		b.environ(p[1:], o == optOldEnv)
	case optStatus:
		if len(p) > 0 && p[0] == qualSend && b.mine[o].state {
			b.sendStatus()
		}
	case optLinemode:
		if b.his[o].state && len(p) > 0 {
			b.recvLinemode(p[0], p[1:])
		}
	}
}

// clean is what C's strings keep, bounded.
func clean(p []byte) string {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		p = p[:i]
	}
	return string(p[:min(len(p), 128)])
}

// maxVariables bounds what a client may set.
const maxVariables = 64

// environ reads VAR and VALUE pairs (RFC 1572 section 2); the older option has
// their numbers the other way round in some clients, which telnetd tells by
// looking; here the first byte decides.
func (b *bsd) environ(p []byte, old bool) {
	const (
		envVar   = 0
		envValue = 1
		envEsc   = 2
		envUser  = 3
	)
	variable, value := byte(envVar), byte(envValue)
	if old && len(p) > 0 && p[0] == envValue {
		variable, value = envValue, envVar
	}
	i := 0
	for i < len(p) && p[i] != variable && p[i] != envUser {
		i++
	}
	var name, text []byte
	inValue := false
	put := func() {
		if len(name) == 0 {
			return
		}
		if !inValue {
			delete(b.told.env, clean(name))
		} else if len(b.told.env) < maxVariables {
			b.told.env[clean(name)] = clean(text)
		}
	}
	for i++; i < len(p); i++ {
		switch c := p[i]; {
		case c == value && !inValue:
			inValue = true
		case c == variable || c == envUser:
			put()
			name, text, inValue = nil, nil, false
		default:
			if c == envEsc && i+1 < len(p) {
				i++
				c = p[i]
			}
			if inValue {
				text = append(text, c)
			} else {
				name = append(name, c)
			}
		}
	}
	put()
}

// sendStatus lists what is agreed (RFC 859).
func (b *bsd) sendStatus() {
	out := []byte{iac, cmdSB, optStatus, qualIs}
	add := func(p ...byte) { out = append(out, p...) }
	data := func(c byte) {
		add(c)
		if c == cmdSE || c == iac {
			add(c)
		}
	}
	for o := range byte(40) {
		if b.mine[o].want {
			add(cmdWill)
			data(o)
		}
		if b.his[o].want {
			add(cmdDo)
			data(o)
		}
	}
	if b.his[optLFlow].want {
		add(cmdSB, optLFlow, byte(b.flow), cmdSE)
		if b.restarted {
			add(cmdSB, optLFlow, 3, cmdSE)
		}
	}
	if b.his[optLinemode].want {
		add(cmdSB, optLinemode, 1)
		data(b.editmode)
		add(cmdSE, cmdSB, optLinemode, 3)
		for i, s := range b.slc[1:] {
			if s.level == 0 {
				continue
			}
			data(byte(i + 1))
			data(s.level)
			data(s.value)
		}
		add(cmdSE)
	}
	b.send(append(out, iac, cmdSE)...)
}

// recvLinemode is a suboption of LINEMODE.
func (b *bsd) recvLinemode(kind byte, p []byte) {
	switch {
	case kind == 3:
		b.recvSLC(p)
	case kind == 1 && len(p) > 0:
		mode := p[0] & modeMask
		ack := mode&modeAck != 0
		mode &^= modeAck
		changed := mode ^ b.editmode
		if changed == 0 {
			return
		}
		if changed&modeEdit != 0 {
			b.tty.icanon = mode&modeEdit != 0
		}
		if changed&modeTrapSig != 0 {
			b.tty.isig = mode&modeTrapSig != 0
		}
		if changed&modeSoftTab != 0 {
			b.tty.xtabs = mode&modeSoftTab != 0
		}
		if changed&modeLitEcho != 0 {
			b.tty.echoctl = mode&modeLitEcho == 0
		}
		if !ack {
			b.sendSub(optLinemode, 1, mode|modeAck)
		}
		b.editmode = mode
	}
}

// Special characters of LINEMODE (RFC 1184 section 2.4).
const (
	slcEC    = 10
	slcEL    = 11
	slcXON   = 15
	slcXOFF  = 16
	slcCount = 18

	slcCantChange = 1
	slcVariable   = 2
	slcDefault    = 3
	slcLevelBits  = 3
	slcAck        = 0x80
)

// slc is one special character.
type slc struct {
	level, value byte // as agreed
	own          slc0 // as the terminal has it
}

type slc0 struct {
	level, value byte
	known        bool // the terminal can change it
}

func (b *bsd) slcDefaults() {
	for f, own := range map[int]slc0{
		1: {slcDefault, 0, false}, 2: {slcDefault, 0, false}, 3: {slcVariable | 0x60, 3, true}, 4: {slcVariable | 0x20, 0x0f, true},
		5: {slcDefault, 0, false}, 6: {slcDefault, 0, false}, 7: {slcVariable | 0x60, 0x1c, true}, 8: {slcVariable, 4, true},
		9: {slcVariable | 0x40, 0x1a, true}, slcEC: {slcVariable, 0x7f, true}, slcEL: {slcVariable, 0x15, true},
		12: {slcVariable, 0x17, true}, 13: {slcVariable, 0x12, true}, 14: {slcVariable, 0x16, true},
		slcXON: {slcVariable, 0x11, true}, slcXOFF: {slcVariable, 0x13, true},
		17: {slcVariable, 0, true}, 18: {slcVariable, 0, true},
	} {
		b.slc[f].own = own
	}
}

func (b *bsd) slcLevel(f int, level byte) {
	b.slc[f].own.level = b.slc[f].own.level&^slcLevelBits | level
}

// char is the key that does what a command asks for.
func (b *bsd) char(f int) byte {
	if b.slc[f].own.known {
		return b.slc[f].own.value
	}
	return 0x7f
}

// recvSLC answers the client's special characters.
func (b *bsd) recvSLC(p []byte) {
	if !b.running {
		if !b.hasLater {
			b.later, b.hasLater = p, true
		}
		return
	}
	var out []byte
	add := func(c ...byte) {
		for _, x := range c {
			out = append(out, x)
			if x == iac {
				out = append(out, x)
			}
		}
	}
	for ; len(p) >= 3; p = p[3:] {
		b.oneSLC(p[0], p[1], p[2], add)
	}
	if len(out) > 0 {
		b.send(append(append([]byte{iac, cmdSB, optLinemode, 3}, out...), iac, cmdSE)...)
	}
}

func (b *bsd) oneSLC(f, flag, value byte, add func(...byte)) {
	switch {
	case f > slcCount:
		add(f, 0, 0)
		return
	case f == 0:
		b.allSLC(flag&slcLevelBits, add)
		return
	}
	s := &b.slc[f]
	his, ack := flag&slcLevelBits, flag&slcAck != 0
	if ack || his == s.level&slcLevelBits && value == s.value {
		return
	}
	switch {
	case his == 0:
		s.level, s.value = flag, 0
		add(f, flag|slcAck, value)
	case his == slcDefault:
		s.level = s.own.level
		if s.own.level&slcLevelBits == slcDefault {
			s.level = 0
		}
		s.value = s.own.value
		add(f, s.level, s.value)
	case s.own.known:
		s.level, s.value, s.own.value = flag, value, value
		add(f, flag|slcAck, value)
	case s.own.level&slcLevelBits == slcDefault:
		s.level, s.value = flag, value
		add(f, flag|slcAck, value)
	default:
		s.level = flag &^ slcLevelBits
		add(f, s.level, value)
	}
}

// allSLC answers a request for all of them: with the defaults, or as they are.
func (b *bsd) allSLC(level byte, add func(...byte)) {
	if level != slcDefault && level != slcVariable {
		return
	}
	for f := 1; f <= slcCount; f++ {
		s := &b.slc[f]
		if level == slcDefault {
			s.value, s.level = s.own.value, s.own.level
			if s.value == 0 {
				s.level = 0
			}
		}
		switch {
		case s.level&slcLevelBits != 0:
			add(byte(f), s.level, s.value)
		case f >= slcEC && f <= 14:
			add(byte(f), s.level|slcDefault, 0)
		}
	}
}

// resize is a window size that the client told.
func (t *tty) resize(cols, rows int) {
	if cols == t.cols && rows == t.rows {
		return
	}
	t.cols, t.rows = cols, rows
	if t.resized != nil {
		t.resized(cols, rows)
	}
}
