package link

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sysctlPath maps a sysctl's dotted name to its file. A slash in the name stands
// for a dot in an interface's name, as sysctl(8) has it.
func sysctlPath(name string) (string, error) {
	swapped := strings.NewReplacer(".", "/", "/", ".").Replace(name)
	if name == "" || strings.Contains(name, "..") || strings.Contains(swapped, "..") || strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("sysctl name %q is not valid", name)
	}
	return filepath.Join("/proc/sys", swapped), nil
}

// ReadSysctl reads a sysctl in the calling thread's namespace. Blanks between
// values are single spaces.
func ReadSysctl(name string) (string, error) {
	path, err := sysctlPath(name)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", name, err)
	}
	return strings.Join(strings.Fields(string(data)), " "), nil
}

// WriteSysctl sets a sysctl in the calling thread's namespace.
func WriteSysctl(name, value string) error {
	path, err := sysctlPath(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set sysctl %s: %w", name, err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("set sysctl %s to %q: %w", name, value, err)
	}
	return nil
}
