package ssh

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/auth"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/schema/event"
)

// maxSecret is how much of a password is recorded, maxChecked how much sshd
// looks at.
const (
	maxSecret  = 4096
	maxChecked = 1024
)

// identified keeps a client's first line.
func (c *client) identified(line []byte, accepted bool) error {
	if !accepted {
		return c.record(&event.Scan{Technique: "foreign-protocol", Data: event.Text(line)})
	}
	return c.record(&event.Fingerprint{Method: "banner", Value: strings.ToValidUTF8(string(line), "?"), Raw: event.Text(line)})
}

// offered keeps the HASSH of a client.
func (c *client) offered(t transport.Client) error {
	sum, lists := t.HASSH()
	c.hassh = sum
	return c.record(&event.Fingerprint{Method: "hassh", Value: sum, Raw: event.Text(lists)})
}

func (c *client) attempt(method, user, secret, kind string, success bool) error {
	return c.record(&event.AuthAttempt{
		Method: method, Username: event.Text(user).Clip(1024), Secret: event.Text(secret).Clip(maxSecret), SecretKind: kind, Success: success,
		Client: event.Text(c.transport.Client().Identification), HASSH: c.hassh,
	})
}

// Known implements auth.Policy.
func (c *client) Known(user string) bool { return c.gate.Known(user) }

// Left implements auth.Policy.
func (c *client) Left(user, method string) error { return c.attempt(method, user, "", "", false) }

// Password implements auth.Policy.
func (c *client) Password(ctx context.Context, who auth.Claim, password string) (bool, error) {
	checked := password != "" && len(password) <= maxChecked
	ok := checked && who.Valid && c.gate.Password(c.source.Addr(), who.User, password)
	if err := c.attempt(who.Method, who.User, password, "plaintext", ok); err != nil {
		return false, err
	}
	if checked { // sshd refuses the others at once
		c.h.check(ctx, ok)
	}
	return ok, nil
}

// Key implements auth.Policy.
func (c *client) Key(_ context.Context, who auth.Claim, key auth.Key, proof auth.Proof) (bool, error) {
	if key.Fingerprint == "" {
		sum := sha256.Sum256([]byte(key.Wire))
		key.Fingerprint = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	}
	ok := who.Valid && (c.h.allowed[key.Wire] || c.authorized(who.User, key.Wire))
	if ok && proof == auth.Asked {
		return true, nil // the signature follows
	}
	ok = ok && proof == auth.Proved
	return ok, c.attempt("publickey", who.User, key.Fingerprint, "publickey", ok)
}

// check is what a password check costs: a hash, and PAM's penalty for a wrong
// one, which varies by a quarter.
func (h *handler) check(ctx context.Context, ok bool) {
	if !ok && h.config.FailureDelay > 0 {
		sleep(ctx, time.Duration(h.config.FailureDelay)*time.Millisecond)
		return
	}
	d := h.persona.PasswordCheck("ssh").Draw(rand.Float64())
	if !ok && h.build.Auth.PAM {
		bell := (rand.Float64() + rand.Float64() + rand.Float64()) / 3 // as libpam spreads it
		d += time.Duration((1.5 + bell) * float64(time.Second))
	} else if !ok && !h.build.Auth.Scaled {
		low, high := h.build.Auth.FailureDelay[0], h.build.Auth.FailureDelay[1]
		d += low + time.Duration(rand.Float64()*float64(high-low))
	}
	sleep(ctx, d)
}

// leastDelay is sshd's: 5 ms and up to 4.2 more by the user's name.
func (h *handler) leastDelay(user string) time.Duration {
	n := binary.BigEndian.Uint32(h.env.Derive("ssh/delay/" + user))
	return 5*time.Millisecond + time.Duration(float64(n)/1e12*float64(time.Second))
}

// explainKey sends what sshd tells a client that logged in with a key, once for
// the question and once for the signature.
func (c *client) explainKey(who *auth.Login) error {
	if !strings.HasPrefix(who.Method, "publickey") || c.h.manner.oldTexts || !strings.HasPrefix(c.h.build.Identification, "SSH-2.0-OpenSSH") || c.transport.Quirk(transport.QuirkDebug) {
		return nil
	}
	text := fmt.Sprintf("%s/.ssh/authorized_keys:1: key options: agent-forwarding port-forwarding pty user-rc x11-forwarding", c.account(who.User).Home)
	for range 1 + min(who.Queries, 1) {
		p := wire.AppendString(wire.AppendBool([]byte{wire.Debug}, false), text)
		if err := c.transport.WritePacket(wire.AppendString(p, "")); err != nil {
			return err
		}
	}
	return nil
}

// addrPort is an end of the connection.
func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
