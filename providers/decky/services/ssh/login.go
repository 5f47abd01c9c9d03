package ssh

import (
	"crypto/subtle"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// maxSecret is how much of a password is recorded.
const maxSecret = 4096

// login is the policy of one connection: an account logs in with its password
// or with an authorized key, and nobody else ever does.
type login struct {
	h      *handler
	conn   decky.Conn
	client string
}

func (l *login) record(method, user, secret, kind string, success bool) error {
	return l.conn.Record(&event.AuthAttempt{
		Method: method, Username: event.Text(user).Clip(1024), Secret: event.Text(secret).Clip(maxSecret), SecretKind: kind, Success: success, Client: event.Text(l.client),
	})
}

// password implements policy.
func (l *login) password(user, password string) (bool, error) {
	want, known := l.h.config.Users[user]
	ok := known && password != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	if err := l.record("password", user, password, "plaintext", ok); err != nil {
		return false, err
	}
	l.h.delay(ok)
	return ok, nil
}

// offered implements policy.
func (l *login) offered(user string, key offeredKey) (bool, error) {
	_, known := l.h.config.Users[user]
	if known && l.h.allowed[key.wire] {
		return true, nil
	}
	return false, l.record("publickey", user, key.fingerprint, "publickey", false)
}

// proved implements policy.
func (l *login) proved(user string, key offeredKey) error {
	return l.record("publickey", user, key.fingerprint, "publickey", true)
}

// delay is what a password check costs: a hash, and PAM's penalty for a wrong
// one. Both are the host's own and vary a little.
func (h *handler) delay(ok bool) {
	base := time.Duration(h.persona.Number("ssh/check", 55, 140)) * time.Millisecond
	if !ok {
		base += time.Duration(h.persona.Number("ssh/penalty", 1700, 2300)) * time.Millisecond
		if h.config.FailureDelay > 0 {
			base = time.Duration(h.config.FailureDelay) * time.Millisecond
		}
	}
	time.Sleep(base + time.Duration(rand.Int64N(int64(base)/4+1)))
}

// lastLogin is what sshd shows at the next one.
type lastLogin struct {
	At   time.Time  `json:"at"`
	From netip.Addr `json:"from"`
}

// loadLast reads the kept logins. The caller holds the lock.
func (h *handler) loadLast() {
	h.last = map[string]lastLogin{}
	data, err := h.env.Store.Load("logins")
	if err != nil || len(data) == 0 {
		return
	}
	if err := json.Unmarshal(data, &h.last); err != nil {
		h.env.Log.Warn("kept logins are not readable", "error", err)
	}
}

// noteLogin keeps a login and returns the one before, which before the first
// is an administrator's from the same network.
func (h *handler) noteLogin(user string, from netip.Addr) lastLogin {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, ok := h.last[user]
	if !ok {
		before = lastLogin{At: h.env.Now().Add(-time.Duration(h.persona.Number("ssh/last/"+user, 9*3600, 12*24*3600)) * time.Second), From: neighbour(h.env.Host.IP, h.persona.Number("ssh/admin", 10, 99))}
	}
	h.last[user] = lastLogin{At: h.env.Now(), From: from}
	if data, err := json.Marshal(h.last); err == nil {
		if err := h.env.Store.Save("logins", data); err != nil {
			h.env.Log.Warn("login is not kept", "error", err)
		}
	}
	return before
}

func neighbour(ip string, host int64) netip.Addr {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is4() || a.IsLoopback() {
		return netip.AddrFrom4([4]byte{192, 168, 1, byte(host)})
	}
	b := a.As4()
	b[3] = byte(host)
	return netip.AddrFrom4(b)
}

// greeting is what a login on a terminal sees first.
func (h *handler) greeting(user string, from netip.Addr) string {
	before := h.noteLogin(user, from)
	text := h.host().Greeting()
	text += "Last login: " + before.At.UTC().Format("Mon Jan _2 15:04:05 2006") + " from " + before.From.String() + "\n"
	return strings.ReplaceAll(text, "\n", "\r\n")
}
