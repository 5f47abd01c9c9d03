//go:build live

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
)

// deed is what happens in a round.
type deed struct {
	commit bool
	fault  *mishap // nil: none
	victim int
	// may are the addresses that may drift for it, must one that does.
	must string
	may  []string
}

func (d deed) String() string {
	var parts []string
	if d.commit {
		parts = append(parts, "a commit")
	}
	if d.fault != nil {
		parts = append(parts, fmt.Sprintf("%s of decky %d", d.fault.name, d.victim))
	}
	return strings.Join(parts, " and ")
}

// mishap is something that goes wrong with decky n. It tells which addresses
// must and may drift for it.
type mishap struct {
	name string
	do   func(o *ordeal, n int) (must string, may []string, err error)
}

// deed draws what happens next.
func (o *ordeal) deed() deed {
	d := deed{commit: o.random.IntN(3) > 0}
	if !d.commit || o.random.IntN(3) == 0 {
		faults := nativeMishaps
		if o.runtime == providers.RuntimeDocker {
			faults = dockerMishaps
		}
		d.fault, d.victim = &faults[o.random.IntN(len(faults))], o.random.IntN(o.fleet.deckies)
	}
	return d
}

// do lets it happen. Beside a commit a fault may find nothing any more.
func (o *ordeal) do(d *deed) {
	o.t.Helper()
	var err error
	fault := func() {
		if d.fault != nil {
			d.must, d.may, err = d.fault.do(o, d.victim)
		}
	}
	before := o.random.IntN(2) == 0
	if before {
		fault()
	}
	if d.commit {
		o.push(o.next())
		o.wake()
	}
	if !before {
		fault()
	}
	if err != nil && !d.commit {
		o.t.Fatalf("%s: %v", d, err)
	}
}

// address is that of decky n, service that of one of its services.
func (o *ordeal) address(n int) string           { return fmt.Sprintf("decky.%s[%d]", o.fleet.name, n) }
func (o *ordeal) service(n int, s string) string { return o.address(n) + ".service." + s }
func (o *ordeal) whole(n int) (string, []string) {
	return o.address(n), []string{o.service(n, "http"), o.service(n, "redis")}
}
func (o *ordeal) any() (string, []string) { return "", []string{"*"} }
func (o *ordeal) act(argv ...string) error {
	out, err := o.command(o.t.Context(), lab.Operator, argv...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}

// target is the name that decky n has on its runtime, and its network namespace.
func (o *ordeal) target(n int) (name, namespace string, err error) {
	store := o.store()
	defer store.Close() //nolint:errcheck // read only
	snapshot, err := store.Snapshot(o.t.Context())
	if err != nil {
		return "", "", err
	}
	for _, i := range snapshot.Instances {
		if string(i.Address) != o.address(n) {
			continue
		}
		var config struct{ Name string }
		if err := json.Unmarshal(i.Config, &config); err != nil {
			return "", "", err
		}
		if o.runtime == providers.RuntimeNative {
			return config.Name, filepath.Join(o.lab.RunDir(), snapshot.Lineage, "netns", config.Name), nil
		}
		out, err := o.command(o.t.Context(), lab.Operator, "docker", "inspect", "-f", "{{.State.Pid}}", config.Name).Output()
		return config.Name, "/proc/" + strings.TrimSpace(string(out)) + "/ns/net", err
	}
	return "", "", fmt.Errorf("%s is not in the state", o.address(n))
}

// inside runs a program in the network namespace of decky n.
func inside(argv ...string) func(*ordeal, int) (string, []string, error) {
	return func(o *ordeal, n int) (string, []string, error) {
		must, may := o.whole(n)
		_, namespace, err := o.target(n)
		if err == nil {
			err = o.act(append([]string{"nsenter", "--net=" + namespace}, argv...)...)
		}
		return must, may, err
	}
}

var nativeMishaps = []mishap{
	{"link deleted", inside("ip", "link", "del", "eth0")},
	{"address deleted", inside("ip", "addr", "flush", "dev", "eth0")},
	{"namespace deleted", func(o *ordeal, n int) (string, []string, error) {
		must, may := o.whole(n)
		_, path, err := o.target(n)
		if err == nil {
			err = errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path))
		}
		return must, may, err
	}},
	{"worker killed", func(o *ordeal, n int) (string, []string, error) {
		_, may := o.any()
		workers := o.workers(nil)
		if len(workers) == 0 {
			return "", may, errors.New("no worker runs")
		}
		return "", may, unix.Kill(workers[n%len(workers)], unix.SIGKILL)
	}},
	{"hairpin deleted", func(o *ordeal, _ int) (string, []string, error) {
		return "network.lab", nil, o.act("ip", "link", "del", "decnet_macvlan0")
	}},
}

// docker runs a docker command on decky n or, where one is named, its service.
func docker(service string, argv ...string) func(*ordeal, int) (string, []string, error) {
	return func(o *ordeal, n int) (string, []string, error) {
		must, may := o.whole(n)
		name, _, err := o.target(n)
		if service != "" {
			must, may, name = o.service(n, service), nil, name+"-"+service
		}
		if err == nil {
			err = o.act(append(append([]string{"docker"}, argv...), name)...)
		}
		return must, may, err
	}
}

var dockerMishaps = []mishap{
	{"service killed", docker("http", "kill")},
	{"service removed", docker("redis", "rm", "-f")},
	{"decky killed", docker("", "kill")},
	{"decky removed", docker("", "rm", "-f")},
	{"network disconnected", docker("", "network", "disconnect", "-f", "killed-lab")},
	{"link deleted", inside("ip", "link", "del", "eth0")},
}
