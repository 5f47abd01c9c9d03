package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// lower turns what was resolved into instances, sorted by address.
func (e *evaluator) lower() []Instance {
	total := len(e.others) + len(e.networks)
	for _, d := range e.all {
		total += 1 + len(d.services)
	}
	l := &lowering{evaluator: e, out: make([]Instance, 0, total), tails: map[hostTail][]byte{}, after: map[dependency][]addr.Address{}}
	e.checkContainers()
	slices.SortFunc(e.all, func(a, b *decky) int { return addr.Compare(a.address, b.address) })
	for _, d := range e.all {
		l.decky(d)
	}
	for _, address := range e.sortedNetworks() {
		n := e.networks[address]
		runtime := n.runtime
		if runtime == "" {
			runtime = e.options.DefaultRuntime
		}
		l.out = append(l.out, Instance{
			Address: n.address, Type: "network", Runtime: runtime, Config: n.encoded, Digest: digest(n.encoded), Source: n.block.declared.String(),
			After: l.dependencies(n.frame, n.block.arguments["depends_on"]),
		})
	}
	for _, i := range e.others {
		i.After = l.dependencies(i.frame, i.block.arguments["depends_on"])
		l.out = append(l.out, i.Instance)
	}
	l.lifecycles()
	slices.SortFunc(l.out, func(a, b Instance) int { return addr.Compare(a.Address, b.Address) })
	return l.out
}

// lowering writes the JSON of deckies and services by hand: the same bytes as
// json.Marshal of Decky and Service, with what many share encoded once.
type lowering struct {
	*evaluator
	out   []Instance
	tails map[hostTail][]byte
	after map[dependency][]addr.Address
}

// hostTail is what decides the shared part of Host.
type hostTail struct {
	distro *distro
	os     string
}

func digest(config []byte) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:])
}

func (l *lowering) decky(d *decky) {
	host := l.host(d)
	source := d.of.block.declared.String()
	config := make([]byte, 0, len(host)+len(d.network.encoded)+160)
	config = append(config, `{"name":`...)
	config = appendText(config, d.name)
	config = append(config, `,"network":`...)
	config = append(config, d.network.encoded...)
	config = append(config, `,"host":`...)
	config = append(config, host...)
	config = append(config, `,"personality":`...)
	config = appendText(config, d.os)
	if d.archetype != nil {
		config = append(config, `,"archetype":`...)
		config = appendText(config, d.archetype.block.name)
	}
	config = append(config, '}')
	l.out = append(l.out, Instance{
		Address: d.address, Type: "decky", Runtime: d.runtime, Config: config, Digest: digest(config),
		Parents: []addr.Address{d.network.address}, After: l.dependencies(d.of.frame, d.of.block.arguments["depends_on"]), Source: source,
	})
	parents := []addr.Address{d.address}
	for _, s := range d.services {
		at := s.draft.at.String()
		if s.draft.builtin {
			at = source
		}
		config := make([]byte, 0, len(host)+len(s.arguments)+len(d.name)+160)
		config = append(config, `{"name":`...)
		config = appendText(config, s.name)
		config = append(config, `,"slug":`...)
		config = appendText(config, s.draft.slug)
		config = append(config, `,"decky":`...)
		config = appendText(config, d.name)
		config = append(config, `,"ports":`...)
		config = append(config, s.portsJSON...)
		if s.arguments != nil {
			config = append(config, `,"arguments":`...)
			config = append(config, s.arguments...)
		}
		config = append(config, `,"host":`...)
		config = append(config, host...)
		config = append(config, '}')
		l.out = append(l.out, Instance{
			Address: serviceAddress(d.address, s), Type: "service", Runtime: d.runtime, Config: config, Digest: digest(config),
			Parents: parents, After: l.serviceDependencies(d.of.frame, s.draft.after), Source: at, Sensitive: s.sensitive,
		})
	}
}

func serviceAddress(decky addr.Address, s *service) addr.Address {
	address := decky + ".service." + addr.Address(s.draft.slug)
	if s.draft.label != "" {
		address += addr.Address(addr.NameKey(s.draft.label).String())
	}
	return address
}

// host is the JSON of a decky's Host.
func (l *lowering) host(d *decky) []byte {
	key := hostTail{d.distro, d.os}
	tail := l.tails[key]
	if tail == nil {
		tail = d.distro.shared(d.os)
		l.tails[key] = tail
	}
	out := make([]byte, 0, len(tail)+160)
	out = append(out, `{"address":`...)
	out = appendText(out, string(d.address))
	out = append(out, `,"hostname":`...)
	out = appendText(out, d.hostname)
	if d.domain != "" {
		out = append(out, `,"domain":`...)
		out = appendText(out, d.domain)
	}
	out = append(out, `,"ip":`...)
	out = appendText(out, d.ip.String())
	out = append(out, `,"mac":`...)
	out = appendText(out, d.mac)
	for _, given := range [][2]string{{`,"zone":`, d.zone}, {`,"persist":`, d.persist}} {
		if given[1] != "" {
			out = appendText(append(out, given[0]...), given[1])
		}
	}
	out = append(out, ',')
	return append(out, tail...)
}

// appendText appends s as JSON, as json.Marshal writes it.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			encoded, _ := json.Marshal(s) // a string always encodes
			return append(out, encoded...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// lifecycles gives instances what their lifecycle says; one waits for what
// replaces it.
func (l *lowering) lifecycles() {
	if len(l.lifecycle) == 0 {
		return
	}
	for n := range l.out {
		i := &l.out[n]
		lifecycle, given := l.lifecycle[i.Address]
		if !given {
			continue
		}
		i.Lifecycle = lifecycle
		if len(lifecycle.ReplaceTriggeredBy) > 0 {
			after := slices.Concat(i.After, lifecycle.ReplaceTriggeredBy)
			slices.SortFunc(after, addr.Compare)
			i.After = slices.Compact(after)
		}
	}
}

// checkContainers looks for a decky whose name is that of another's service
// container: decky "web-ssh" beside the service ssh of decky "web".
func (e *evaluator) checkContainers() {
	byName := make(map[string]*decky, len(e.all))
	for _, d := range e.all {
		byName[d.name] = d
	}
	for _, d := range e.all {
		for at := strings.LastIndexByte(d.name, '-'); at > 0; at = strings.LastIndexByte(d.name[:at], '-') {
			host := byName[d.name[:at]]
			if host == nil {
				continue
			}
			for _, s := range host.services {
				if strings.ReplaceAll(s.name, ".", "-") == d.name[at+1:] {
					e.add(diag.Error(d.of.block.declared, fmt.Sprintf("%s and the service %s of %s would have one name", d.address, s.name, host.address),
						"Both would be called %s; rename one of the blocks.", d.name))
				}
			}
		}
	}
}
