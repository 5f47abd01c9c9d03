package scp

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sendAll is scp -f.
func (s *session) sendAll() error {
	if ok, err := s.response(); err != nil || !ok {
		return errStop
	}
	for _, name := range s.command.Paths {
		for _, full := range expand(s.View, s.Home, name) {
			if err := s.send(full, name, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends a file or a tree; shown is its name in complaints.
func (s *session) send(full, shown string, depth int) error {
	if strings.ContainsAny(shown, "*?[") || depth > 0 {
		shown = full
	}
	info, err := s.View.Stat(full)
	if err == nil {
		err = s.View.Access(full, 4)
	}
	switch {
	case err != nil:
		return s.complain("%s: %s", shown, vfs.Text(err))
	case info.IsDir() && s.command.Recursive && depth < maxDepth:
		return s.sendTree(full, info, depth)
	case !info.IsFile():
		return s.complain("%s: not a regular file", shown)
	}
	data, err := s.View.ReadFile(full)
	if err != nil {
		return s.complain("%s: %s", shown, vfs.Text(err))
	}
	if ok, err := s.announce('C', info, len(data), path.Base(full)); err != nil || !ok {
		return err
	}
	sum := sha256.Sum256(data)
	if err := s.moved(full, int64(len(data)), sum[:], data); err != nil {
		return err
	}
	if _, err := s.out.Write(append(data[:len(data):len(data)], 0)); err != nil {
		return err
	}
	_, err = s.response()
	return err
}

func (s *session) sendTree(full string, info vfs.Info, depth int) error {
	list, err := s.View.ReadDir(full)
	if err != nil {
		return s.complain("%s: %s", full, vfs.Text(err))
	}
	if ok, err := s.announce('D', info, 0, path.Base(full)); err != nil || !ok {
		return err
	}
	for _, entry := range list {
		below := strings.TrimSuffix(full, "/") + "/" + entry.Name
		if err := s.send(below, below, depth+1); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(s.out, "E\n"); err != nil {
		return err
	}
	_, err = s.response()
	return err
}

// announce sends the records before a file or a directory.
func (s *session) announce(kind byte, info vfs.Info, size int, name string) (bool, error) {
	if s.command.Preserve {
		t := info.MTime.Unix()
		if _, err := fmt.Fprintf(s.out, "T%d 0 %d 0\n", t, t); err != nil {
			return false, err
		}
		if ok, err := s.response(); err != nil || !ok {
			return false, err
		}
	}
	if _, err := fmt.Fprintf(s.out, "%c%04o %d %s\n", kind, info.Mode&0o7777, size, name); err != nil {
		return false, err
	}
	return s.response()
}
