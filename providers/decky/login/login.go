// Package login decides who gets into a decky: the accounts of the
// configuration, and for the policies that let strangers in a decision that is
// a function of the decky's key, of who asks and of what that source tried
// before, never of chance. Services of one decky share one Policy, so that what
// opens ssh opens telnet. It records nothing and speaks no protocol; delays and
// words are the service's.
package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/decnet/decnet/providers/decky"
)

// Policies of a Config.
const (
	// Users lets in the configured accounts with their passwords and nobody
	// else.
	Users = "users"
	// Weak lets in, beside them, one well-known default login, which one
	// being the decky's own.
	Weak = "weak"
	// Patient lets in, beside them, a source that has guessed long enough at
	// an account that exists: the guess that wins stays the source's only
	// one.
	Patient = "patient"
)

// Bounds of what is remembered.
const (
	maxSources = 2048
	maxTried   = 64 // distinct guesses of one source
)

// DefaultAttempts is how many distinct guesses Patient takes at least.
const DefaultAttempts = 4

// Config is what a service's arguments say of its logins.
type Config struct {
	Users    map[string]string // account -> password
	Policy   string            // empty is Users
	Attempts int               // of Patient; 0 is DefaultAttempts
}

// Validate tells what is wrong with a configuration.
func (c Config) Validate() error {
	if !slices.Contains([]string{"", Users, Weak, Patient}, c.Policy) {
		return fmt.Errorf("policy is %q, want one of users, weak, patient", c.Policy)
	}
	if c.Attempts < 0 || c.Attempts > maxTried-DefaultAttempts {
		return fmt.Errorf("attempts is not within 0 and %d", maxTried-DefaultAttempts)
	}
	for user := range c.Users {
		if user == "" || len(user) > 256 {
			return errors.New("users holds a name that is empty or longer than 256 bytes")
		}
	}
	return nil
}

// Policy answers for one decky. It is safe for concurrent use.
type Policy struct {
	config Config
	key    []byte
	weak   credential
	store  decky.Store
	log    *slog.Logger

	mu      sync.Mutex
	sources map[string]*source
	order   []string // oldest first
}

type source struct {
	Won   string              `json:"won,omitempty"` // digest of the login that was let in
	tried map[string]struct{} // digests of failed guesses
}

// Open is the policy of env's decky for config. All services of the decky that
// say the same share one.
func Open(env decky.Env, config Config) (*Policy, error) {
	if config.Policy == "" {
		config.Policy = Users
	}
	if config.Attempts == 0 {
		config.Attempts = DefaultAttempts
	}
	digest, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("open login policy: %w", err)
	}
	key := env.Derive("login/policy")
	name := fmt.Sprintf("login-%x", hmacOf(key, string(digest))[:8])
	made := func() any { return newPolicy(env, config, key) }
	if env.Shared == nil {
		return made().(*Policy), nil
	}
	return env.Shared(name, made).(*Policy), nil
}

func newPolicy(env decky.Env, config Config, key []byte) *Policy {
	p := &Policy{config: config, key: key, store: env.SharedStore, log: env.Log, sources: map[string]*source{}}
	p.weak = defaults[int(hmacOf(key, "weak")[0])%len(defaults)]
	if p.store == nil {
		return p
	}
	data, err := p.store.Load(kept)
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &p.sources)
	}
	if err != nil {
		p.sources = map[string]*source{}
		p.warn("kept logins are not readable", err)
	}
	p.order = slices.Sorted(maps.Keys(p.sources))
	return p
}

// kept is the name of the value that keeps who was let in.
const kept = "let-in"

func (p *Policy) warn(what string, err error) {
	if p.log != nil {
		p.log.Warn(what, "error", err)
	}
}

// Accounts are the names that can log in, sorted: those a machine must have.
func (p *Policy) Accounts() []string {
	names := slices.Collect(maps.Keys(p.config.Users))
	if p.config.Policy == Weak {
		names = append(names, p.weak.user)
	}
	if p.config.Policy == Patient && len(names) == 0 {
		names = append(names, "root")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Known is whether an account of that name can log in at all.
func (p *Policy) Known(user string) bool {
	_, ok := slices.BinarySearch(p.Accounts(), user)
	return ok
}

// Password decides one attempt of from. The same question gets the same answer
// until from has won another way.
func (p *Policy) Password(from netip.Addr, user, password string) bool {
	if want, ok := p.config.Users[user]; ok && equal(want, password) {
		return true
	}
	switch p.config.Policy {
	case Weak:
		return equal(user, p.weak.user) && equal(password, p.weak.password)
	case Patient:
		return password != "" && p.Known(user) && p.patient(from, user, password)
	}
	return false
}

// patient counts distinct guesses and lets one in that comes late enough.
func (p *Policy) patient(from netip.Addr, user, password string) bool {
	name := from.Unmap().WithZone("").String()
	guess := p.guess(name, user, password)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.of(name)
	if s.Won != "" {
		return equal(s.Won, guess)
	}
	if _, again := s.tried[guess]; again || len(s.tried) >= maxTried {
		return false
	}
	need := p.config.Attempts + int(hmacOf(p.key, "need", name)[0])%(p.config.Attempts/2+1)
	if len(s.tried) < need {
		s.tried[guess] = struct{}{}
		return false
	}
	s.Won, s.tried = guess, nil
	p.save()
	return true
}

// guess is the digest of one from a source.
func (p *Policy) guess(name, user, password string) string {
	return fmt.Sprintf("%x", hmacOf(p.key, name, user, password)[:12])
}

// of is what is known of a source. The caller holds the lock.
func (p *Policy) of(name string) *source {
	s, ok := p.sources[name]
	if !ok {
		if len(p.order) >= maxSources {
			delete(p.sources, p.order[0])
			p.order = p.order[1:]
		}
		s = &source{}
		p.sources[name] = s
		p.order = append(p.order, name)
	}
	if s.tried == nil {
		s.tried = map[string]struct{}{}
	}
	return s
}

// save keeps who was let in. The caller holds the lock.
func (p *Policy) save() {
	if p.store == nil {
		return
	}
	won := map[string]*source{}
	for name, s := range p.sources {
		if s.Won != "" {
			won[name] = s
		}
	}
	data, err := json.Marshal(won)
	if err == nil {
		err = p.store.Save(kept, data)
	}
	if err != nil {
		p.warn("a login is not kept", err)
	}
}

func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func hmacOf(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}
