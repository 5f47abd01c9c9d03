package repository

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recordIn is where the tags that were seen are noted.
func recordIn(dir string) string { return filepath.Join(dir, "tags.json") }

func readTags(name string) (map[string]string, error) {
	seen := map[string]string{}
	raw, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(raw, &seen)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the tags seen before: %w", err)
	}
	return seen, nil
}

func writeTags(name string, seen map[string]string) error {
	raw, err := json.MarshalIndent(seen, "", "\t")
	if err != nil {
		return fmt.Errorf("note the tags: %w", err)
	}
	if err := replaceFile(name, append(raw, '\n')); err != nil {
		return fmt.Errorf("note the tags: %w", err)
	}
	return nil
}

// AcceptTag lets a tag that Fetch refused with a *MovedTagError name what it
// names now, and nothing else from then on. A tag that was never seen stays so.
func (r *Repository) AcceptTag(tag, is string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := recordIn(r.dir)
	seen, err := readTags(name)
	if err != nil {
		return fmt.Errorf("accept the tag %s: %w", clean(tag), err)
	}
	if was := seen[tag]; was == "" || was == is {
		return nil
	}
	seen[tag] = is
	if err := writeTags(name, seen); err != nil {
		return fmt.Errorf("accept the tag %s: %w", clean(tag), err)
	}
	return nil
}
