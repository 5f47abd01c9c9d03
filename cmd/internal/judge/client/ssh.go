package client

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
	"github.com/decnet/decnet/cmd/internal/judge/wire"
)

const msgDisconnect = 1

// errCut says that an answer is no SSH any more: what comes is written down as
// bytes from there on.
var errCut = errors.New("no packets any more")

// sshSession is the SSH half of a probe's run.
type sshSession struct {
	conn *wire.Conn // nil: bytes are bytes
	// aside writes down what is heard as not to be compared.
	aside bool
	last  byte // number of the last packet heard
	gone  bool // the server has said DISCONNECT: a client says nothing more
}

// ssh does an act on SSH's level.
func (s *session) ssh(step probe.SSH) {
	var frame wire.Frame
	if step.Frame != nil {
		frame = *step.Frame
	}
	s.aside = step.Quiet
	defer func() { s.aside = false }()
	for range max(1, step.Times) {
		if s.ended {
			return
		}
		s.sshAct(step, frame)
	}
	if step.Read > 0 {
		s.packets(probe.Expect{Count: step.Read})
	}
}

func (s *session) sshAct(step probe.SSH, frame wire.Frame) {
	switch {
	case step.Hello != nil:
		s.hello(step.Hello.Expand(s.values))
	case step.Handshake != nil:
		s.handshakeSSH(*step.Handshake)
	case step.Login != nil:
		s.login(*step.Login)
	case step.Expect != nil:
		s.packets(*step.Expect)
	case s.sshSession.conn == nil:
		s.fact("no-ssh") // the server's identification did not come
	case step.Kexinit != nil:
		s.packet(kexinit(*step.Kexinit, s.values), frame)
	case step.ECDH:
		payload, err := s.sshSession.conn.ECDHInit()
		if err != nil {
			s.end(err)
			return
		}
		s.packet(payload, frame)
	case step.Newkeys:
		s.packet([]byte{21}, frame)
		s.sshSession.conn.Switch()
	case step.Packet != nil:
		s.packet(step.Packet.Expand(s.values), frame)
	case step.Auth != nil:
		payload, err := s.sshSession.conn.Request(s.attempt(*step.Auth))
		if err != nil {
			s.end(err)
			return
		}
		s.packet(payload, frame)
	}
}

func (s *session) fact(text string) {
	s.log.Add(transcript.Entry{Kind: transcript.Fact, Data: []byte(text), After: time.Since(s.act)})
}

// packet sends a message.
func (s *session) packet(payload []byte, frame wire.Frame) {
	note := fmt.Sprintf("%s %x", wire.Name(payload[0]), payload[1:min(len(payload), 200)])
	if frame != (wire.Frame{}) {
		note += " framed wrong"
	}
	s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: []byte(note)})
	s.write(s.sshSession.conn.Pack(payload, frame))
}

// write writes without a word in the transcript.
func (s *session) write(data []byte) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = s.conn.Write(data) // the next read tells the end
	s.act = time.Now()
}

// hello exchanges identifications. Lines before the server's and an answer that
// is none are bytes.
func (s *session) hello(line []byte) {
	if len(line) == 0 {
		line = []byte("SSH-2.0-judge\r\n")
	}
	s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: line})
	s.write(line)
	deadline := time.Now().Add(readTimeout)
	from := len(s.heard)
	for {
		data := s.heard[from:]
		if end := bytes.IndexByte(data, '\n'); end >= 0 {
			if !bytes.HasPrefix(data, []byte("SSH-")) {
				return
			}
			s.sshSession.conn = &wire.Conn{}
			s.sshSession.conn.Identify(bytes.TrimRight(line, "\r\n"), bytes.TrimRight(bytes.Clone(data[:end]), "\r"))
			s.identified(data[:end+1], data[end+1:])
			return
		}
		if err := s.receive(deadline); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				s.end(err)
			}
			return
		}
	}
}

// identified turns the bytes that were written down behind the identification
// into packets.
func (s *session) identified(line, rest []byte) {
	last := &s.log.Entries[len(s.log.Entries)-1]
	last.Data = bytes.Clone(line)
	if s.aside {
		last.Kind = transcript.Aside
	}
	s.sshSession.conn.Feed(rest)
}

// packets reads as e says.
func (s *session) packets(e probe.Expect) {
	deadline := time.Now().Add(e.Timeout.Or(readTimeout))
	want := e.Count
	if want == 0 {
		want = 1
	}
	for n := 0; n < want || len(e.Until) > 0; n++ {
		if err := s.nextPacket(deadline); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errCut) {
				s.end(err)
			}
			return
		}
		if len(e.Until) > 0 && slices.Contains(e.Until, wire.Name(s.last)) {
			return
		}
	}
}

