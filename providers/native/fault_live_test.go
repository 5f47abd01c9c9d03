//go:build live

package native_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// fleet is what stands in a fault's world: a decky on a macvlan with a service.
type fleet struct {
	*world
	d     schema.Decky
	s     schema.Service
	lives map[string]string // the last known incarnation, as the engine's state has it
	local bool              // its clients are on the host
}

func newFleet(t testing.TB, n schema.Network) *fleet {
	t.Helper()
	f := &fleet{world: newWorld(t), lives: map[string]string{}}
	f.stand(t, n)
	return f
}

func (f *fleet) stand(t testing.TB, n schema.Network) {
	t.Helper()
	f.d = deckyConfig(1, n)
	f.s = serviceConfig(f.d, "ssh", 22)
	f.keep(t, f.deckies, "decky.d1", create(t, f.deckies, "decky.d1", f.d))
	f.keep(t, f.services, "decky.d1.service.ssh", create(t, f.services, "decky.d1.service.ssh", f.s))
	t.Cleanup(func() { // evidence outlives its decky
		if err := os.RemoveAll(filepath.Join(f.env.DataDir, lineage, "journal")); err != nil {
			t.Error(err)
		}
	})
	if _, err := f.ask("write"); err != nil {
		t.Fatal(err)
	}
}

// ask says a line to the decky's service, from where its clients are.
func (f *fleet) ask(line string) (string, error) {
	if f.local {
		return exchange(func() (net.Conn, error) { return net.DialTimeout("tcp4", f.d.Host.IP+":22", 3*time.Second) }, line)
	}
	return f.say(f.d.Host.IP, 22, line)
}

// keep remembers an object's life as the engine does.
func (f *fleet) keep(t testing.TB, r providers.Resource, address string, state json.RawMessage) {
	t.Helper()
	life, err := providers.Incarnation(r, state)
	if err != nil || life == "" {
		t.Fatalf("%s has no incarnation (%v): %s", address, err, state)
	}
	f.lives[address] = life
}

// drift is what List and Diff find, one line each; a new incarnation is drift,
// too.
func (f *fleet) drift(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, o := range f.objects() {
		_, changes, life := f.look(t, o)
		for _, c := range changes {
			all = append(all, fmt.Sprintf("%s: %s %s -> %s", o.address, c.Path, c.Before, c.After))
		}
		if len(changes) == 0 && life != f.lives[o.address] {
			all = append(all, fmt.Sprintf("%s: restarted", o.address))
		}
	}
	return all
}

type object struct {
	r       providers.Resource
	address string
	config  any
}

func (f *fleet) objects() []object {
	return []object{{f.deckies, "decky.d1", f.d}, {f.services, "decky.d1.service.ssh", f.s}}
}

// look finds one object as it is; nil where it is not listed.
func (f *fleet) look(t testing.TB, o object) (state json.RawMessage, changes []providers.Change, life string) {
	t.Helper()
	found, err := o.r.List(context.Background(), lineage)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		if one.Owner.Address != o.address {
			continue
		}
		changes, err := o.r.Diff(encode(t, o.config), one.State)
		if err != nil {
			t.Fatal(err)
		}
		life, err := providers.Incarnation(o.r, one.State)
		if err != nil {
			t.Fatal(err)
		}
		return one.State, changes, life
	}
	return nil, []providers.Change{{Path: "object", Before: "gone", After: "there"}}, ""
}

// heal does what an apply does of what it finds: one update of each object.
func (f *fleet) heal(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	for _, o := range f.objects() {
		state, changes, life := f.look(t, o)
		var err error
		switch {
		case state == nil:
			state, err = o.r.Create(ctx, owner(o.address), encode(t, o.config))
		case len(changes) > 0:
			for _, c := range changes {
				if c.Replace {
					t.Errorf("%s is to be replaced for drift: %+v", o.address, c)
				}
			}
			state, err = o.r.Update(ctx, owner(o.address), encode(t, o.config), state)
		default:
			f.lives[o.address] = life
			continue
		}
		if err != nil {
			t.Errorf("heal %s: %v", o.address, err)
			continue
		}
		f.keep(t, o.r, o.address, state)
	}
}

