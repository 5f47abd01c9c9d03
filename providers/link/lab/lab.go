// Package lab owns a laboratory: two network namespaces joined by one wire, an
// operator's and an attacker's, with a scratch directory, in which decnet is
// shown and tested without a packet on a real interface. It refuses to use any
// namespace or directory that it did not make, and leaves nothing behind.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
)

// Side is one of the lab's two machines.
type Side string

// Sides of the wire: the operator has the parent link, the attacker the other
// end.
const (
	Operator Side = "operator"
	Attacker Side = "attacker"
)

// What stands in every lab. Every lab has the same addresses: none of them can
// be reached from outside.
const (
	Subnet         = "10.77.0.0/24"
	OperatorLink   = "op0" // the parent of macvlan networks
	OperatorIP     = "10.77.0.1"
	AttackerLink   = "att0"
	AttackerIP     = "10.77.0.2"
	OperatorPrefix = OperatorIP + "/24"
	AttackerPrefix = AttackerIP + "/24"
)

// DefaultRoot is where labs are recorded and have their scratch directories.
const DefaultRoot = "/run/decnet-lab"

const netnsDir = "/run/netns"

// ErrNone says that there is no lab of that name.
var ErrNone = errors.New("no such lab")

// Options of Up; the zero value is good.
type Options struct {
	// Root holds the labs' records and scratch directories; DefaultRoot.
	Root string
	Log  *slog.Logger
	// Here makes the calling process's own network namespace the operator's
	// side. It must be a new one, with nothing but lo. Its processes are the
	// caller's business: Down does not end them.
	Here bool
}

// Lab is a running laboratory. Its namespaces outlive the process: Open finds
// it again, Down removes it.
type Lab struct {
	// Name is the lab's.
	Name string
	// Dir is the scratch directory, with data, run and state below it.
	Dir string

	root   string
	here   bool
	wires  []string // parents that Attach wired
	log    *slog.Logger
	record record
}

