package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// serviceState is what is known of a live service.
type serviceState struct {
	Lineage string         `json:"lineage"`
	Config  schema.Service `json:"config"` // that made it
	// Listening: its sockets are open in the decky's namespace. Served: a
	// worker accepts on them as the record says.
	Listening bool `json:"listening"`
	Served    bool `json:"served"`
	// Image is SHA-256 of the binary that serves it, "" where none does.
	Image string `json:"image,omitempty"`
	// Problem is why it is not served, where that is known.
	Problem string `json:"problem,omitempty"`
	// Life names that of the worker which serves it, "" where none does.
	Life string `json:"life,omitempty"`
	// Damaged says that its record is, though another copy stands.
	Damaged bool `json:"damaged,omitempty"`
}

type services struct{ p *Provider }

func (s serviceState) key() supervise.Key {
	return supervise.Key{Decky: s.Config.Decky, Service: s.Config.Name}
}

// movedService tells what makes a service another object.
func movedService(path string) bool { return path == "decky" || path == "name" }

func (h *services) Diff(want schema.Service, have serviceState) []providers.Change {
	changes := providers.Compare(have.Config, want, movedService)
	served := func(path string, now bool) {
		if !now {
			changes = append(changes, providers.Change{Path: path, Before: "false", After: "true"})
		}
	}
	if have.Damaged {
		changes = append(changes, damaged)
	}
	served("listening", have.Listening)
	served("served", have.Served)
	if digest := h.p.env.DeckyDigest; digest != "" && have.Image != "" && have.Image != digest {
		changes = append(changes, providers.Change{Path: "image", Before: have.Image, After: digest, Replace: true, Cause: providers.CauseImage})
	}
	return changes
}

// Incarnation is the life of the worker that serves it: what a supervisor healed
// by itself is another one.
func (h *services) Incarnation(have serviceState) string {
	if !have.Served {
		return ""
	}
	return have.Life
}

// Began says that no worker's life begins because a decky was changed.
func (h *services) Began(serviceState) (time.Time, bool) { return time.Time{}, true }

func (h *services) Read(ctx context.Context, have serviceState) (serviceState, error) {
	if err := privileged(); err != nil {
		return have, err
	}
	r, err := h.record(have)
	if err != nil {
		return have, err
	}
	status, err := h.p.client(have.Lineage).Status(ctx)
	if err != nil {
		return have, err
	}
	return h.p.stateOf(r, have.Lineage, index(status), status.Image), nil
}

// record is a service's own; ErrGone where it has none.
func (h *services) record(have serviceState) (serviceRecord, error) {
	r, err := load[serviceRecord](h.p, have.Lineage, supervise.RecordKey(have.key()))
	if errors.Is(err, fs.ErrNotExist) {
		err = providers.ErrGone
	}
	return r, err
}

func index(status supervise.Status) map[supervise.Key]supervise.UnitStatus {
	units := make(map[supervise.Key]supervise.UnitStatus, len(status.Units))
	for _, u := range status.Units {
		units[u.Key] = u
	}
	return units
}

// stateOf compares a record with what the supervisor says. Sockets in a
// namespace that is no longer the decky's do not count.
func (p *Provider) stateOf(r serviceRecord, lineage string, units map[supervise.Key]supervise.UnitStatus, image string) serviceState {
	s := serviceState{Lineage: lineage, Config: r.Config, Damaged: p.book(lineage).Lost(supervise.RecordKey(r.Unit.Key()))}
	u, ok := units[r.Unit.Key()]
	if !ok {
		return s
	}
	inode, err := namespace.Inode(r.Unit.Namespace)
	s.Listening = u.Listening && err == nil && inode == u.Inode
	s.Served = s.Listening && u.Served && u.Digest == r.Unit.Digest()
	s.Problem, s.Image, s.Life = u.Error, image, u.Life
	return s
}

func (h *services) List(ctx context.Context, lineage string) ([]providers.Object[schema.Service, serviceState], error) {
	if !h.p.exists(lineage) {
		return nil, nil
	}
	if err := privileged(); err != nil {
		return nil, err
	}
	records, err := loadAll[serviceRecord](h.p, lineage, servicePrefix)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	status, err := h.p.client(lineage).Status(ctx)
	if err != nil {
		return nil, err
	}
	units := index(status)
	objects := make([]providers.Object[schema.Service, serviceState], len(records))
	for i, r := range records {
		objects[i] = providers.Object[schema.Service, serviceState]{Owner: r.Owner, Config: r.Config, State: h.p.stateOf(r, lineage, units, status.Image)}
	}
	return objects, nil
}