// examine is what the exhibits of every object say, each under its name.
func (f *fleet) examine(t testing.TB) string {
	t.Helper()
	var text strings.Builder
	for _, o := range f.objects() {
		state, _, _ := f.look(t, o)
		if state == nil {
			continue
		}
		if err := providers.Examine(context.Background(), o.r, state, func(x providers.Exhibit) error {
			fmt.Fprintf(&text, "== %s\n%s\n", x.Name, x.Data)
			return nil
		}); err != nil {
			t.Errorf("examine %s: %v", o.address, err)
		}
	}
	return text.String()
}

// written is what a client wrote into the decky.
func (f *fleet) written() string {
	return filepath.Join(f.env.DataDir, lineage, "store", f.d.Name, "written")
}

type fault struct {
	name string
	do   func(t testing.TB, f *fleet)
	// silent: nobody tells of it.
	silent bool
	shows  string // in the evidence
}

func (f *fleet) records() string {
	return filepath.Join(f.env.DataDir, lineage, "native", "objects.log")
}

// insideLinks changes links with netlink's own words.
func insideLinks(fn func(eth0 netlink.Link) error) func(testing.TB, *fleet) {
	return func(t testing.TB, f *fleet) {
		f.inside(t, f.d.Name, func() error {
			l, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			return fn(l)
		})
	}
}

func insideHandle(fn func(h *link.Handle, f *fleet) error) func(testing.TB, *fleet) {
	return func(t testing.TB, f *fleet) {
		f.onLinks(f.d.Name, func(h *link.Handle) error { return fn(h, f) })(t, nil)
	}
}

func insideRules(fn func(c *nftables.Conn)) func(testing.TB, *fleet) {
	return func(t testing.TB, f *fleet) {
		f.inside(t, f.d.Name, func() error {
			c, err := nftables.New()
			if err != nil {
				return err
			}
			fn(c)
			return c.Flush()
		})
	}
}

func signal(which func(supervise.Status) int, s syscall.Signal) func(testing.TB, *fleet) {
	return func(t testing.TB, f *fleet) { kill(t, which(f.status(t)), s) }
}

// serving is the worker that has the decky.
func serving(s supervise.Status) int {
	for _, w := range s.Workers {
		if w.PID > 1 && w.Units > 0 {
			return w.PID
		}
	}
	return 0
}

func supervisor(s supervise.Status) int { return s.PID }

