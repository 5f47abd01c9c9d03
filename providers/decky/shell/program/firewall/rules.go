package firewall

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// rulesFile keeps the rules of a host, in the lock that iptables leaves behind
// and that only root can read.
const rulesFile = "/run/xtables.lock"

// Bounds of a rule set.
const (
	maxRules = 500
	maxRule  = 1024 // bytes
)

// filter are the rules of iptables: tables, their chains, what stands in them.
type filter struct {
	Policy map[string]string   // "filter INPUT"
	Rules  map[string][]string // as -S shows them, without "-A CHAIN "
	Own    []string            // chains that were made, "filter NAME"
}

// builtin are the chains of a table.
var builtin = map[string][]string{
	"filter": {"INPUT", "FORWARD", "OUTPUT"}, "nat": {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
	"mangle": {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}, "raw": {"PREROUTING", "OUTPUT"}, "security": {"INPUT", "FORWARD", "OUTPUT"},
}

func stored(c *program.Call) filter {
	f := filter{Policy: map[string]string{}, Rules: map[string][]string{}}
	if data, err := c.Machine.FS.As(0, 0).ReadFile(rulesFile + suffix(c)); err == nil {
		if json.Unmarshal(data, &f) != nil || f.Policy == nil || f.Rules == nil {
			f = filter{Policy: map[string]string{}, Rules: map[string][]string{}}
		}
	}
	return f
}

// suffix tells the families and builds apart, which keep rules of their own.
func suffix(c *program.Call) string {
	end := ""
	if strings.HasPrefix(c.Name, "ip6") {
		end = ".6"
	}
	if legacy(c) {
		end += ".legacy"
	}
	return end
}

// legacy tells the build that speaks to the kernel's old tables.
func legacy(c *program.Call) bool { return strings.Contains(c.Name, "-legacy") }

// title is how a program names itself in front of what is wrong.
func title(c *program.Call) string {
	name := strings.NewReplacer("-nft", "", "-legacy", "").Replace(c.Name)
	if legacy(c) {
		return name + " v1.8.9 (legacy): "
	}
	return name + " v1.8.9 (nf_tables): "
}

// denied tells a user who may not do this.
func denied(c *program.Call) bool {
	switch {
	case c.User.UID == 0:
		return false
	case legacy(c):
		c.Err.Print("Fatal: can't open lock file /run/xtables.lock: Permission denied\n")
	default:
		c.Err.Print(title(c) + "Could not fetch rule set generation id: Permission denied (you must be root)\n")
	}
	return true
}

func (f filter) store(c *program.Call) {
	if data, err := json.Marshal(f); err == nil {
		// What does not fit is not kept: the disk is full.
		_ = c.Machine.FS.As(0, 0).WriteFile(rulesFile+suffix(c), data, 0o600)
	}
}

func (f filter) chains(table string) []string {
	out := slices.Clone(builtin[table])
	for _, o := range f.Own {
		if name, ok := strings.CutPrefix(o, table+" "); ok {
			out = append(out, name)
		}
	}
	return out
}
