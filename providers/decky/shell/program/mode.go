package program

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// ModeString is a mode as ls -l shows it.
func ModeString(mode uint32) string {
	kind := map[uint32]byte{vfs.TypeDir: 'd', vfs.TypeLink: 'l', vfs.TypeChar: 'c', vfs.TypeBlock: 'b', vfs.TypeFIFO: 'p', vfs.TypeSocket: 's'}[mode&vfs.TypeMask]
	if kind == 0 {
		kind = '-'
	}
	b := []byte{kind}
	for shift := 6; shift >= 0; shift -= 3 {
		for i, c := range []byte("rwx") {
			if mode>>shift&(4>>i) == 0 {
				c = '-'
			}
			b = append(b, c)
		}
	}
	for _, special := range []struct {
		bit  uint32
		at   int
		low  byte
		high byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}} {
		if mode&special.bit != 0 {
			if b[special.at] == 'x' {
				b[special.at] = special.low
			} else {
				b[special.at] = special.high
			}
		}
	}
	return string(b)
}

// NewMode applies an octal or symbolic mode to old.
func NewMode(text string, old uint32) (uint32, bool) {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil {
		return uint32(n), n <= 0o7777
	}
	mode := old & 0o7777
	for clause := range strings.SplitSeq(text, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 || strings.Trim(clause[:i], "ugoa") != "" {
			return 0, false
		}
		who := clause[:i]
		if who == "" || strings.Contains(who, "a") {
			who = "ugo"
		}
		for i < len(clause) {
			op := clause[i]
			j := i + 1
			for j < len(clause) && strings.IndexByte("rwxXstugo", clause[j]) >= 0 {
				j++
			}
			if j < len(clause) && strings.IndexByte("+-=", clause[j]) < 0 {
				return 0, false
			}
			mode = symbolic(mode, old, who, op, clause[i+1:j])
			i = j
		}
	}
	return mode, true
}

func symbolic(mode, old uint32, who string, op byte, letters string) uint32 {
	var bits, mask uint32
	for _, w := range who {
		shift := map[rune]int{'u': 6, 'g': 3, 'o': 0}[w]
		mask |= 7 << shift
		for _, l := range letters {
			switch l {
			case 'r':
				bits |= 4 << shift
			case 'w':
				bits |= 2 << shift
			case 'x':
				bits |= 1 << shift
			case 'X':
				if old&0o111 != 0 || old&vfs.TypeMask == vfs.TypeDir {
					bits |= 1 << shift
				}
			case 's':
				bits |= map[rune]uint32{'u': 0o4000, 'g': 0o2000}[w]
			case 'u', 'g', 'o':
				bits |= old >> map[rune]int{'u': 6, 'g': 3}[l] & 7 << shift
			case 't':
				bits |= 0o1000
			}
		}
	}
	switch op {
	case '+':
		return mode | bits
	case '-':
		return mode &^ bits
	}
	return mode&^mask | bits
}
