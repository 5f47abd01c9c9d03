// Package evidence keeps what was found of objects that drifted: files named by
// the SHA-256 of their content, below one directory for each lineage, readable
// for their owner only. It owns their names, their bound and their integrity,
// and refuses to look into them: what an attacker wrote is bytes.
package evidence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultQuota is how many bytes one lineage keeps where nothing else is said.
const DefaultQuota = 1 << 30

// temporary is the prefix of a file that is being written.
const temporary = ".new-"

// ErrFull is returned where what must be kept fills the quota.
var ErrFull = errors.New("the quota of evidence is used up by drifts that are still open")

// ErrBroken is returned for a file whose content is not what its name says.
var ErrBroken = errors.New("it is not what was kept")

// Dir is where the evidence of a lineage stands.
func Dir(dataDir, lineage string) string { return filepath.Join(dataDir, lineage, "evidence") }

// Options shape a store.
type Options struct {
	Quota int64 // bytes kept; 0 is DefaultQuota
	// Keep tells which digests may not be dropped for others; nil: none. What
	// this store was given itself is never dropped by it.
	Keep func(digest string) bool
}

// Store is the evidence of one lineage. One process at a time may Put, and one
// goroutine at a time may use a Store; Get and Verify go on beside others.
type Store struct {
	dir     string
	options Options
	files   map[string]file // by digest
	total   int64
	put     map[string]bool // by this store
	unsaved []string        // paths not yet on disk for sure
}

type file struct {
	size int64
	time time.Time
}

// Open looks at what dir holds. It makes nothing: a directory that does not
// exist is empty. What a killed writer left half written is removed by the
// first Put.
func Open(dir string, options Options) (*Store, error) {
	options.Quota = cmp.Or(options.Quota, DefaultQuota)
	s := &Store{dir: dir, options: options, files: map[string]file{}, put: map[string]bool{}}
	err := s.each(func(name string, info fs.FileInfo) error {
		s.files[name] = file{size: info.Size(), time: info.ModTime()}
		s.total += info.Size()
		return nil
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	return s, nil
}

// each visits every kept file, and every other one of ours.
func (s *Store) each(kept func(digest string, info fs.FileInfo) error, half func(path string) error) error {
	groups, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, group := range groups {
		if len(group.Name()) != 2 || !group.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(s.dir, group.Name()))
		if err != nil {
			return err
		}
		for _, e := range entries {
			info, err := e.Info()
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return err
			case !info.Mode().IsRegular():
				continue
			case strings.HasPrefix(e.Name(), temporary) && half != nil:
				err = half(filepath.Join(s.dir, group.Name(), e.Name()))
			case isDigest(e.Name()) && e.Name()[:2] == group.Name():
				err = kept(e.Name(), info)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func isDigest(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}

func (s *Store) path(digest string) string { return filepath.Join(s.dir, digest[:2], digest) }

// Put keeps data and returns its SHA-256 in hex. It makes room by dropping what
// is oldest; ErrFull says that nothing may be dropped. What was put survives
// the death of this process at once, and that of the machine after Sync.
func (s *Store) Put(data []byte) (string, error) {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if _, known := s.files[digest]; known {
		if _, err := s.Get(digest); err == nil {
			s.put[digest] = true
			return digest, nil
		}
		if err := s.drop(digest); err != nil { // torn by a crash of the machine
			return "", fmt.Errorf("keep evidence: %w", err)
		}
	}
	if err := s.room(int64(len(data))); err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	if err := s.write(digest, data); err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	s.files[digest] = file{size: int64(len(data)), time: time.Now()}
	s.total += int64(len(data))
	s.put[digest] = true
	return digest, nil
}

func (s *Store) write(digest string, data []byte) error {
	if len(s.put) == 0 {
		if err := s.each(func(string, fs.FileInfo) error { return nil }, os.Remove); err != nil {
			return err
		}
	}
	path := s.path(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	s.unsaved = append(s.unsaved, path)
	return nil
}

// room drops the oldest files until size more bytes fit.
func (s *Store) room(size int64) error {
	if s.total+size <= s.options.Quota {
		return nil
	}
	var old []string
	var free int64
	for digest, f := range s.files {
		if !s.put[digest] && (s.options.Keep == nil || !s.options.Keep(digest)) {
			old = append(old, digest)
			free += f.size
		}
	}
	if s.total-free+size > s.options.Quota {
		return ErrFull
	}
	slices.SortFunc(old, func(a, b string) int {
		return cmp.Or(s.files[a].time.Compare(s.files[b].time), strings.Compare(a, b))
	})
	for len(old) > 0 && s.total+size > s.options.Quota {
		if err := s.drop(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	return nil
}

func (s *Store) drop(digest string) error {
	if err := os.Remove(s.path(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.total -= s.files[digest].size
	delete(s.files, digest)
	return nil
}

// Get is the content with this digest. An error wraps fs.ErrNotExist where it
// was never kept or was dropped since, ErrBroken where it is another now.
func (s *Store) Get(digest string) ([]byte, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("get evidence %q: it is no SHA-256 in hex", digest)
	}
	data, err := os.ReadFile(s.path(digest))
	if err != nil {
		return nil, fmt.Errorf("get evidence: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("get evidence %s: %w", digest, ErrBroken)
	}
	return data, nil
}

// Verify reads everything and returns the digests, sorted, of what is not what
// was kept.
func (s *Store) Verify() ([]string, error) {
	var broken []string
	err := s.each(func(digest string, _ fs.FileInfo) error {
		_, err := s.Get(digest)
		switch {
		case errors.Is(err, ErrBroken):
			broken = append(broken, digest)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return nil
	}, nil)
	slices.Sort(broken)
	if err != nil {
		return broken, fmt.Errorf("verify evidence: %w", err)
	}
	return broken, nil
}

// Size is the number of bytes and files that are kept.
func (s *Store) Size() (bytes int64, files int) { return s.total, len(s.files) }

// Sync returns when what was put survives the death of the machine.
func (s *Store) Sync() error {
	var errs []error
	done := map[string]bool{}
	for _, path := range s.unsaved {
		for _, p := range []string{path, filepath.Dir(path), s.dir} {
			if !done[p] {
				done[p] = true
				errs = append(errs, syncPath(p))
			}
		}
	}
	s.unsaved = nil
	return errors.Join(errs...)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped since
	}
	if err != nil {
		return fmt.Errorf("sync evidence: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
