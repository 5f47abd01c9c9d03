package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/personality"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// deckyState is what is known of a live decky.
type deckyState struct {
	Lineage   string       `json:"lineage"`
	Name      string       `json:"name"`
	Config    schema.Decky `json:"config"` // that made it
	Namespace string       `json:"namespace"`
	// Inode identifies the namespace; 0 where it is gone.
	Inode   uint64            `json:"inode"`
	Link    linkState         `json:"link"`
	Sysctls map[string]string `json:"sysctls,omitempty"` // those that the personality sets
	// Egress is "in place", or what is wrong with the rules.
	Egress string `json:"egress"`
	// Damaged says that its record is, though another copy stands.
	Damaged bool `json:"damaged,omitempty"`
	// Isolated is what Quarantine recorded.
	Isolated bool `json:"isolated,omitempty"`
}

// linkState is a decky's one interface as it stands.
type linkState struct {
	Kind    string `json:"kind,omitempty"` // "" where it is gone
	MAC     string `json:"mac,omitempty"`
	Address string `json:"address,omitempty"` // the first IPv4 address, with its prefix
	Gateway string `json:"gateway,omitempty"`
	Subnet  string `json:"subnet,omitempty"` // that is reached directly
	Up      bool   `json:"up"`
	Extra   string `json:"extra,omitempty"`  // what else stands there
	Routes  string `json:"routes,omitempty"` // that should not be
	// Host is the host's end of a veth: "attached", or what is wrong with it.
	Host string `json:"host,omitempty"`
	// Connected says that a link but lo is up.
	Connected bool `json:"connected"`
}

const (
	linkName = "eth0"
	inPlace  = "in place"
	attached = "attached"
)

type deckies struct{ p *Provider }

// damaged is the change of an object whose record is.
var damaged = providers.Change{Path: "record", Before: "damaged", After: "kept"}

// wantLink is the link that a configuration asks for.
func wantLink(c schema.Decky) linkState {
	l := linkState{Kind: c.Network.Driver, MAC: c.Host.MAC, Address: address(c), Gateway: c.Network.Gateway, Up: true, Connected: true}
	switch c.Network.Driver {
	case link.DriverBridge:
		l.Kind, l.Host = "veth", attached
	case link.DriverIPvlan:
		l.MAC = "" // its parent's
	}
	if prefix, err := netip.ParsePrefix(c.Network.Subnet); err == nil {
		l.Subnet = prefix.Masked().String()
	}
	if mac, err := net.ParseMAC(l.MAC); err == nil {
		l.MAC = mac.String() // as the kernel spells it
	}
	return l
}

func address(c schema.Decky) string {
	prefix, err := netip.ParsePrefix(c.Network.Subnet)
	if err != nil {
		return c.Host.IP
	}
	return fmt.Sprintf("%s/%d", c.Host.IP, prefix.Bits())
}

// sysctls is what a decky's personality sets; a named personality that is no
// family takes its host's family.
func sysctls(c schema.Decky) map[string]string {
	if s := personality.Sysctls(c.Personality); s != nil {
		return s
	}
	return personality.Sysctls(c.Host.OS)
}

func (h *deckies) Diff(want schema.Decky, have deckyState) []providers.Change {
	// Nothing of it changes in place: it is in every socket and session.
	changes := providers.Compare(providers.Bare(have.Config), providers.Bare(want), func(string) bool { return true })
	if have.Isolated {
		// It is kept for study: nothing of it is put right before it goes.
		return append(changes, providers.Change{Path: "quarantined", Before: "true", After: "false", Replace: true})
	}
	if have.Damaged {
		changes = append(changes, damaged)
	}
	if have.Inode == 0 {
		// Made anew in place: what clients wrote is no drift, and stays.
		return append(changes, providers.Change{Path: "namespace", Before: "gone", After: have.Namespace})
	}
	expected := wantLink(want)
	if have.Link.Connected = true; expected.MAC == "" { // Up says it
		have.Link.MAC = ""
	}
	if have.Link.Kind == "" {
		changes = append(changes, providers.Change{Path: "link", Before: "gone", After: expected.Kind})
	} else {
		for _, c := range providers.Compare(have.Link, expected, nil) {
			c.Path = "link." + c.Path
			changes = append(changes, c)
		}
	}
	for _, c := range providers.Compare(have.Sysctls, sysctls(want), nil) {
		c.Path = "sysctl." + c.Path
		changes = append(changes, c)
	}
	if have.Egress != inPlace {
		changes = append(changes, providers.Change{Path: "egress", Before: have.Egress, After: inPlace})
	}
	return changes
}

// Incarnation is the namespace's inode: one made anew is another life.
func (h *deckies) Incarnation(have deckyState) string {
	if have.Inode == 0 {
		return ""
	}
	return strconv.FormatUint(have.Inode, 10)
}

func (h *deckies) Read(_ context.Context, have deckyState) (deckyState, error) {
	if err := privileged(); err != nil {
		return have, err
	}
	d := h.p.dirs(have.Lineage)
	r, err := load[deckyRecord](h.p, have.Lineage, deckyPrefix+have.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return have, providers.ErrGone
	}
	if err != nil {
		return have, err
	}
	host, err := h.p.hostSide(d, []deckyRecord{r})
	if err != nil {
		return have, err
	}
	return h.p.observe(d, r, host)
}

