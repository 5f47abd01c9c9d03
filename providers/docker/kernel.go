package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// world is the part of this host that the engine does not show: processes,
// network namespaces, host links.
type world interface {
	// processes maps the id of every running container of this host to its
	// oldest process.
	processes() (map[string]int, error)
	// netns identifies the network namespace of a process; 0 if it ended.
	netns(pid int) (uint64, error)
	// linked tells whether the network namespace of a process has the interface
	// of a decky.
	linked(pid int) (bool, error)
	// look tells what stands in the network namespace of a process, nil if it
	// ended.
	look(pid int, sysctls []string) (*inside, error)
	// mend puts right what stands in the namespace of a decky's process while
	// it runs on; errUnmendable where that cannot be.
	mend(pid int, want schema.Decky) error
	// cut drops every packet of the namespace of a process.
	cut(pid int) error
	// severed tells whether cut's rules are in place.
	severed(pid int) (bool, error)
	senses
	traces
	hairpins
}

// traces tell what runs in a container; nothing where nothing does.
type traces interface {
	// tasks lists the processes of a container, or all in its network
	// namespace where it is shared.
	tasks(ctx context.Context, id string, shared bool) (text []byte, truncated bool, err error)
	// sockets lists the sockets of its network namespace.
	sockets(ctx context.Context, id string) (text []byte, truncated bool, err error)
}

// senses tell that something became different.
type senses interface {
	// life names the life of a process, another for whatever process has its
	// number later; empty if it ended.
	life(pid int) string
	// readSysctls reads sysctls in the namespace of a process, nil if it ended.
	readSysctls(pid int, names []string) (map[string]string, error)
	// listen opens ears for network namespaces, and for the lineage's links in
	// this one.
	listen(lineage string) (ears, error)
}

// hairpins are the host-side interfaces through which a host reaches the
// deckies on its own parent link.
type hairpins interface {
	hairpin(owner providers.Owner) (ip string, err error)
	makeHairpin(owner providers.Owner, network schema.Network) error
	removeHairpin(owner providers.Owner) error
	// around tells what stands on a network's parent and on its hairpin.
	around(parent string, owner providers.Owner) (text string, err error)
}

// inside is what look saw.
type inside struct {
	netns   uint64
	links   []LinkState
	sysctls map[string]string
	egress  bool
}

// LinkState is an interface inside a decky.
type LinkState struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	MAC     string `json:"mac"`
	IP      string `json:"ip"`                // with prefix; several are joined by commas
	Gateway string `json:"gateway,omitempty"` // several are joined by commas
	// Routes are the routes besides that, sorted.
	Routes []string `json:"routes,omitempty"`
	Up     bool     `json:"up"`
}

// kernel is the real world.
type kernel struct{}