var faults = []fault{
	{name: "namespace unpinned", shows: `the namespace is gone`, do: func(t testing.TB, f *fleet) {
		if err := namespace.Delete(f.netns(f.d.Name)); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "namespace and all that holds it gone", shows: `the namespace is gone`, do: func(t testing.TB, f *fleet) {
		f.killSupervisor(t)
		if err := namespace.Delete(f.netns(f.d.Name)); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "another namespace in its place", shows: `"egress": "egress rules are not in place`, do: func(t testing.TB, f *fleet) {
		if err := namespace.Delete(f.netns(f.d.Name)); err != nil {
			t.Fatal(err)
		}
		if err := namespace.Create(f.netns(f.d.Name), nil); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "link deleted", shows: `link 1 lo`, do: insideLinks(netlink.LinkDel)},
	{name: "link renamed", shows: `lan7`, do: insideLinks(func(l netlink.Link) error {
		if err := netlink.LinkSetDown(l); err != nil {
			return err
		}
		return netlink.LinkSetName(l, "lan7")
	})},
	{name: "link down", shows: `02:00:5e:10:00:01 down`, do: insideLinks(netlink.LinkSetDown)},
	{name: "MAC changed", shows: `02:00:00:00:00:09`, do: insideLinks(func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, []byte{2, 0, 0, 0, 0, 9}) })},
	{name: "address changed", shows: `10.77.0.66/24`, do: insideHandle(func(h *link.Handle, _ *fleet) error { return h.OnlyAddress("eth0", "10.77.0.66/24") })},
	{name: "address added", shows: `10.77.0.66/24`, do: insideHandle(func(h *link.Handle, _ *fleet) error { return h.SetAddress("eth0", "10.77.0.66/24") })},
	{name: "route to the segment deleted", shows: `route default via`, do: insideHandle(func(h *link.Handle, _ *fleet) error {
		return h.KeepRoutes(func(route string) bool { return strings.HasPrefix(route, "default") })
	})},
	{name: "default route deleted", shows: `route 10.77.0.0/24`, do: insideHandle(func(h *link.Handle, _ *fleet) error {
		return h.KeepRoutes(func(route string) bool { return !strings.HasPrefix(route, "default") })
	})},
	{name: "all routes deleted", shows: `link 1 lo`, do: insideHandle(func(h *link.Handle, _ *fleet) error { return h.KeepRoutes(func(string) bool { return false }) })},
	{name: "route added", shows: `route 10.99.0.0/16 dev eth0`, do: insideHandle(func(h *link.Handle, _ *fleet) error { return h.SetRoute("eth0", "10.99.0.0/16") })},
	{name: "sysctl changed", shows: `net.ipv4.ip_default_ttl = 77 (should be 64)`, silent: true, do: func(t testing.TB, f *fleet) {
		f.inside(t, f.d.Name, func() error { return link.WriteSysctl("net.ipv4.ip_default_ttl", "77") })
	}},
	{name: "egress flushed", do: insideRules(func(c *nftables.Conn) { c.FlushRuleset() })},
	{name: "rules added", shows: `chain "in"`, do: insideRules(func(c *nftables.Conn) {
		table := c.AddTable(&nftables.Table{Name: "x", Family: nftables.TableFamilyINet})
		drop := nftables.ChainPolicyDrop
		c.AddChain(&nftables.Chain{Name: "in", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &drop})
	})},
	{name: "listener closed", shows: `"listening": false`, do: func(t testing.TB, f *fleet) {
		f.inside(t, f.d.Name, func() error {
			out, err := exec.Command("ss", "--kill", "--listening", "--tcp", "--no-header", "--numeric").CombinedOutput()
			if err != nil {
				return fmt.Errorf("ss (apt-get install iproute2): %w: %s", err, out)
			}
			return nil
		})
	}},
	{name: "worker killed", shows: `worker died and is started again`, do: signal(serving, syscall.SIGKILL)},
	{name: "worker stopped", shows: `worker was stopped and is killed`, do: signal(serving, syscall.SIGSTOP)},
	{name: "supervisor killed", do: signal(supervisor, syscall.SIGKILL)},
	{name: "supervisor stopped", do: signal(supervisor, syscall.SIGSTOP)},
	{name: "service stopped by hand", do: func(t testing.TB, f *fleet) {
		client := supervise.NewClient(supervise.ClientOptions{Log: f.env.Log, Dirs: supervise.NewDirs(lineage, f.env.DataDir, f.env.RunDir)})
		defer client.Close()
		if err := client.Stop(context.Background(), supervise.Key{Decky: f.d.Name, Service: "ssh"}); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "records emptied", shows: `"damaged": true`, do: func(t testing.TB, f *fleet) {
		if err := os.Truncate(f.records(), 0); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "records overwritten", shows: `"damaged": true`, do: func(t testing.TB, f *fleet) {
		data, err := os.ReadFile(f.records())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.records(), []byte(strings.Repeat("#", len(data))), 0o600); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "records lost with their mirror", do: func(t testing.TB, f *fleet) {
		for _, path := range []string{f.records(), filepath.Join(f.env.RunDir, lineage, "objects.log")} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}},
}

// Each fault is heard of within a second, seen, and healed by one update within
// another, and nothing that a client wrote is lost by it.
func TestEveryFaultIsHeardSeenAndHealed(t *testing.T) {
	f := newFleet(t, network(link.DriverMacvlan))
	e := f.listen(t)
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) { f.suffer(t, e, fault) })
	}
}

// The time from a fault to serving again, of which a caller's reaction is a part,
// is to be a second; a machine that does other things, too, has some slack.
const (
	limit    = 3 * time.Second
	reaction = 50 * time.Millisecond
)