// record is what lab.json says: which namespaces are this lab's.
type record struct {
	Name   string          `json:"name"`
	Inodes map[Side]uint64 `json:"inodes"`
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,23}$`)

func newLab(name string, options Options) (*Lab, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("lab name %q: want 1 to 24 of a-z, 0-9 and -, no - first", name)
	}
	if options.Root == "" {
		options.Root = DefaultRoot
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Lab{Name: name, Dir: filepath.Join(options.Root, name), root: options.Root, here: options.Here, log: options.Log, record: record{Name: name, Inodes: map[Side]uint64{}}}, nil
}

// Up makes the lab: both namespaces, the wire, addresses, the scratch
// directory. A lab of that name that is already up is an error. It needs root.
func Up(ctx context.Context, name string, options Options) (*Lab, error) {
	l, err := newLab(name, options)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("a lab needs root: it makes network namespaces (run it with sudo)")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.recordPath()); err == nil {
		return nil, fmt.Errorf("lab %s is up already, or was left half-made: take it down first", name)
	}
	for _, side := range []Side{Operator, Attacker} {
		if _, err := os.Lstat(l.Namespace(side)); err == nil {
			return nil, fmt.Errorf("lab %s: namespace %s exists and is not the lab's", name, l.Namespace(side))
		}
	}
	if err := l.makeDirs(); err != nil {
		return nil, err
	}
	if err := l.make(); err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s: %w", name, err), l.Down())
	}
	return l, nil
}

func (l *Lab) makeDirs() error {
	if err := os.MkdirAll(l.root, 0o755); err != nil {
		return fmt.Errorf("lab %s: %w", l.Name, err)
	}
	if err := os.Mkdir(l.Dir, 0o755); err != nil {
		return fmt.Errorf("lab %s: %w", l.Name, err)
	}
	for _, dir := range []string{l.DataDir(), l.RunDir(), l.StateDir()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("lab %s: %w", l.Name, err)
		}
	}
	return l.save()
}

func (l *Lab) make() error {
	for _, side := range []Side{Operator, Attacker} {
		if err := l.makeSide(side); err != nil {
			return err
		}
		inode, err := namespace.Inode(l.Namespace(side))
		if err != nil {
			return err
		}
		l.record.Inodes[side] = inode
		if err := l.save(); err != nil {
			return err
		}
	}
	if err := l.wire(); err != nil {
		return err
	}
	if err := l.setup(Operator, OperatorLink, OperatorPrefix, AttackerIP); err != nil {
		return err
	}
	return l.setup(Attacker, AttackerLink, AttackerPrefix, "")
}

// makeSide makes, or takes, the namespace of a side.
func (l *Lab) makeSide(side Side) error {
	if side != Operator || !l.here {
		return namespace.Create(l.Namespace(side), nil)
	}
	h, err := link.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	links, err := h.Dump()
	if err != nil {
		return err
	}
	for _, there := range links {
		if there.Name != "lo" {
			return fmt.Errorf("this network namespace is no new one: it has %s", there.Name)
		}
	}
	return namespace.Pin(l.Namespace(side))
}

func (l *Lab) wire() error {
	operator, err := link.OpenNamespace(l.Namespace(Operator))
	if err != nil {
		return err
	}
	defer operator.Close()
	attacker, err := link.OpenNamespace(l.Namespace(Attacker))
	if err != nil {
		return err
	}
	defer attacker.Close()
	// Made from inside the operator's namespace: not even for a moment does an
	// end of the wire stand on the host.
	return namespace.Do(l.Namespace(Operator), func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		return h.CreateVethPair(OperatorLink, int(operator.Fd()), AttackerLink, int(attacker.Fd()))
	})
}

// setup configures one side. The operator's default route leads to the
// attacker, who forwards nothing: it makes op0 the interface of the default
// route, as on a real machine.
func (l *Lab) setup(side Side, name, prefix, gateway string) error {
	return l.Do(side, func() error {
		if err := link.WriteSysctl("net.ipv6.conf.all.disable_ipv6", "1"); err != nil {
			return err
		}
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		return h.Setup(link.Configure{Name: name, Address: prefix, Gateway: gateway})
	})
}

// Open finds a lab that is up. ErrNone if there is none, and an error if the
// namespaces of its name are not the ones it made.
func Open(name string) (*Lab, error) { return OpenWith(name, Options{}) }

// OpenWith is Open with options.
func OpenWith(name string, options Options) (*Lab, error) {
	l, err := load(name, options)
	if err != nil {
		return nil, err
	}
	for _, side := range []Side{Operator, Attacker} {
		inode, err := namespace.Inode(l.Namespace(side))
		if err != nil {
			return nil, fmt.Errorf("lab %s is half-made (take it down): %w", name, err)
		}
		if inode != l.record.Inodes[side] {
			return nil, fmt.Errorf("lab %s: namespace %s is not the one the lab made", name, l.Namespace(side))
		}
	}
	return l, nil
}

func load(name string, options Options) (*Lab, error) {
	l, err := newLab(name, options)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(l.recordPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNone, name)
	}
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	if err := json.Unmarshal(data, &l.record); err != nil {
		return nil, fmt.Errorf("read %s: %w", l.recordPath(), err)
	}
	if l.record.Inodes == nil {
		l.record.Inodes = map[Side]uint64{}
	}
	return l, nil
}

func (l *Lab) save() error {
	data, err := json.Marshal(l.record)
	if err != nil {
		return fmt.Errorf("lab %s: %w", l.Name, err)
	}
	if err := os.WriteFile(l.recordPath(), data, 0o600); err != nil {
		return fmt.Errorf("lab %s: %w", l.Name, err)
	}
	return nil
}

func (l *Lab) recordPath() string { return filepath.Join(l.Dir, "lab.json") }

// DataDir is what DECNET_DATA_DIR is set to inside the lab.
func (l *Lab) DataDir() string { return filepath.Join(l.Dir, "data") }

// RunDir is what DECNET_RUN_DIR is set to inside the lab.
func (l *Lab) RunDir() string { return filepath.Join(l.Dir, "run") }

// StateDir is a place for state files.
func (l *Lab) StateDir() string { return filepath.Join(l.Dir, "state") }

// Namespace is the path of a side's namespace, below /run/netns so that `ip
// netns` and nsenter know it.
func (l *Lab) Namespace(side Side) string {
	return filepath.Join(netnsDir, "decnet-lab-"+l.Name+"-"+string(side))
}

// Do runs fn on a thread inside a side's namespace.
func (l *Lab) Do(side Side, fn func() error) error {
	inode, err := namespace.Inode(l.Namespace(side))
	if err != nil {
		return err
	}
	if inode != l.record.Inodes[side] {
		return fmt.Errorf("lab %s: namespace %s is not the one the lab made", l.Name, l.Namespace(side))
	}
	return namespace.Do(l.Namespace(side), fn)
}

// downPatience is how long Down waits for processes and mounts to go.
const downPatience = 10 * time.Second