// Create records the service and has it served; a service that is there already
// is adopted by the same act.
func (h *services) Create(ctx context.Context, owner providers.Owner, want schema.Service) (serviceState, error) {
	s := serviceState{Lineage: owner.Lineage, Config: want}
	if err := privileged(); err != nil {
		return s, err
	}
	if err := h.p.binary(); err != nil {
		return s, err
	}
	if err := errors.Join(checkName(want.Decky), checkName(want.Name)); err != nil {
		return s, err
	}
	d := h.p.dirs(owner.Lineage)
	parent, err := load[deckyRecord](h.p, owner.Lineage, deckyPrefix+want.Decky)
	if err != nil {
		return s, fmt.Errorf("create service %s: its decky: %w", want.Name, err)
	}
	unit, err := h.p.unit(d, want, parent)
	if err != nil {
		return s, fmt.Errorf("create service %s of %s: %w", want.Name, want.Decky, err)
	}
	if err := h.p.book(owner.Lineage).Put(supervise.RecordKey(unit.Key()), serviceRecord{Owner: owner, Config: want, Unit: unit}); err != nil {
		return s, err
	}
	life, err := h.p.client(owner.Lineage).Serve(ctx, unit)
	if err != nil {
		s.Problem = err.Error()
		return s, err
	}
	s.Listening, s.Served, s.Image, s.Life = true, true, h.p.env.DeckyDigest, life
	return s, nil
}

func (h *services) Update(ctx context.Context, owner providers.Owner, want schema.Service, _ serviceState) (serviceState, error) {
	return h.Create(ctx, owner, want)
}

func (h *services) Delete(ctx context.Context, have serviceState) error {
	if err := privileged(); err != nil {
		return err
	}
	if err := errors.Join(checkName(have.Config.Decky), checkName(have.Config.Name)); err != nil {
		return err
	}
	if err := h.p.client(have.Lineage).Stop(ctx, have.key()); err != nil {
		return fmt.Errorf("delete service %s of %s: %w", have.Config.Name, have.Config.Decky, err)
	}
	if err := h.p.book(have.Lineage).Drop(supervise.RecordKey(have.key())); err != nil {
		return fmt.Errorf("delete service %s of %s: %w", have.Config.Name, have.Config.Decky, err)
	}
	tidy(h.p.dirs(have.Lineage))
	return nil
}

// unit is a service as the supervisor is told.
func (p *Provider) unit(d supervise.Dirs, c schema.Service, parent deckyRecord) (supervise.Unit, error) {
	// The engine-side name stays when a decky's address moves, and so do its keys.
	key, err := p.env.Derive("decky/" + c.Decky)
	if err != nil {
		return supervise.Unit{}, fmt.Errorf("derive its key: %w", err)
	}
	h, err := persona.Complete(host(c.Host, parent, key), p.env.Derive)
	if err != nil {
		return supervise.Unit{}, err
	}
	u := supervise.Unit{
		Decky: c.Decky, Namespace: pin(d, c.Decky), Host: h,
		Service: decky.ServiceSpec{Name: c.Name, Slug: c.Slug, Arguments: c.Arguments},
	}
	for _, port := range c.Ports {
		u.Service.Ports = append(u.Service.Ports, decky.Port{Number: port.Number, Transport: port.Transport})
	}
	return u, nil
}

func host(h schema.Host, parent deckyRecord, key []byte) decky.Host {
	return decky.Host{
		Address: h.Address, Hostname: h.Hostname, Domain: h.Domain, IP: h.IP, MAC: h.MAC,
		Subnet: parent.Config.Network.Subnet, Gateway: parent.Config.Network.Gateway, OS: h.OS, Distro: h.Distro,
		Title: h.Title, Kernel: h.Kernel, Build: h.Build, Machine: h.Machine, Packages: h.Packages, Boot: parent.Boot, Zone: h.Zone, Persist: h.Persist, Key: key,
	}
}

// boot draws when a new decky claims to have started, its own for each.
func (p *Provider) boot(c schema.Decky) time.Time {
	drawn, err := p.env.Derive("boot/" + c.Name)
	if err != nil { // its services' keys will fail, and say so
		drawn = nil
	}
	return persona.BootBefore(p.env.Now(), drawn, c.Host.IP)
}
