package program

import (
	"io"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Keyboard is an input whose keys a program can have one by one.
type Keyboard interface {
	io.Reader
	// Keys gives every key away as it is typed and shows none, until restore is
	// called; ok is false where no terminal is behind the input.
	Keys() (restore func(), ok bool)
	// Typed tells that a key waits to be read.
	Typed() bool
}

// Hush has the terminal behind the input show nothing of what is typed, as
// getpass(3) does, until restore is called.
func (c *Call) Hush() (restore func()) {
	if in, ok := c.In.(interface{ Hush() (restore func()) }); ok {
		return in.Hush()
	}
	return func() {}
}

// Keys is the terminal of the session, for a program that draws on it; ok is
// false where there is none. restore gives it back.
func (c *Call) Keys() (from Keyboard, restore func(), ok bool) {
	in, isKeyboard := c.In.(Keyboard)
	if !isKeyboard {
		file, err := c.Open("/dev/tty", vfs.Read)
		if err != nil {
			return nil, nil, false
		}
		if in, isKeyboard = file.(Keyboard); !isKeyboard {
			return nil, nil, false
		}
	}
	restore, ok = in.Keys()
	return in, restore, ok
}
