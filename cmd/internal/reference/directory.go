package reference

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Difference is a page of a directory that is not as it should be.
type Difference struct {
	Name string `json:"name"`
	What string `json:"what"` // "missing", "stale" or "surplus"
}

// Check compares a directory with the pages it should hold, sorted by name.
// Files that decnet docs did not write are nobody's business.
func Check(dir string, pages []Page) ([]Difference, error) {
	out := []Difference{}
	wanted := map[string]bool{}
	for _, p := range pages {
		wanted[p.Name] = true
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p.Name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, Difference{Name: p.Name, What: "missing"})
		case err != nil:
			return nil, fmt.Errorf("check the reference: %w", err)
		case !bytes.Equal(data, p.Data):
			out = append(out, Difference{Name: p.Name, What: "stale"})
		}
	}
	surplus, err := generated(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range surplus {
		if !wanted[name] {
			out = append(out, Difference{Name: name, What: "surplus"})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, nil
}

// Write makes a directory hold the pages: it writes those that differ and
// removes those that it once wrote and that are no more. It returns what it
// changed.
func Write(dir string, pages []Page) ([]Difference, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write the reference: %w", err)
	}
	changes, err := Check(dir, pages)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for _, p := range pages {
		data[p.Name] = p.Data
	}
	for _, c := range changes {
		path := filepath.Join(dir, filepath.FromSlash(c.Name))
		if c.What == "surplus" {
			err = os.Remove(path)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, data[c.Name], 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("write the reference: %w", err)
		}
	}
	return changes, nil
}

// generated lists the pages below a directory that Write wrote, with slashes.
func generated(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) != ".md" {
			return err
		}
		ours, err := marked(path)
		if err != nil || !ours {
			return err
		}
		name, err := filepath.Rel(dir, path)
		out = append(out, filepath.ToSlash(name))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for pages: %w", err)
	}
	return out, nil
}

// marked tells whether a file begins with the mark.
func marked(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(Mark))
	n, err := f.Read(head)
	if n == 0 { // an empty file, or one that cannot be read
		return false, nil
	}
	return err == nil && string(head[:n]) == Mark, nil
}
