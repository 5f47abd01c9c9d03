package login

import (
	"net/netip"

	"github.com/decnet/decnet/providers/decky/machine"
)

// Accounts are those of a machine as clients have changed them: decided is false
// of one that is as it was installed. users are the accounts that the machine
// has besides its own.
type Accounts interface {
	Password(users []string, user, password string) (decided, ok bool)
	Known(users []string, user string) (decided, ok bool)
}

// Gate decides for one machine: what a client set with passwd counts, and where
// nobody set anything the policy.
type Gate struct {
	policy   *Policy
	accounts Accounts
}

// On is the policy on a machine with accounts.
func (p *Policy) On(accounts Accounts) Gate { return Gate{p, accounts} }

// Known is whether an account of that name can log in at all.
func (g Gate) Known(user string) bool {
	if decided, ok := g.accounts.Known(g.policy.Accounts(), user); decided {
		return ok
	}
	return g.policy.Known(user)
}

// Password decides one attempt of from.
func (g Gate) Password(from netip.Addr, user, password string) bool {
	if decided, ok := g.accounts.Password(g.policy.Accounts(), user, password); decided {
		return ok
	}
	return g.policy.Password(from, user, password)
}

// Machine is the host of m with the policy's accounts; what asks for a password
// there (su, passwd) is answered as a login is.
func (p *Policy) Machine(m *machine.Shared) *machine.Machine {
	host := m.Machine(p.Accounts())
	host.SetPolicy(p.knows)
	return host
}

// knows is whether a password has opened, or would open, a user's login to
// anybody.
func (p *Policy) knows(user, password string) bool {
	if want, ok := p.config.Users[user]; ok && equal(want, password) {
		return true
	}
	switch p.config.Policy {
	case Weak:
		return equal(user, p.weak.user) && equal(password, p.weak.password)
	case Patient:
		p.mu.Lock()
		defer p.mu.Unlock()
		for name, s := range p.sources {
			if s.Won != "" && equal(s.Won, p.guess(name, user, password)) {
				return true
			}
		}
	}
	return false
}
