package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/decnet/decnet/providers/decky"
)

// maxFiles bounds the values of one decky, whatever their size.
const maxFiles = 4096

// Store keeps what clients of one decky wrote, one file a value, within a quota
// that the decky's services share. A value is replaced whole or not at all,
// also when the process or the machine dies. It is safe for concurrent use, and
// several processes may hold the same directory: each save takes the directory's
// lock and counts what the others keep there.
type Store struct {
	dir      string
	maxBytes int64

	mu   sync.Mutex
	root *os.Root
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	return nil
}

// OpenStore opens the directory dir, which is made with its first value. Files
// of an interrupted Save are removed.
func OpenStore(dir string, maxBytes int64) (*Store, error) {
	s := &Store{dir: dir, maxBytes: maxBytes}
	lock, err := lockDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), temporary) {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return nil, fmt.Errorf("clean store: %w", err)
			}
		}
	}
	return s, nil
}

// lockDir takes the directory's lock until the returned file is closed, by
// which the kernel releases it, or by the process's death.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock store: %w", err), f.Close())
		}
	}
}

// usage is what the values of the directory take but file, and how many there
// are beside it.
func usage(dir *os.File, file string) (bytes int64, values int, err error) {
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return 0, 0, fmt.Errorf("count store: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, fmt.Errorf("count store: %w", err)
		}
		if info.Mode().IsRegular() && entry.Name() != file && !strings.HasSuffix(entry.Name(), temporary) {
			bytes += info.Size()
			values++
		}
	}
	return bytes, values, nil
}

// temporary ends the name of a value that is being written; fileName makes no
// such name.
const temporary = "~"

// Of is the part of the store that belongs to one service.
func (s *Store) Of(service string) decky.Store { return &part{s, service} }

type part struct {
	store   *Store
	service string
}

// Load implements decky.Store.
func (p *part) Load(name string) ([]byte, error) { return p.store.load(fileName(p.service, name)) }

// Save implements decky.Store.
func (p *part) Save(name string, data []byte) error {
	if err := p.store.save(fileName(p.service, name), data); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}

// Update implements decky.Store.
func (p *part) Update(name string, change func(old []byte) ([]byte, error)) error {
	if err := p.store.update(fileName(p.service, name), change); err != nil {
		return fmt.Errorf("update %s: %w", name, err)
	}
	return nil
}

// fileName is a name for the value of a service that no name, whoever chose it,
// can turn into another path.
func fileName(service, name string) string {
	if plain(service) && plain(name) && len(service)+len(name) < 120 {
		return service + "@" + name
	}
	sum := sha256.Sum256([]byte(service + "\x00" + name))
	return "@" + hex.EncodeToString(sum[:])
}

func plain(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" && name[0] != '.'
}

func (s *Store) load(file string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		if _, err := os.Lstat(s.dir); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	root, err := s.open()
	if err != nil {
		return nil, err
	}
	return s.read(root, file)
}

func (s *Store) read(root *os.Root, file string) ([]byte, error) {
	f, err := root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load value: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, s.maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("load value: %w", err)
	}
	return data, nil
}

// list are the files whose names begin with prefix, sorted; none where the
// directory is not there.
func (s *Store) list(prefix string) []string {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && !strings.HasSuffix(e.Name(), temporary) && len(names) < maxFiles {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s *Store) save(file string, data []byte) error {
	return s.write(file, func(*os.Root) ([]byte, error) { return bytes(data), nil })
}

// bytes is data, never nil.
func bytes(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

func (s *Store) update(file string, change func(old []byte) ([]byte, error)) error {
	return s.write(file, func(root *os.Root) ([]byte, error) {
		old, err := s.read(root, file)
		if err != nil {
			return nil, err
		}
		return change(old)
	})
}

// write keeps what make returns, or removes the value where that is nil, with
// the directory locked.
func (s *Store) write(file string, make func(*os.Root) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	root, err := s.open()
	if err != nil {
		return err
	}
	lock, err := lockDir(s.dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	data, err := make(root)
	if err != nil {
		return err
	}
	if data == nil {
		if err := root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove value: %w", err)
		}
		return nil
	}
	used, values, err := usage(lock, file)
	if err != nil {
		return err
	}
	if used+int64(len(data)) > s.maxBytes || values >= maxFiles {
		return decky.ErrQuota
	}
	return replace(root, file, data)
}

// open opens the directory, and makes it first where it is missing.
func (s *Store) open() (*os.Root, error) {
	if s.root != nil {
		return s.root, nil
	}
	if err := makeDir(s.dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s.root = root
	return root, nil
}

func replace(root *os.Root, file string, data []byte) error {
	f, err := root.OpenFile(file+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(file+temporary, file)
	}
	if err != nil {
		return errors.Join(err, root.Remove(file+temporary))
	}
	return nil
}

// Close releases the directory; the values stay.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	err := s.root.Close()
	s.root = nil
	return err
}
