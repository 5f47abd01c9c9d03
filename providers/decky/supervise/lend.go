package supervise

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Namespace is the network namespace that a decky's sockets stand in, though it
// may be pinned nowhere any more; nil where the supervisor has none, or does not
// run. Close it.
func (c *Client) Namespace(ctx context.Context, decky string) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.connect(false); errors.Is(err, ErrAbsent) || errors.Is(err, errStopped) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	_ = c.conn.SetDeadline(time.Now().Add(answerPatience))
	asleep := c.attend()
	err := send(c.conn, request{Op: opNamespace, Decky: decky})
	var f *os.File
	if err == nil {
		f, err = receiveFile(c.conn)
	}
	if asleep() && err != nil {
		c.drop()
		return nil, nil
	}
	if err != nil {
		c.drop()
		return nil, fmt.Errorf("ask the supervisor for the namespace of %s: %w", decky, err)
	}
	return f, nil
}

// receiveFile reads one message and the file that came with it, if any.
func receiveFile(conn *net.UnixConn) (*os.File, error) {
	var head [4]byte
	control := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(head[:], control)
	if err != nil {
		return nil, err
	}
	files, err := socketsIn(control[:oobn])
	if err != nil {
		return nil, err
	}
	var f *os.File
	if len(files) > 0 {
		f = files[0]
	}
	_, err = io.ReadFull(conn, head[n:])
	size := binary.BigEndian.Uint32(head[:])
	if err == nil && size > maxAnswer {
		err = fmt.Errorf("message of %d bytes is over %d", size, maxAnswer)
	}
	var answer reply
	if err == nil {
		data := make([]byte, size)
		if _, err = io.ReadFull(conn, data); err == nil {
			err = json.Unmarshal(data, &answer)
		}
	}
	if err == nil {
		err = errorOf(answer.Error)
	}
	if err != nil && f != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, err
}

// lend answers opNamespace.
func (s *Supervisor) lend(conn *net.UnixConn, decky string) error {
	f, err := s.namespaceOf(decky)
	data, marshalErr := json.Marshal(reply{Image: s.image, PID: os.Getpid(), Error: textOf(err)})
	if marshalErr != nil {
		return marshalErr
	}
	var rights []byte
	if f != nil {
		defer f.Close()
		rights = unix.UnixRights(int(f.Fd()))
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	if _, _, err := conn.WriteMsgUnix(append(frame, data...), rights, nil); err != nil {
		return fmt.Errorf("send a namespace: %w", err)
	}
	return nil
}

// namespaceOf opens the namespace of a decky's sockets; nil where it has none.
func (s *Supervisor) namespaceOf(decky string) (*os.File, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	for key, h := range s.units {
		if key.Decky != decky || len(h.sockets) == 0 {
			continue
		}
		raw, err := h.sockets[0].SyscallConn()
		if err != nil {
			return nil, err
		}
		var fd int
		var openErr error
		if err := raw.Control(func(socket uintptr) { fd, openErr = namespaceOfSocket(int(socket)) }); err != nil {
			return nil, err
		}
		if openErr != nil {
			return nil, fmt.Errorf("open the namespace of %s: %w", decky, openErr)
		}
		return os.NewFile(uintptr(fd), "namespace"), nil
	}
	return nil, nil
}

// namespaceOfSocket opens the network namespace that a socket stands in
// (SIOCGSKNS).
func namespaceOfSocket(socket int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCGSKNS, 0)
	if errno != 0 {
		return 0, errno
	}
	unix.CloseOnExec(int(fd))
	return int(fd), nil
}
