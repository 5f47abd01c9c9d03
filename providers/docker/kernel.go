package docker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
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
	senses
	hairpins
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

// containerCgroup finds a container's id in a line of /proc/PID/cgroup, as both
// of the engine's cgroup drivers write it.
var containerCgroup = regexp.MustCompile(`(?m)[/-]([0-9a-f]{64})(?:\.scope)?$`)

func (kernel) processes() (map[string]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	found := map[string]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile("/proc/" + e.Name() + "/cgroup")
		if err != nil {
			continue // ended meanwhile
		}
		id := containerOf(data)
		if id == "" || ended(pid) {
			continue
		}
		if first, ok := found[id]; !ok || older(pid, first) {
			found[id] = pid
		}
	}
	return found, nil
}

// containerOf is the container id in the text of /proc/PID/cgroup, or empty.
func containerOf(cgroup []byte) string {
	m := containerCgroup.FindSubmatch(cgroup)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// processStat reads /proc/PID/stat's fields from the state on (proc(5), field 3).
func processStat(pid int) []string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	end := strings.LastIndexByte(string(data), ')')
	if end < 0 {
		return nil
	}
	return strings.Fields(string(data[end+1:]))
}

// older tells which of two processes of a container was there first: the one
// that its life began with.
func older(a, b int) bool {
	first, ok := startTicks(processStat(a))
	second, both := startTicks(processStat(b))
	if !ok || !both || first == second {
		return a < b
	}
	return first < second
}

func ended(pid int) bool {
	fields := processStat(pid)
	return len(fields) == 0 || fields[0] == "Z" || fields[0] == "X"
}

// age is how long a process has been running.
func age(pid int) time.Duration {
	ticks, ok := startTicks(processStat(pid)) // in 1/100 s since boot
	if !ok {
		return 0
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano()) - time.Duration(ticks)*10*time.Millisecond
}

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

func (seen *inside) fillSysctls(names []string) error {
	for _, name := range names {
		value, err := link.ReadSysctl(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		seen.sysctls[name] = value
	}
	return nil
}

// readSysctls reads sysctls in the namespace of a process.
func (kernel) readSysctls(pid int, names []string) (map[string]string, error) {
	seen := &inside{sysctls: map[string]string{}}
	err := namespace.Do(netnsPath(pid), func() error { return seen.fillSysctls(names) })
	if gone(err) {
		return nil, nil
	}
	return seen.sysctls, needsRoot(err)
}

// fill looks around in the calling thread's namespace.
func (seen *inside) fill(sysctls []string) error {
	if err := seen.fillSysctls(sysctls); err != nil {
		return err
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