// nextPacket reads one packet and writes it down. errCut says that there are no
// packets any more.
func (s *session) nextPacket(deadline time.Time) error {
	if s.sshSession.conn == nil {
		return s.receive(deadline)
	}
	for {
		p, err := s.sshSession.conn.Next()
		switch {
		case errors.Is(err, wire.ErrFrame), errors.Is(err, wire.ErrMAC):
			s.fact(strings.ReplaceAll(err.Error(), " ", "-"))
			s.log.Add(transcript.Entry{Kind: transcript.Bytes, Data: s.sshSession.conn.Rest(), After: time.Since(s.act)})
			s.sshSession.conn = nil
			return errCut
		case p != nil:
			kind := transcript.Packet
			if s.aside {
				kind = transcript.Aside
			}
			s.last = p.Payload[0]
			s.gone = s.gone || s.last == msgDisconnect
			s.log.Add(transcript.Entry{Kind: kind, Data: []byte(s.sshSession.conn.Line(p)), After: time.Since(s.act)})
			if err != nil {
				s.fact("wrong-exchange " + err.Error())
			}
			return nil
		}
		if err := s.conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		buffer := make([]byte, 64<<10)
		n, err := s.conn.Read(buffer)
		if s.total += n; s.total > maxHeard {
			return fmt.Errorf("the server said more than %d bytes", maxHeard)
		}
		s.sshSession.conn.Feed(buffer[:n])
		if n == 0 && err != nil {
			return err
		}
	}
}

// handshakeSSH does a whole key exchange, with what the server says at once
// after it.
func (s *session) handshakeSSH(k probe.Kexinit) {
	was := s.aside
	s.aside = true
	defer func() { s.aside = was }()
	s.hello(nil)
	if s.sshSession.conn == nil || s.ended {
		s.fact("handshake-failed")
		return
	}
	s.packet(kexinit(k, s.values), wire.Frame{})
	s.packets(probe.Expect{Until: []string{"KEXINIT"}})
	payload, err := s.sshSession.conn.ECDHInit()
	if err != nil {
		s.end(err)
		return
	}
	s.packet(payload, wire.Frame{})
	s.packets(probe.Expect{Until: []string{"NEWKEYS", "DISCONNECT"}})
	if s.ended || s.sshSession.conn == nil || !s.sshSession.conn.Ready() {
		s.fact("handshake-failed")
		return
	}
	s.packet([]byte{21}, wire.Frame{})
	s.sshSession.conn.Switch()
	if slices.Contains(k.With, "ext-info-c") {
		s.packets(probe.Expect{Until: []string{"EXT_INFO"}, Timeout: probe.Duration(2 * time.Second)})
	}
}

// login does a handshake and logs in.
func (s *session) login(a probe.Auth) {
	s.handshakeSSH(probe.Kexinit{Compression: a.Compression})
	if s.ended || s.sshSession.conn == nil {
		return
	}
	was := s.aside
	s.aside = true
	defer func() { s.aside = was }()
	s.packet(append([]byte{5}, wire.Text([]byte("ssh-userauth"))...), wire.Frame{})
	s.packets(probe.Expect{Until: []string{"SERVICE_ACCEPT"}})
	if a.Method == "" {
		a.Method, a.Password = "password", "${password}"
	}
	payload, err := s.sshSession.conn.Request(s.attempt(a))
	if err != nil {
		s.end(err)
		return
	}
	s.packet(payload, wire.Frame{})
	s.packets(probe.Expect{Until: []string{"USERAUTH_SUCCESS", "USERAUTH_FAILURE"}, Timeout: probe.Duration(15 * time.Second)})
	if s.last != 52 {
		s.fact("login-failed")
		return
	}
	// OpenSSH tells its host keys at once; a plain server does not.
	s.packets(probe.Expect{Until: []string{"GLOBAL_REQUEST"}, Timeout: probe.Duration(time.Second)})
}

func (s *session) attempt(a probe.Auth) wire.Login {
	l := wire.Login{
		User: probe.Expand(a.User, s.values), Service: a.Service, Method: a.Method, Password: probe.Expand(a.Password, s.values),
		Change: a.Change, Key: a.Key, Algorithm: a.Algorithm, Sign: a.Sign,
	}
	if a.User == "" {
		l.User = s.values["account"]
	}
	if l.Service == "" {
		l.Service = "ssh-connection"
	}
	if l.Method == "" {
		l.Method = "password"
	}
	if a.Blob != nil {
		l.Blob = a.Blob.Expand(s.values)
	}
	return l
}

// kexinit is the payload of a KEXINIT.
func kexinit(k probe.Kexinit, values map[string]string) []byte {
	or := func(list []string, other ...string) []string {
		if list == nil {
			return other
		}
		return list
	}
	kex := append(slices.Clone(or(k.Kex, "curve25519-sha256")), k.With...)
	ciphers, macs, compression := or(k.Ciphers, "aes128-ctr"), or(k.MACs, "hmac-sha2-256"), or(k.Compression, "none")
	payload := append([]byte{20}, bytes.Repeat([]byte{0x5a}, 16)...)
	for _, list := range [][]string{kex, or(k.HostKeys, "ssh-ed25519"), ciphers, or(k.CiphersOut, ciphers...), macs, macs, compression, compression, k.Languages, k.Languages} {
		payload = append(payload, wire.Text([]byte(strings.Join(list, ",")))...)
	}
	follows := byte(0)
	if k.Follows {
		follows = 1
	}
	payload = append(payload, follows, byte(k.Reserved>>24), byte(k.Reserved>>16), byte(k.Reserved>>8), byte(k.Reserved))
	if k.Tail != nil {
		payload = append(payload, k.Tail.Expand(values)...)
	}
	return payload[:max(1, len(payload)-k.Cut)]
}
