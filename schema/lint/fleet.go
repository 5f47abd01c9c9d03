package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Fleet is what the rules look at: the instances of a configuration, or of a
// state, with their relations. What many share they share here too, so rules
// change nothing.
type Fleet struct {
	Networks []*Network
	Deckies  []*Decky // in the order of the instances
	Rules    []*schema.Rule
	Sinks    []*Sink
}

// Network is a network with the deckies in it.
type Network struct {
	Address addr.Address
	schema.Network
	Prefix  netip.Prefix // Subnet, parsed
	Deckies []*Decky

	source string
}

// Decky is a decky with its services.
type Decky struct {
	Address     addr.Address
	Network     *Network
	Host        schema.Host
	IP          netip.Addr
	Personality string
	Archetype   string
	Services    []*Service
	// RecycleAfter is its age at which it is replaced; 0: none.
	RecycleAfter time.Duration

	source             string
	vendor, hypervisor string // of the MAC, "" where no table knows
}

// Service is a service of a decky.
type Service struct {
	Address   addr.Address
	Decky     *Decky
	Slug      string
	Ports     []schema.Port
	Arguments *Arguments // never nil

	source    string
	sensitive []string // paths of the configuration: "arguments.banner"
}

// Arguments are a service's arguments as they were given; what is left out is
// the service's default.
type Arguments struct {
	names   []string // sorted
	texts   map[string]string
	numbers map[string]int
	flags   map[string]bool
	maps    map[string]map[string]string
}

// Names lists what is given, sorted. The slice is shared.
func (a *Arguments) Names() []string { return a.names }

// Text is an argument that is a text, "" where it is none or not given.
func (a *Arguments) Text(name string) string { return a.texts[name] }

// Number is an argument that is a whole number, and whether it is given.
func (a *Arguments) Number(name string) (int, bool) {
	n, given := a.numbers[name]
	return n, given
}

// Flag is an argument that is true or false; false where it is not given.
func (a *Arguments) Flag(name string) bool { return a.flags[name] }

// Map is an argument that is a map of texts, nil where it is none. It is
// shared.
func (a *Arguments) Map(name string) map[string]string { return a.maps[name] }

// none are the arguments of a service that was given none.
var none = &Arguments{}

// at is a decky as a subject, by the argument that says it.
func (d *Decky) at(argument string) Subject {
	return Subject{Address: d.Address, Argument: argument, source: d.source, decky: d}
}

// quote is the text of an argument for a message, or a word in its place where
// it is sensitive.
func (s *Service) quote(argument, text string) string {
	if slices.Contains(s.sensitive, "arguments."+argument) {
		return "a sensitive value"
	}
	return strconv.Quote(text)
}

func (s *Service) at(argument string) Subject {
	return Subject{Address: s.Address, Argument: argument, source: s.source, withheld: len(s.sensitive) > 0, decky: s.Decky}
}

func (n *Network) at(argument string) Subject {
	return Subject{Address: n.Address, Argument: argument, source: n.source}
}

// service is the decky's first service of a slug, or nil.
func (d *Decky) service(slug string) *Service {
	for _, s := range d.Services {
		if s.Slug == slug {
			return s
		}
	}
	return nil
}

// NewFleet reads instances. Types that it does not know it leaves out.
func NewFleet(instances []schema.Instance) (*Fleet, error) {
	r := &reader{
		fleet: &Fleet{}, texts: interner{}, networks: map[string]*Network{}, packages: map[string]map[string]string{},
		ports: map[string][]schema.Port{}, arguments: map[string]*Arguments{}, deckies: make(map[addr.Address]*Decky, len(instances)/3), makers: map[string]maker{},
	}
	for i := range instances {
		if instances[i].Type == "network" {
			if err := r.network(&instances[i]); err != nil {
				return nil, err
			}
		}
	}
	for _, pass := range []string{"decky", "service", "other"} {
		for i := range instances {
			if err := r.take(pass, &instances[i]); err != nil {
				return nil, fmt.Errorf("read configuration of %s: %w", instances[i].Address, err)
			}
		}
	}
	return r.fleet, nil
}