func (h *deckies) List(ctx context.Context, lineage string) ([]providers.Object[schema.Decky, deckyState], error) {
	if !h.p.exists(lineage) {
		return nil, nil
	}
	if err := privileged(); err != nil {
		return nil, err
	}
	d := h.p.dirs(lineage)
	records, err := loadAll[deckyRecord](h.p, lineage, deckyPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range orphans(d, records) {
		h.p.env.Log.Warn("a namespace has no record and is left alone", "namespace", pin(d, name))
	}
	host, err := h.p.hostSide(d, records)
	if err != nil {
		return nil, err
	}
	objects := make([]providers.Object[schema.Decky, deckyState], len(records))
	errs := make([]error, len(records))
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i, r := range records {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if errs[i] = ctx.Err(); errs[i] != nil {
				return
			}
			s, err := h.p.observe(d, r, host)
			if err != nil {
				errs[i] = fmt.Errorf("look at decky %s: %w", r.Config.Name, err)
			}
			objects[i] = providers.Object[schema.Decky, deckyState]{Owner: r.Owner, Config: r.Config, State: s}
		})
	}
	group.Wait()
	return objects, errors.Join(errs...)
}

func (h *deckies) Create(ctx context.Context, owner providers.Owner, want schema.Decky) (deckyState, error) {
	s := deckyState{Lineage: owner.Lineage, Name: want.Name, Config: want}
	if err := privileged(); err != nil {
		return s, err
	}
	if err := checkName(want.Name); err != nil {
		return s, err
	}
	if sysctls(want) == nil {
		return s, fmt.Errorf("create decky %s: personality %q has no table", want.Name, want.Personality)
	}
	d := h.p.dirs(owner.Lineage)
	s.Namespace = pin(d, want.Name)
	if r, err := load[deckyRecord](h.p, owner.Lineage, deckyPrefix+want.Name); err == nil {
		if r.Owner.Address != owner.Address {
			return s, fmt.Errorf("create decky %s: the name is taken by %s", want.Name, r.Owner.Address)
		}
		// A state without inode says that there was nothing worth keeping.
		if adopted, err := h.adopt(ctx, d, owner, want, r); err != nil || adopted.Inode != 0 {
			return adopted, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	r := deckyRecord{Owner: owner, Config: want, Boot: h.p.boot(want)}
	err := h.p.book(owner.Lineage).Put(deckyPrefix+want.Name, r)
	if err != nil {
		return s, err
	}
	if _, stands := namespace.Inode(s.Namespace); stands == nil { // its record was lost
		err = h.heal(ctx, d, r)
	} else {
		err = h.make(ctx, d, owner, want)
	}
	if err != nil {
		return s, fmt.Errorf("create decky %s: %w", want.Name, err)
	}
	s.Inode, err = namespace.Inode(s.Namespace)
	s.Link, s.Sysctls, s.Egress = wantLink(want), sysctls(want), inPlace
	return s, err
}

// adopt completes what an earlier apply left, unless it is to be another.
func (h *deckies) adopt(ctx context.Context, d supervise.Dirs, owner providers.Owner, want schema.Decky, r deckyRecord) (deckyState, error) {
	host, err := h.p.hostSide(d, []deckyRecord{r})
	if err != nil {
		return deckyState{}, err
	}
	s, err := h.p.observe(d, r, host)
	if err != nil {
		return deckyState{}, err
	}
	for _, c := range h.Diff(want, s) {
		if c.Replace {
			return deckyState{}, h.Delete(ctx, s)
		}
	}
	return h.Update(ctx, owner, want, s)
}

func (h *deckies) Update(ctx context.Context, owner providers.Owner, want schema.Decky, have deckyState) (deckyState, error) {
	if err := privileged(); err != nil {
		return have, err
	}
	d := h.p.dirs(owner.Lineage)
	r, err := load[deckyRecord](h.p, owner.Lineage, deckyPrefix+want.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return h.Create(ctx, owner, want)
	}
	if err != nil {
		return have, err
	}
	r.Owner, r.Config = owner, want
	if err := h.p.book(owner.Lineage).Put(deckyPrefix+want.Name, r); err != nil {
		return have, err
	}
	if err := h.heal(ctx, d, r); err != nil {
		return have, fmt.Errorf("heal decky %s: %w", want.Name, err)
	}
	host, err := h.p.hostSide(d, []deckyRecord{r})
	if err != nil {
		return have, err
	}
	return h.p.observe(d, r, host)
}

func (h *deckies) Delete(_ context.Context, have deckyState) error {
	if err := privileged(); err != nil {
		return err
	}
	d := h.p.dirs(have.Lineage)
	if err := checkName(have.Name); err != nil {
		return err
	}
	if err := namespace.Delete(pin(d, have.Name)); err != nil {
		return err
	}
	// What clients wrote goes with the decky. Its journal stays until intel
	// has read it: it is evidence.
	if err := removeTree(d.Store(), have.Name); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(d.Journal(), have.Name)) // if nothing was ever written
	if err := h.p.book(have.Lineage).Drop(deckyPrefix + have.Name); err != nil {
		return err
	}
	tidy(d)
	return nil
}

// removeTree removes a directory that a process which attackers talk to could
// write, without following it anywhere.
func removeTree(parent, name string) error {
	root, err := os.OpenRoot(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove store of %s: %w", name, err)
	}
	defer root.Close()
	if err := root.RemoveAll(name); err != nil {
		return fmt.Errorf("remove store of %s: %w", name, err)
	}
	return nil
}
