package ssh

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// maxIdentification is OpenSSH's SSH_MAX_BANNER_LEN.
const maxIdentification = 8192

// identify exchanges identification strings (RFC 4253 section 4.2) with
// OpenSSH's answers to wrong ones; a nil peer was sent away. It reads byte by
// byte, so that whatever follows a wrong line stays unread and the connection
// is reset as OpenSSH's is.
func (h *handler) identify(conn decky.Conn) (*peer, error) {
	if _, err := io.WriteString(conn, "SSH-2.0-"+h.banner+"\r\n"); err != nil {
		return nil, err
	}
	var line []byte
	var b [1]byte
	carriage := false
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return nil, h.silent(conn, line, err)
		}
		c := b[0]
		if c == '\n' {
			break
		}
		if c == 0 || carriage || len(line) >= maxIdentification {
			return nil, h.dismiss(conn, append(line, c), "Invalid SSH identification string.")
		}
		if c == '\r' {
			carriage = true
			continue
		}
		line = append(line, c)
	}
	version := string(line)
	var major, minor int
	var software string
	if n, _ := fmt.Sscanf(version, "SSH-%d.%d-%s", &major, &minor, &software); n != 3 {
		return nil, h.dismiss(conn, line, "Invalid SSH identification string.")
	}
	if major != 2 && (major != 1 || minor != 99) {
		return nil, h.dismiss(conn, line, "Protocol major versions differ.")
	}
	if err := conn.Record(&event.Fingerprint{Method: "banner", Value: strings.ToValidUTF8(version, "?"), Raw: event.Text(version)}); err != nil {
		return nil, err
	}
	return &peer{Conn: newWire(conn), version: version, banner: "SSH-2.0-" + h.banner}, nil
}

// dismiss answers a wrong identification and ends the connection: with a reset
// where the client sent more than was read, as the kernel does for OpenSSH.
func (h *handler) dismiss(conn decky.Conn, line []byte, message string) error {
	if err := conn.Record(&event.Scan{Technique: "foreign-protocol", Data: event.Text(line)}); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, message+"\r\n"); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(unreadPatience)); err != nil {
		return err
	}
	if n, _ := conn.Read(make([]byte, 1)); n > 0 {
		conn.ResetOnClose()
	}
	return nil
}

// unreadPatience is how long a byte that has arrived may take to be read.
const unreadPatience = 2 * time.Millisecond

// silent is a client that left, or said nothing, before it identified itself.
func (h *handler) silent(conn decky.Conn, line []byte, err error) error {
	if len(line) > 0 {
		if err := conn.Record(&event.Scan{Technique: "foreign-protocol", Data: event.Text(line)}); err != nil {
			return err
		}
	}
	return ended(err)
}

// ended drops the errors that are a normal end of a connection.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

func chance(percent int) bool { return rand.IntN(100) < percent }

// wire passes a client's bytes on, taking a copy of its KEXINIT for HASSH. The
// first bytes wait until ours are out, as OpenSSH sends its KEXINIT before it
// reads.
type wire struct {
	net.Conn
	conn decky.Conn

	once  sync.Once
	ready chan struct{} // closed at the first write

	head []byte
	seen bool
}

func newWire(conn decky.Conn) *wire {
	return &wire{Conn: conn, conn: conn, ready: make(chan struct{})}
}

// Write implements io.Writer.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.once.Do(func() { close(w.ready) })
	return n, err
}

// Close implements io.Closer.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.ready) })
	return w.Conn.Close()
}

// maxKexInit bounds the copy: OpenSSH accepts packets up to 256 KiB, no client
// sends a KEXINIT of more than a few.
const maxKexInit = 35_000

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	<-w.ready
	n, err := w.Conn.Read(p)
	if !w.seen && n > 0 {
		w.head = append(w.head, p[:n]...)
		if lists, done := kexInit(w.head); done {
			w.seen, w.head = true, nil
			if lists != nil {
				if err := w.conn.Record(hassh(lists)); err != nil {
					return n, err
				}
			}
		}
	}
	return n, err
}

// kexInit reads the name-lists of the first packet (RFC 4253 section 7.1);
// done tells that nothing more is to be learned.
func kexInit(b []byte) (lists []string, done bool) {
	if len(b) < 5 {
		return nil, false
	}
	length := int(binary.BigEndian.Uint32(b))
	if length < 22 || length > maxKexInit {
		return nil, true
	}
	if len(b) < 4+length {
		return nil, false
	}
	padding := int(b[4])
	if padding+1 > length {
		return nil, true
	}
	payload := b[5 : 4+length-padding]
	if len(payload) < 17 || payload[0] != 20 {
		return nil, true
	}
	payload = payload[17:]
	for range 10 {
		if len(payload) < 4 {
			return nil, true
		}
		n := int(binary.BigEndian.Uint32(payload))
		if n > len(payload)-4 {
			return nil, true
		}
		lists = append(lists, string(payload[4:4+n]))
		payload = payload[4+n:]
	}
	return lists, true
}

// hassh is the MD5 of a client's lists: key exchange, and encryption, MAC and
// compression from client to server.
func hassh(lists []string) *event.Fingerprint {
	raw := strings.Join([]string{lists[0], lists[2], lists[4], lists[6]}, ";")
	sum := md5.Sum([]byte(raw))
	return &event.Fingerprint{Method: "hassh", Value: hex.EncodeToString(sum[:]), Raw: event.Text(raw)}
}
