// Package client plays probes: it opens the connection, does what the steps say
// and writes down what it hears. It judges nothing, and it connects only to the
// address it is given.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"syscall"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	patience     = 700 * time.Millisecond // for the end
	readTimeout  = 5 * time.Second
	quiet        = 250 * time.Millisecond
	maxHeard     = 8 << 20 // of one probe
)

// Client plays probes against one address.
type Client struct {
	Address string // IP and port
	// Values stand for ${name} in sends: the account's name and password.
	Values map[string]string
}

// Play runs p once. The transcript's End is Failed where the lab, not the
// server, is to blame.
func (c *Client) Play(ctx context.Context, p probe.Probe) *transcript.Transcript {
	host, _, _ := net.SplitHostPort(c.Address)
	s := &session{client: c, values: maps.Clone(c.Values), log: &transcript.Transcript{Address: host}}
	if s.values == nil {
		s.values = map[string]string{}
	}
	defer s.close()
	if s.connect(ctx) && s.play(ctx, p.Steps) {
		s.finish(p.Patience.Or(patience))
	}
	return s.log
}

// session is one run of a probe.
type session struct {
	client *Client
	values map[string]string
	log    *transcript.Transcript
	conn   net.Conn
	tcp    *net.TCPConn
	tickets
	sshSession
	heard []byte
	total int       // bytes of packets
	act   time.Time // end of the last act
	ended bool      // the connection has ended, or the probe has
}

func (s *session) connect(ctx context.Context) bool {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.client.Address)
	s.act = time.Now()
	if err != nil {
		s.end(err)
		return false
	}
	s.tcp = conn.(*net.TCPConn)
	s.conn = conn
	return true
}

func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close() // the server may have closed it
	}
}

// play does steps and tells whether the connection is still there.
func (s *session) play(ctx context.Context, steps []probe.Step) bool {
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			s.end(err)
			return false
		}
		s.step(ctx, step)
		if s.ended {
			return false
		}
		if s.gone {
			break
		}
	}
	return true
}

func (s *session) step(ctx context.Context, step probe.Step) {
	switch {
	case step.Send != nil:
		s.send(step.Send.Expand(s.values), step.Pace)
	case step.Wait != nil:
		pause(ctx, step.Wait.Or(0))
	case step.Read != nil:
		s.read(*step.Read)
	case step.HalfClose:
		s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: []byte("FIN")})
		if err := s.tcp.CloseWrite(); err != nil {
			s.end(err)
		}
		s.act = time.Now()
	case step.TLS != nil:
		s.handshake(ctx, *step.TLS)
	case step.Capture != nil:
		re := regexp.MustCompile(step.Capture.Pattern) // checked when it was read
		if m := re.FindSubmatch(s.heard); m != nil {
			s.values[step.Capture.Name] = string(m[1])
		}
	case step.Reconnect:
		s.close()
		s.sshSession = sshSession{}
		s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: []byte("a new connection")})
		s.connect(ctx)
	case step.Parallel != nil:
		s.parallel(ctx, *step.Parallel)
	case step.SSH != nil:
		s.ssh(*step.SSH)
	}
}

func (s *session) send(data []byte, pace *probe.Pace) {
	s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: data})
	size := len(data)
	if pace != nil {
		size = pace.Bytes
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	for first := true; len(data) > 0; first = false {
		if !first {
			time.Sleep(pace.Every.Or(0))
			_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		}
		n := min(size, len(data))
		// Where the server is gone its last words may still be there to be read:
		// the next read tells the end.
		if _, err := s.conn.Write(data[:n]); err != nil {
			break
		}
		data = data[n:]
	}
	s.act = time.Now()
}

// read reads as r says; the end of the connection ends the probe.
func (s *session) read(r probe.Read) {
	deadline := time.Now().Add(r.Timeout.Or(readTimeout))
	silence, until := r.Quiet.Or(quiet), probe.Latin1(r.Until)
	from := len(s.heard)
	for {
		got := s.heard[from:]
		switch {
		case len(until) > 0 && contains(got, until), r.Bytes > 0 && len(got) >= r.Bytes:
			return
		}
		wait := deadline
		if soon := time.Now().Add(silence); len(until) == 0 && r.Bytes == 0 && len(got) > 0 && soon.Before(wait) {
			wait = soon
		}
		if err := s.receive(wait); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				s.end(err)
			}
			return
		}
	}
}

// finish reads until the connection ends or patience does.
func (s *session) finish(patience time.Duration) {
	deadline := time.Now().Add(patience)
	for {
		if err := s.nextPacket(deadline); err != nil && !errors.Is(err, errCut) {
			s.end(err)
			return
		}
	}
}

// receive reads once and writes down what came.
func (s *session) receive(deadline time.Time) error {
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	n, err := s.conn.Read(buffer)
	if n > 0 {
		s.log.Add(transcript.Entry{Kind: transcript.Bytes, Data: buffer[:n], After: time.Since(s.act)})
		s.heard = append(s.heard, buffer[:n]...)
		if len(s.heard) > maxHeard {
			return fmt.Errorf("the server said more than %d bytes", maxHeard)
		}
	}
	return err
}

// end writes down how the connection ended.
func (s *session) end(err error) {
	if s.ended {
		return
	}
	s.ended = true
	s.log.EndAfter = time.Since(s.act)
	s.log.End, s.log.Err = ending(err)
	if alert := new(net.OpError); errors.As(err, &alert) && alert.Op == "remote error" {
		s.log.Add(transcript.Entry{Kind: transcript.Fact, Data: []byte("alert " + alert.Err.Error()), After: s.log.EndAfter})
		s.log.End, s.log.Err = transcript.FIN, ""
	}
}

func ending(err error) (transcript.End, string) {
	switch {
	case errors.Is(err, io.EOF):
		return transcript.FIN, ""
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return transcript.RST, ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return transcript.Refused, ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		return transcript.Open, ""
	}
	return transcript.Failed, err.Error()
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
