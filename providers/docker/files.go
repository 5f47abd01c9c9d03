package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/docker/api/types/mount"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event/journal"
)

// Where a service container finds its files.
const (
	inSpec    = "/spec.json"
	inJournal = "/journal"
	inStore   = "/store"
	inShared  = "/shared"
)

// files are the host's directories of one service container. dir is root's;
// journal, store and shared belong to the service's user. All services of the
// decky have shared, and it goes with the decky.
type files struct {
	dir     string
	journal string
	store   string
	shared  string
	user    int
}

// files are those of the service container name, of the decky that is called so.
func (p *provider) files(lineage, name, decky string) files {
	base := filepath.Join(p.env.DataDir, lineage)
	return files{
		dir:     filepath.Join(base, "docker", name),
		journal: filepath.Join(base, "journal", name),
		store:   filepath.Join(base, "store", name),
		shared:  p.shared(lineage, decky),
		user:    p.user,
	}
}

// shared is the directory of what the services of a decky have in common.
func (p *provider) shared(lineage, decky string) string {
	return filepath.Join(p.env.DataDir, lineage, "shared", decky)
}

func (f files) spec() string { return filepath.Join(f.dir, "spec.json") }

// bind mounts source at target, and nothing that is mounted below it.
func (f files) bind(source, target string, readOnly bool) mount.Mount {
	return mount.Mount{
		Type: mount.TypeBind, Source: source, Target: target, ReadOnly: readOnly,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationPrivate, NonRecursive: true},
	}
}

// write makes the directories and the spec, and returns the spec's digest.
func (f files) write(derive func(string) ([]byte, error), want schema.Service, on origin) (string, error) {
	data, err := specOf(derive, want, on)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", fmt.Errorf("make directory of service %s: %w", want.Name, err)
	}
	for _, dir := range []string{f.journal, f.store, f.shared} {
		// The parent is passed through by the collector and by whoever serves
		// deckies of another runtime; what counts is below.
		if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
			return "", fmt.Errorf("make directory of service %s: %w", want.Name, err)
		}
		if err := ownedDir(dir, f.user); err != nil {
			return "", err
		}
	}
	// A file of another name first: a reader never sees half of it, and a
	// container that binds the old one keeps it until it is started again.
	temporary := f.spec() + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("write spec of service %s: %w", want.Name, err)
	}
	if err := os.WriteFile(temporary, data, 0o400); err != nil {
		return "", fmt.Errorf("write spec of service %s: %w", want.Name, err)
	}
	if err := os.Chown(temporary, f.user, f.user); err != nil {
		return "", fmt.Errorf("write spec of service %s: %w", want.Name, err)
	}
	if err := os.Rename(temporary, f.spec()); err != nil {
		return "", fmt.Errorf("write spec of service %s: %w", want.Name, err)
	}
	return digestOf(data), nil
}

// ownedDir makes a directory that is the service user's alone.
func ownedDir(dir string, user int) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("make directory %s: something else stands there", dir)
	}
	if err := os.Lchown(dir, user, user); err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	return nil
}

// origin is what a service learns of the base container it joins.
type origin struct {
	created time.Time
	network schema.Network
}

// specOf is the file that tells the process in the container who it is.
func specOf(derive func(string) ([]byte, error), want schema.Service, on origin) ([]byte, error) {
	data, err := json.Marshal(want.Host)
	if err != nil {
		return nil, fmt.Errorf("encode spec of service %s: %w", want.Name, err)
	}
	spec := decky.Spec{Journal: inJournal, Store: inStore, Shared: inShared}
	if err := json.Unmarshal(data, &spec.Host); err != nil {
		return nil, fmt.Errorf("encode spec of service %s: %w", want.Name, err)
	}
	// The engine-side name stays when a decky's address moves, and so do its keys.
	if spec.Host.Key, err = derive("decky/" + want.Decky); err != nil {
		return nil, fmt.Errorf("derive the key of %s: %w", want.Decky, err)
	}
	spec.Host.Subnet, spec.Host.Gateway = on.network.Subnet, on.network.Gateway
	if !on.created.IsZero() {
		drawn, err := derive("boot/" + want.Decky)
		if err != nil {
			return nil, fmt.Errorf("derive the start of %s: %w", want.Decky, err)
		}
		spec.Host.Boot = persona.BootBefore(on.created, drawn, spec.Host.IP)
	}
	if spec.Host, err = persona.Complete(spec.Host, derive); err != nil {
		return nil, fmt.Errorf("encode spec of service %s: %w", want.Name, err)
	}
	service := decky.ServiceSpec{Name: want.Name, Slug: want.Slug, Arguments: want.Arguments}
	for _, p := range want.Ports {
		service.Ports = append(service.Ports, decky.Port{Number: p.Number, Transport: p.Transport})
	}
	spec.Services = []decky.ServiceSpec{service}
	if data, err = json.Marshal(spec); err != nil {
		return nil, fmt.Errorf("encode spec of service %s: %w", want.Name, err)
	}
	return data, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// check tells what is wrong with the files that a container binds; empty if
// nothing, or if this user may not look.
func (f files) check(digest string) string {
	data, err := os.ReadFile(f.spec())
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "the spec is gone"
	case err != nil:
		return "the spec cannot be read"
	case digestOf(data) != digest:
		return "the spec was changed"
	}
	for name, dir := range map[string]string{"journal": f.journal, "store": f.store, "shared": f.shared} {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return "the " + name + " directory is gone"
		}
	}
	return ""
}

// remove deletes everything but a journal with events that nobody has read, and
// what the decky's other services have in common with this one.
func (f files) remove(service string) error {
	errs := []error{os.RemoveAll(f.dir), os.RemoveAll(f.store)}
	if service != "" {
		if err := os.Remove(filepath.Join(f.shared, runtime.AnnouncementFile(service))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("take back the announcement of %s: %w", service, err))
		}
	}
	if !unread(f.journal) {
		errs = append(errs, os.RemoveAll(f.journal))
	}
	for _, dir := range []string{f.dir, f.journal, f.store} {
		tidy(dir)
	}
	return errors.Join(errs...)
}

// removeShared deletes what the services of a decky had in common.
func removeShared(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove what services had in common: %w", err)
	}
	tidy(dir)
	return nil
}

// tidy removes the directories above dir, which go with the last that they held;
// what is not empty stays.
func tidy(dir string) {
	parent := filepath.Dir(dir)
	_ = os.Remove(parent)
	_ = os.Remove(filepath.Dir(parent))
}

// unread tells whether a journal holds records beyond what was acknowledged. It
// is asked when no process writes there any more; what that process left is
// not trusted to be a file.
func unread(dir string) bool {
	position := journal.Position{}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		return err != nil && !errors.Is(err, fs.ErrNotExist)
	}
	if info, err := os.Lstat(filepath.Join(dir, "ack")); err == nil && info.Mode().IsRegular() && info.Size() < 1<<10 {
		p, err := journal.Acknowledged(dir)
		if err != nil {
			return true
		}
		position = p
	}
	r := journal.NewReader(dir, position)
	records, err := r.Next(1)
	return errors.Join(err, r.Close()) != nil || len(records) > 0
}
