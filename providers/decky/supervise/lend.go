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
	err := send(c.conn, request{Op: opSocket, Decky: decky})
	var socket *os.File
	if err == nil {
		socket, err = receiveFile(c.conn)
	}
	if asleep() && err != nil {
		c.drop()
		return nil, nil
	}
	if err != nil {
		c.drop()
		return nil, fmt.Errorf("ask the supervisor for a socket of %s: %w", decky, err)
	}
	if socket == nil {
		return nil, nil
	}
	defer socket.Close()
	// The supervisor need not have the privilege for it.
	fd, err := unix.IoctlRetInt(int(socket.Fd()), unix.SIOCGSKNS)
	if err != nil {
		return nil, fmt.Errorf("open the namespace of %s: %w", decky, err)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "namespace"), nil
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

// lend answers opSocket.
func (s *Supervisor) lend(conn *net.UnixConn, decky string) error {
	data, err := json.Marshal(reply{Image: s.image, PID: os.Getpid()})
	if err != nil {
		return err
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
	s.turn.Lock() // nobody closes it meanwhile
	defer s.turn.Unlock()
	var rights []byte
	if socket := s.socketOf(decky); socket != nil {
		rights = unix.UnixRights(int(socket.Fd()))
	}
	_ = conn.SetWriteDeadline(time.Now().Add(leavePatience))
	_, _, err = conn.WriteMsgUnix(frame, rights, nil)
	if err != nil {
		return fmt.Errorf("lend a socket: %w", err)
	}
	return conn.SetWriteDeadline(time.Time{})
}

// socketOf is one of a decky's sockets, nil where it has none.
func (s *Supervisor) socketOf(decky string) *os.File {
	for key, h := range s.units {
		if key.Decky == decky && len(h.sockets) > 0 {
			return h.sockets[0]
		}
	}
	return nil
}
