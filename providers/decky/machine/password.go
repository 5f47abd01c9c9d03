package machine

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/crypt"
	"github.com/decnet/decnet/providers/decky/image"
)

// Hash is what /etc/shadow holds for a password that somebody sets: in the form
// of the distribution's method. Password verifies it; a yescrypt hash is one in
// its form only, made with the host's key.
func (m *Machine) Hash(password string) string {
	m.mu.Lock()
	m.hashes++
	label := fmt.Sprint("set/", m.Now().UnixNano(), "/", m.hashes)
	m.mu.Unlock()
	sample := m.Persona.ShadowHash(label)
	f := strings.Split(sample, "$")
	if f[1] == "6" {
		return crypt.SHA512(password, f[2], 0)
	}
	return m.keyed(strings.Join(f[:4], "$"), password)
}

// keyed is a hash in yescrypt's form: 32 bytes in 43 digits.
func (m *Machine) keyed(setting, password string) string {
	const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	mac := hmac.New(sha256.New, m.Persona.Derive("shadow/yescrypt"))
	fmt.Fprintf(mac, "%d:%s%s", len(setting), setting, password)
	var b strings.Builder
	b.WriteString(setting + "$")
	var bits, n uint
	for _, c := range mac.Sum(nil) {
		bits |= uint(c) << n
		for n += 8; n >= 6; n -= 6 {
			b.WriteByte(digits[bits&63])
			bits >>= 6
		}
	}
	b.WriteByte(digits[bits&63])
	return b.String()
}

// verify tells whether a hash of /etc/shadow is of password.
func (m *Machine) verify(hash, password string) bool {
	if ok, known := crypt.Verify(hash, password); known {
		return ok
	}
	if f := strings.Split(hash, "$"); len(f) == 5 && f[1] == "y" && len(hash) < 256 {
		return subtle.ConstantTimeCompare([]byte(m.keyed(strings.Join(f[:4], "$"), password)), []byte(hash)) == 1
	}
	return hash == "" && password == ""
}

// Password tells what the accounts of the machine say of a login. decided is
// false while nobody has touched the account since the host was installed: of
// what its hash was made nobody knows, and who runs the login decides. Once it
// was changed, by passwd or in /etc/shadow itself, ok is the machine's answer; a
// locked or removed account lets nobody in.
func (m *Machine) Password(user, password string) (decided, ok bool) {
	if len(password) > crypt.MaxPassword || user == "" || len(user) > 256 {
		return false, false
	}
	now, then := m.entry("/etc/passwd", user), m.original("/etc/passwd", user)
	switch {
	case now == nil:
		return then != nil, false // removed, or never there
	case len(now) > 1 && now[1] != "x": // from before shadow, and still valid
		return true, m.verify(now[1], password)
	}
	hash, first := m.entry("/etc/shadow", user), m.original("/etc/shadow", user)
	switch {
	case hash == nil:
		return first != nil, false
	case len(hash) < 2:
		return true, false
	case len(first) > 1 && first[1] == hash[1]:
		return false, false
	}
	return true, m.verify(hash[1], password)
}

// Known tells whether there is an account of a name; decided is false where it
// is as it was installed, or never was there.
func (m *Machine) Known(user string) (decided, ok bool) {
	now, then := m.entry("/etc/passwd", user) != nil, m.original("/etc/passwd", user) != nil
	return now != then, now
}

// Secret is whether a password is the user's: as the accounts say, else as who
// runs the logins does; known is false where neither can tell.
func (m *Machine) Secret(user, password string) (ok, known bool) {
	if decided, ok := m.Password(user, password); decided {
		return ok, true
	}
	m.mu.Lock()
	policy := m.policy
	m.mu.Unlock()
	if policy == nil {
		return false, false
	}
	return policy(user, password), true
}

// SetPolicy says how to decide of passwords that the accounts cannot decide of:
// those that the host was installed with. It must not call the machine.
func (m *Machine) SetPolicy(ok func(user, password string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policy = ok
}

// entry are the fields of name's line in a file of accounts.
func (m *Machine) entry(path, name string) []string {
	data, err := m.FS.As(0, 0).ReadFile(path)
	if err != nil {
		return nil
	}
	return fieldsOf(string(data), name)
}

// original is entry as the host was installed.
func (m *Machine) original(path, name string) []string {
	e := image.Of(m.Release).Lookup(path)
	if e == nil {
		return nil
	}
	c := m.Content(e)
	if c == nil {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(c, 0, 1<<20))
	if err != nil {
		return nil
	}
	return fieldsOf(string(data), name)
}

func fieldsOf(text, name string) []string {
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); f[0] == name && len(f) > 1 {
			return f
		}
	}
	return nil
}

// Password is Machine.Password of the decky's machine as it is now, whose own
// accounts are users among others; decided is false, and cheaply so, where no
// client has changed any file.
func (s *Shared) Password(users []string, user, password string) (decided, ok bool) {
	if !s.Changed() {
		return false, false
	}
	return s.Machine(users).Password(user, password)
}

// Known is Machine.Known of the same machine.
func (s *Shared) Known(users []string, user string) (decided, ok bool) {
	if !s.Changed() {
		return false, false
	}
	return s.Machine(users).Known(user)
}
