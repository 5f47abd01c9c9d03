package plan

import (
	"bytes"

	"github.com/decnet/decnet/schema/addr"
)

// Healing are the changes that are due whatever the configuration says: what
// somebody else broke, and what the engine left unfinished, with what that drags
// along.
func (p *Plan) Healing() map[addr.Address]bool {
	byAddress := map[addr.Address]*Change{}
	for i := range p.Changes {
		byAddress[p.Changes[i].Address] = &p.Changes[i]
	}
	known := map[addr.Address]bool{}
	var heals func(c *Change) bool
	heals = func(c *Change) bool {
		if v, ok := known[c.Address]; ok {
			return v
		}
		known[c.Address] = false // of a circle, nothing heals
		v := len(c.Reasons) > 0
		for _, r := range c.Reasons {
			switch r {
			case Drifted, InterruptedCreate:
			case Tainted, Recycled:
				v = v && bytes.Equal(c.Before, c.Config)
			case DependencyReplaced:
				because := byAddress[c.Because]
				v = v && because != nil && heals(because) && bytes.Equal(c.Before, c.Config)
			default:
				v = false
			}
		}
		known[c.Address] = v
		return v
	}
	for _, c := range byAddress {
		heals(c)
	}
	return known
}
