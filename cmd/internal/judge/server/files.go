package server

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Files are what a web server serves, by path.
type Files map[string][]byte

// write writes the files below dir, which is made, for every account to read.
func (f Files) write(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	// Apache trusts no date of a file that changed within the last minute.
	old := time.Now().AddDate(0, -2, 0)
	for path, data := range f {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write site: %w", err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return fmt.Errorf("write site: %w", err)
		}
		if err := os.Chtimes(name, old, old); err != nil {
			return fmt.Errorf("write site: %w", err)
		}
	}
	return nil
}