func (f *fleet) suffer(t *testing.T, e *ears, x fault) {
	if drift := f.drift(t); len(drift) > 0 {
		t.Fatalf("before: %q", drift)
	}
	e.quiet()
	began := time.Now()
	x.do(t, f)
	done := time.Now()
	n, heard := e.within(time.Second, "decky.d1")
	if !heard && !x.silent {
		t.Error("not heard within a second")
	}
	if x.silent {
		done = time.Now() // the full resync finds it
	}
	told := time.Since(began)
	time.Sleep(reaction)
	drift := f.drift(t)
	if len(drift) == 0 {
		t.Error("no difference is seen")
	}
	looking := time.Now()
	evidence := f.examine(t)
	looked := time.Since(looking) // the engine's to spend: it is no part of the heal
	f.heal(t)
	if answer, err := f.ask("hello"); err != nil || answer != `decky.d1 ssh {"a":1}` {
		t.Errorf("after the heal the decky says %q, %v", answer, err)
	}
	took := time.Since(done) - looked
	if !strings.Contains(evidence, x.shows) {
		t.Errorf("no exhibit shows %q:\n%.3000s", x.shows, evidence)
	}
	if took > limit {
		t.Errorf("it took %s to serve again", took)
	}
	t.Logf("heard after %s (%q), examined in %s, serving after %s: %.300q", told.Round(time.Millisecond), n.What, looked.Round(time.Millisecond), took.Round(time.Millisecond), drift)
	time.Sleep(150 * time.Millisecond) // a worker may be on its way
	if left := f.drift(t); len(left) > 0 {
		t.Errorf("after the heal: %q", left)
		f.heal(t)
	}
	if _, err := os.Lstat(f.written()); err != nil {
		t.Errorf("what a client wrote: %v", err)
	}
}

// The host's end of a veth, and the bridge below it.
func TestFaultsOfABridgeAreHeardSeenAndHealed(t *testing.T) {
	n := network(link.DriverBridge)
	n.Subnet, n.Gateway = "10.78.0.0/24", "10.78.0.1"
	var f *fleet
	bridge := func(t testing.TB) {
		h, err := link.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		name := link.BridgeName(lineage, n.Name)
		if err := errors.Join(h.CreateBridge(name, link.Alias(lineage, "network.office")), h.OnlyAddress(name, n.Gateway+"/24")); err != nil {
			t.Fatal(err)
		}
	}
	onHost := func(fn func(veth, bridge netlink.Link) error) func(testing.TB, *fleet) {
		return func(t testing.TB, _ *fleet) {
			veth, err := netlink.LinkByName(link.VethName(lineage, f.d.Name))
			if err != nil {
				t.Fatal(err)
			}
			on, err := netlink.LinkByName(link.BridgeName(lineage, n.Name))
			if err != nil {
				t.Fatal(err)
			}
			if err := fn(veth, on); err != nil {
				t.Fatal(err)
			}
		}
	}
	f = newBridged(t, n, bridge)
	e := f.listen(t)
	for _, fault := range []fault{
		{name: "host's end deleted", do: onHost(func(veth, _ netlink.Link) error { return netlink.LinkDel(veth) })},
		{name: "host's end down", do: onHost(func(veth, _ netlink.Link) error { return netlink.LinkSetDown(veth) })},
		{name: "host's end off the bridge", do: onHost(func(veth, _ netlink.Link) error { return netlink.LinkSetNoMaster(veth) })},
		{name: "host's end renamed", do: onHost(func(veth, _ netlink.Link) error {
			if err := netlink.LinkSetDown(veth); err != nil {
				return err
			}
			return netlink.LinkSetName(veth, "lost0")
		})},
		{name: "alias taken away", do: onHost(func(veth, _ netlink.Link) error { return netlink.LinkSetAlias(veth, "mine") })},
		{name: "bridge deleted and made again", do: func(t testing.TB, f *fleet) {
			onHost(func(_, on netlink.Link) error { return netlink.LinkDel(on) })(t, f)
			bridge(t)
		}},
	} {
		t.Run(fault.name, func(t *testing.T) { f.suffer(t, e, fault) })
	}
}

// newBridged is a fleet on a bridge, which goes after it.
func newBridged(t *testing.T, n schema.Network, bridge func(testing.TB)) *fleet {
	f := &fleet{world: newWorld(t), lives: map[string]string{}, local: true}
	bridge(t)
	t.Cleanup(func() {
		h, err := link.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := h.Delete(link.BridgeName(lineage, n.Name), lineage); err != nil {
			t.Error(err)
		}
	})
	f.stand(t, n)
	return f
}
