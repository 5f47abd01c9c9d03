package runtime

import (
	"errors"
	"fmt"
	"syscall"
)

// WriteUrgent sends one byte as TCP's urgent data (RFC 793 section 3.7): telnet
// servers do.
func (c *conn) WriteUrgent(b byte) error {
	if err := c.arm(); err != nil {
		return c.explain(err, false)
	}
	if err := writeUrgent(c.Conn, b); err != nil {
		return c.explain(err, false)
	}
	c.out.Add(1)
	return nil
}

// SetNoDelay says whether small writes leave at once, as they do where nothing
// was said, or are gathered (RFC 896).
func (c *conn) SetNoDelay(on bool) error {
	if d, ok := c.Conn.(interface{ SetNoDelay(bool) error }); ok {
		return d.SetNoDelay(on)
	}
	return nil
}

func writeUrgent(to any, b byte) error {
	socket, ok := to.(syscall.Conn)
	if !ok {
		return errors.New("urgent data: no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("urgent data: %w", err)
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		_, sent = syscall.SendmsgN(int(fd), []byte{b}, nil, nil, syscall.MSG_OOB|syscall.MSG_NOSIGNAL)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	if err = errors.Join(err, sent); err != nil {
		return fmt.Errorf("urgent data: %w", err)
	}
	return nil
}
