package probe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// TCP connects, says what it is given and listens.
type TCP struct {
	Address string // IP and port
	Send    string
	Timeout time.Duration
}

// TCPResult is what a TCP probe saw.
type TCPResult struct {
	Outcome
	Open bool // a connection came to be
	// Banner is what the server said, up to its first pause after the first
	// bytes; empty where it waits for the client.
	Banner string
}

// pause after the first bytes ends a banner.
const pause = 150 * time.Millisecond

// Run probes.
func (p TCP) Run(ctx context.Context, dial Dial) TCPResult {
	began := time.Now()
	conn, local, err := connect(ctx, dial, p.Address, p.Timeout)
	if err != nil {
		return TCPResult{Outcome: Outcome{Error: reason(err, p.Timeout), Took: time.Since(began)}}
	}
	r := TCPResult{Open: true, Outcome: Outcome{Local: local}}
	if p.Send != "" {
		_, err = io.WriteString(conn, p.Send)
	}
	if err == nil {
		r.Banner, err = banner(conn, began.Add(p.Timeout))
	}
	r.Error = reason(errors.Join(err, conn.Close()), p.Timeout)
	r.Took = time.Since(began)
	return r
}

// banner reads what comes before deadline; a server that stays silent is no
// error.
func banner(conn net.Conn, deadline time.Time) (string, error) {
	var got bytes.Buffer
	buffer := make([]byte, 4<<10)
	for got.Len() < maxAnswer {
		until := deadline
		if got.Len() > 0 && time.Now().Add(pause).Before(deadline) {
			until = time.Now().Add(pause)
		}
		if err := conn.SetReadDeadline(until); err != nil {
			return got.String(), err
		}
		n, err := conn.Read(buffer)
		got.Write(buffer[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
			return got.String(), nil
		case err != nil:
			return got.String(), err
		}
	}
	return got.String(), nil
}