func netnsPath(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/net" }

func (kernel) netns(pid int) (uint64, error) {
	inode, err := namespace.Inode(netnsPath(pid))
	if err != nil && !gone(err) {
		return 0, needsRoot(err)
	}
	return inode, nil
}

func (kernel) linked(pid int) (bool, error) {
	var found bool
	err := namespace.Do(netnsPath(pid), func() error {
		_, err := net.InterfaceByName(deckyLink)
		found = err == nil
		return nil
	})
	if err != nil && !gone(err) {
		return false, needsRoot(err)
	}
	return found, nil
}

// gone tells that a process ended while it was looked at.
func gone(err error) bool {
	return errors.Is(err, namespace.ErrNone) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// needsRoot makes a refusal of the kernel an *UnavailableError.
func needsRoot(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &providers.UnavailableError{
			Provider: "docker", What: "the namespaces of its containers cannot be entered", Err: err,
			Remedy: "run decnet as root",
		}
	}
	return err
}

// settling is how long the hold process of a base container may take to set
// its egress rules before their absence is a fact.
const settling = 2 * time.Second

func (k kernel) look(pid int, sysctls []string) (*inside, error) {
	for {
		seen, err := k.lookOnce(pid, sysctls)
		if err != nil || seen == nil || seen.egress || age(pid) > settling || ended(pid) {
			return seen, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (kernel) lookOnce(pid int, sysctls []string) (*inside, error) {
	path := netnsPath(pid)
	inode, err := namespace.Inode(path)
	if err == nil {
		seen := &inside{netns: inode, sysctls: map[string]string{}}
		if err = namespace.Do(path, func() error { return seen.fill(sysctls) }); err == nil {
			return seen, nil
		}
	}
	if gone(err) {
		return nil, nil
	}
	return nil, needsRoot(err)
}

// readSysctls reads sysctls in the namespace of a process. It is called again
// and again, and therefore spares what a file of its own would cost.
func (kernel) readSysctls(pid int, names []string) (map[string]string, error) {
	values := make(map[string]string, len(names))
	buffer := make([]byte, 256)
	err := namespace.Do(netnsPath(pid), func() error {
		for _, name := range names {
			value, err := readProc("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), buffer)
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("read sysctl %s: %w", name, err)
			}
			values[name] = value
		}
		return nil
	})
	if gone(err) {
		return nil, nil
	}
	return values, needsRoot(err)
}

// readProc reads a file that gives all that it has at once.
func readProc(path string, buffer []byte) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	n, err := unix.Read(fd, buffer)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// fill looks around in the calling thread's namespace.
func (seen *inside) fill(sysctls []string) error {
	for _, name := range sysctls {
		value, err := link.ReadSysctl(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		seen.sysctls[name] = value
	}
	h, err := link.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	infos, err := h.Dump()
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.Name == "lo" && info.Up || fallback(info.Name) && !info.Up {
			continue // as they stand in every namespace
		}
		slices.Sort(info.Addrs)
		state := LinkState{Name: info.Name, Kind: info.Kind, MAC: info.MAC, IP: strings.Join(info.Addrs, ","), Up: info.Up}
		routes, err := h.Routes(info.Name)
		if err != nil {
			return err
		}
		state.Gateway, state.Routes = sortRoutes(routes)
		seen.links = append(seen.links, state)
	}
	err = egress.Verify(egress.Rules{})
	if err != nil && !errors.Is(err, egress.ErrAltered) {
		return err
	}
	seen.egress = err == nil
	return nil
}

// sortRoutes parts the gateways of default routes from all other routes.
func sortRoutes(routes []string) (gateway string, others []string) {
	var gateways []string
	for _, r := range routes {
		if via, ok := strings.CutPrefix(r, "default via "); ok {
			gateways = append(gateways, via)
			continue
		}
		others = append(others, r)
	}
	slices.Sort(others)
	return strings.Join(gateways, ","), others
}

func (kernel) hairpin(owner providers.Owner) (string, error) {
	h, err := link.Open()
	if err != nil {
		return "", err
	}
	defer h.Close()
	mine, err := h.FindHairpin(link.Alias(owner.Lineage, owner.Address))
	if err != nil || mine == nil || !mine.Up || len(mine.Addrs) == 0 {
		return "", err
	}
	ip, _, _ := strings.Cut(mine.Addrs[0], "/")
	return ip, nil
}

func (kernel) around(parent string, owner providers.Owner) (string, error) {
	h, err := link.Open()
	if err != nil {
		return "", err
	}
	defer h.Close()
	return h.Around(parent, link.Alias(owner.Lineage, owner.Address))
}

func (kernel) makeHairpin(owner providers.Owner, network schema.Network) error {
	if network.Driver != driverMacvlan {
		return fmt.Errorf("network %s: host access over %s is not supported: set host_access = false or driver = \"macvlan\"", network.Name, network.Driver)
	}
	h, err := link.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = h.EnsureHairpin(link.Hairpin{
		Driver: network.Driver, Parent: network.Parent, Alias: link.Alias(owner.Lineage, owner.Address), IP: network.HostIP, Pool: network.Pool,
	})
	return needsRoot(err)
}

func (kernel) removeHairpin(owner providers.Owner) error {
	h, err := link.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	alias := link.Alias(owner.Lineage, owner.Address)
	if err := h.Claim(alias); err != nil {
		return needsRoot(err)
	}
	mine, err := h.FindHairpin(alias)
	if err != nil || mine == nil {
		return err
	}
	return needsRoot(h.Delete(mine.Name, owner.Lineage))
}

// parentExists tells whether an interface stands in the host's namespace, and
// whether it is up.
func parentExists(name string) (exists, up bool) {
	h, err := link.Open()
	if err != nil {
		return false, false
	}
	defer h.Close()
	infos, err := h.Dump()
	if err != nil {
		return false, false
	}
	for _, info := range infos {
		if info.Name == name {
			return true, info.Up
		}
	}
	return false, false
}