// reader is one run of NewFleet. What is the same in many documents is decoded
// once.
type reader struct {
	fleet     *Fleet
	texts     interner
	networks  map[string]*Network // by the JSON inside deckies
	packages  map[string]map[string]string
	ports     map[string][]schema.Port
	arguments map[string]*Arguments
	deckies   map[addr.Address]*Decky
	makers    map[string]maker // by the MAC's prefix
	err       error
}

type maker struct{ vendor, hypervisor string }

func (r *reader) take(pass string, i *schema.Instance) error {
	switch {
	case pass == "decky" && i.Type == "decky":
		return r.decky(i)
	case pass == "service" && i.Type == "service":
		return r.service(i)
	case pass == "other" && i.Type == "rule":
		rule := &schema.Rule{}
		r.fleet.Rules = append(r.fleet.Rules, rule)
		return json.Unmarshal(i.Config, rule)
	case pass == "other" && i.Type == "sink":
		sink := &Sink{Address: i.Address, source: i.Source}
		r.fleet.Sinks = append(r.fleet.Sinks, sink)
		return json.Unmarshal(i.Config, &sink.Sink)
	default:
		return nil
	}
}

func (r *reader) network(i *schema.Instance) error {
	n := &Network{Address: i.Address, source: i.Source}
	if err := json.Unmarshal(i.Config, &n.Network); err != nil {
		return fmt.Errorf("read configuration of %s: %w", i.Address, err)
	}
	n.Prefix, _ = netip.ParsePrefix(n.Subnet)
	r.fleet.Networks = append(r.fleet.Networks, n)
	return nil
}

// fail keeps the first error of a walk.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) text(raw []byte) string {
	s, err := r.texts.text(raw)
	if err != nil {
		r.fail(err)
	}
	return s
}

// unique is a text that no other document has: not worth remembering.
func (r *reader) unique(raw []byte) string {
	if n := len(raw); n >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : n-1])
	}
	return r.text(raw)
}

func (r *reader) done(err error) error {
	if err == nil {
		err = r.err
	}
	r.err = nil
	return err
}

func (r *reader) decky(i *schema.Instance) error {
	d := &Decky{Address: i.Address, source: i.Source}
	d.RecycleAfter, _ = time.ParseDuration(i.Lifecycle.RecycleAfter)
	err := members(i.Config, func(key, value []byte) bool {
		switch string(key) {
		case `"network"`:
			d.Network = r.networkOf(value)
		case `"host"`:
			r.fail(r.host(value, &d.Host))
		case `"personality"`:
			d.Personality = r.text(value)
		case `"archetype"`:
			d.Archetype = r.text(value)
		}
		return true
	})
	if err = r.done(err); err != nil {
		return err
	}
	if d.Network == nil {
		return fmt.Errorf("%w: a decky without a network", errJSON)
	}
	d.IP, _ = netip.ParseAddr(d.Host.IP)
	if len(d.Host.MAC) == len("00:00:00:00:00:00") {
		prefix := d.Host.MAC[:8]
		of, known := r.makers[prefix]
		if !known {
			of = maker{vendorOf(d.Host.MAC), hypervisorOf(d.Host.MAC)}
			r.makers[prefix] = of
		}
		d.vendor, d.hypervisor = of.vendor, of.hypervisor
	}
	d.Network.Deckies = append(d.Network.Deckies, d)
	r.fleet.Deckies = append(r.fleet.Deckies, d)
	r.deckies[d.Address] = d
	return nil
}

