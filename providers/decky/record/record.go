// Package record owns the book of a lineage's native objects: which exist, or
// were about to, so that whatever a kill leaves is found again. A book is a log
// of JSON lines that is only appended to (making a file for each of thousands of
// objects costs far more than the objects), with a mirror elsewhere that stands
// in for what the log lost. Several processes may use it at once. It does not
// know what the records say.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// compactAbove is the size, in bytes, from which a log that is mostly history
// is written anew.
const compactAbove = 4 << 20

// Book is one lineage's records. It is safe for concurrent use.
type Book struct {
	mu  sync.Mutex
	log *log
	// mirror is written after log, and read for what log lost.
	mirror *log
}

// line is one entry of a log: the latest of a key counts. Without a value the
// object is gone.
type line struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Open is the book whose log and mirror stand at these paths. Neither need
// exist.
func Open(path, mirror string) *Book {
	return &Book{log: newLog(path), mirror: newLog(mirror)}
}

// Close releases the files; the book may be used again.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.forget()
	b.mirror.forget()
	return nil
}

// Put records an object under its key. It returns when the record survives the
// death of the process.
func (b *Book) Put(key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("record %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.recover(); err != nil {
		return fmt.Errorf("record %s: %w", key, err)
	}
	for _, l := range []*log{b.log, b.mirror} {
		if err := l.write(line{Key: key, Value: value}); err != nil {
			return fmt.Errorf("record %s: %w", key, err)
		}
	}
	return nil
}

// Drop forgets an object; with the last one the files go. An unknown key is no
// error.
func (b *Book) Drop(key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.recover(); err != nil {
		return fmt.Errorf("forget %s: %w", key, err)
	}
	for _, l := range []*log{b.log, b.mirror} {
		if err := l.drop(key); err != nil {
			return fmt.Errorf("forget %s: %w", key, err)
		}
	}
	return nil
}

// Get is the record of a key; false if there is none.
func (b *Book) Get(key string) (json.RawMessage, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(); err != nil {
		return nil, false, err
	}
	if value, ok := b.log.live[key]; ok {
		return value, true, nil
	}
	if b.lost(key) {
		return b.mirror.live[key], true, nil
	}
	return nil, false, nil
}

// All is every record by its key. The map is the caller's.
func (b *Book) All() (map[string]json.RawMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(); err != nil {
		return nil, err
	}
	all := maps.Clone(b.log.live)
	for key, value := range b.mirror.live {
		if b.lost(key) {
			all[key] = value
		}
	}
	return all, nil
}

// Lost tells whether only the mirror has a record: the log was damaged. Put puts
// it right.
func (b *Book) Lost(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refresh() == nil && b.lost(key)
}

func (b *Book) lost(key string) bool {
	_, live := b.log.live[key]
	_, mirrored := b.mirror.live[key]
	return mirrored && !live && !b.log.dropped[key]
}

func (b *Book) refresh() error {
	if err := b.log.refresh(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read records: %w", err)
	}
	if err := b.mirror.refresh(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read records: %w", err)
	}
	return nil
}

// recover writes a lost log anew from its mirror.
func (b *Book) recover() error {
	if _, err := os.Lstat(b.log.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.mirror.refresh(); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for key, value := range b.mirror.live {
		if err := b.log.write(line{Key: key, Value: value}); err != nil {
			return err
		}
	}
	return nil
}

// log is one file and what it says so far.
type log struct {
	path string
	live map[string]json.RawMessage
	// dropped are the keys that the file says are gone.
	dropped map[string]bool
	file    *os.File // that live was read from; open, so that no other file takes its inode
	size    int64    // of it, up to which it was read
	bytes   int64    // of the live values
	// changed is when it was, as it was read: what is written over it in place
	// changes no size.
	changed time.Time
}

func newLog(path string) *log {
	return &log{path: path, live: map[string]json.RawMessage{}, dropped: map[string]bool{}}
}

// open opens the file that has the name now, locked: shared to append,
// exclusive to replace it.
func (l *log) open(how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), how); err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", l.path, err), f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if named, err := os.Lstat(l.path); err == nil && os.SameFile(mine, named) {
			return f, nil
		}
		if err := f.Close(); err != nil { // it was replaced meanwhile
			return nil, err
		}
	}
}

// write appends a line. It begins with a line feed of its own, so that a line
// which a kill tore does not take this one with it.
func (l *log) write(entry line) error {
	data, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	f, err := l.open(unix.LOCK_SH)
	if err != nil {
		return err
	}
	_, err = f.Write(append(append([]byte{'\n'}, data...), '\n'))
	return errors.Join(err, f.Close())
}

// drop notes that an object is gone, and tidies up.
func (l *log) drop(key string) error {
	if err := l.refresh(); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if _, ok := l.live[key]; ok {
		if err := l.write(line{Key: key}); err != nil {
			return err
		}
		if err := l.refresh(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(l.live) == 0 || l.size > compactAbove && l.size > 4*l.bytes {
		return l.compact()
	}
	return nil
}

// compact writes the file anew with the live records alone, or removes it where
// there are none.
func (l *log) compact() error {
	f, err := l.open(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := l.refresh(); err != nil {
		return err
	}
	if len(l.live) == 0 {
		return os.Remove(l.path)
	}
	var content bytes.Buffer
	for key, value := range l.live {
		data, err := json.Marshal(line{Key: key, Value: value})
		if err != nil {
			return err
		}
		content.Write(append(data, '\n'))
	}
	temporary := l.path + ".new"
	if err := os.WriteFile(temporary, content.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, l.path)
}

// forget starts anew.
func (l *log) forget() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
	*l = *newLog(l.path)
}

// refresh reads what was appended since the last time, or all of another file.
func (l *log) refresh() error {
	named, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		l.forget()
		return err
	}
	if err != nil {
		return err
	}
	if l.file != nil {
		mine, err := l.file.Stat()
		if err != nil || !os.SameFile(mine, named) || named.Size() < l.size || named.Size() == l.size && !named.ModTime().Equal(l.changed) {
			l.forget()
		}
	}
	if l.file == nil {
		if l.file, err = os.Open(l.path); err != nil {
			l.file = nil
			return err
		}
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.changed = info.ModTime()
	if info.Size() == l.size {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(l.file, l.size, info.Size()-l.size))
	if err != nil {
		return fmt.Errorf("read %s: %w", l.path, err)
	}
	end := bytes.LastIndexByte(data, '\n') + 1 // the rest is being written, or torn
	l.take(data[:end])
	l.size += int64(end)
	return nil
}

func (l *log) take(data []byte) {
	for text := range bytes.Lines(data) {
		var entry line
		if json.Unmarshal(text, &entry) != nil || entry.Key == "" {
			continue // empty, or torn by a kill: what it recorded was not begun
		}
		l.bytes -= int64(len(l.live[entry.Key]))
		if entry.Value == nil {
			delete(l.live, entry.Key)
			l.dropped[entry.Key] = true
			continue
		}
		delete(l.dropped, entry.Key)
		l.bytes += int64(len(entry.Value))
		l.live[entry.Key] = entry.Value
	}
}