// networkOf is the network whose JSON a decky holds: the instance where there
// is one of that name, else one that only its deckies know.
func (r *reader) networkOf(raw []byte) *Network {
	if n := r.networks[string(raw)]; n != nil {
		return n
	}
	n := &Network{}
	if err := json.Unmarshal(raw, &n.Network); err != nil {
		r.fail(err)
		return nil
	}
	for _, known := range r.fleet.Networks {
		if known.Name == n.Name {
			n = known
		}
	}
	if n.Address == "" {
		n.Prefix, _ = netip.ParsePrefix(n.Subnet)
		r.fleet.Networks = append(r.fleet.Networks, n)
	}
	r.networks[string(raw)] = n
	return n
}

func (r *reader) host(raw []byte, h *schema.Host) error {
	return members(raw, func(key, value []byte) bool {
		switch string(key) {
		case `"address"`:
			h.Address = r.unique(value)
		case `"hostname"`:
			h.Hostname = r.unique(value)
		case `"ip"`:
			h.IP = r.unique(value)
		case `"mac"`:
			h.MAC = r.unique(value)
		case `"domain"`:
			h.Domain = r.text(value)
		case `"zone"`:
			h.Zone = r.text(value)
		case `"persist"`:
			h.Persist = r.text(value)
		case `"os"`:
			h.OS = r.text(value)
		case `"distro"`:
			h.Distro = r.text(value)
		case `"title"`:
			h.Title = r.text(value)
		case `"kernel"`:
			h.Kernel = r.text(value)
		case `"build"`:
			h.Build = r.text(value)
		case `"machine"`:
			h.Machine = r.text(value)
		case `"packages"`:
			h.Packages = cached(r, r.packages, value)
		}
		return true
	})
}

// cached decodes a document, the same bytes once.
func cached[T any](r *reader, known map[string]T, raw []byte) T {
	v, ok := known[string(raw)]
	if !ok {
		if err := json.Unmarshal(raw, &v); err != nil {
			r.fail(err)
		}
		known[string(raw)] = v
	}
	return v
}

// argumentsOf decodes arguments by what they are.
func (r *reader) argumentsOf(raw []byte) *Arguments {
	if known := r.arguments[string(raw)]; known != nil {
		return known
	}
	a := &Arguments{texts: map[string]string{}}
	r.fail(members(raw, func(key, value []byte) bool {
		name := r.text(key)
		a.names = append(a.names, name)
		switch value[0] {
		case '"':
			a.texts[name] = r.unique(value)
		case '{':
			m := map[string]string{}
			r.fail(members(value, func(key, value []byte) bool {
				m[r.unique(key)] = r.unique(value)
				return true
			}))
			put(&a.maps, name, m)
		case 't', 'f':
			put(&a.flags, name, value[0] == 't')
		default:
			if n, err := strconv.Atoi(string(value)); err == nil {
				put(&a.numbers, name, n)
			}
		}
		return true
	}))
	slices.Sort(a.names)
	r.arguments[string(raw)] = a
	return a
}

func put[T any](m *map[string]T, name string, value T) {
	if *m == nil {
		*m = map[string]T{}
	}
	(*m)[name] = value
}

func (r *reader) service(i *schema.Instance) error {
	s := &Service{Address: i.Address, source: i.Source, sensitive: i.Sensitive, Arguments: none}
	err := members(i.Config, func(key, value []byte) bool {
		switch string(key) {
		case `"slug"`:
			s.Slug = r.text(value)
		case `"ports"`:
			s.Ports = cached(r, r.ports, value)
		case `"arguments"`:
			s.Arguments = r.argumentsOf(value)
		case `"host"`:
			return false // the decky's, and the last
		}
		return true
	})
	if err = r.done(err); err != nil {
		return err
	}
	if len(i.Parents) > 0 {
		s.Decky = r.deckies[i.Parents[0]]
	}
	if at := strings.LastIndex(string(i.Address), ".service."); s.Decky == nil && at > 0 {
		s.Decky = r.deckies[i.Address[:at]]
	}
	if s.Decky == nil {
		return nil // an orphan in a state: its decky is gone
	}
	s.Decky.Services = append(s.Decky.Services, s)
	return nil
}
