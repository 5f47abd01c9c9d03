package program

import (
	"strings"
)

// Posix tells whether the locale is C: dates and the order of names differ.
func (c *Call) Posix() bool {
	for _, name := range []string{"LC_ALL", "LANG"} {
		if value, _ := c.Getenv(name); value != "" {
			return value == "C" || value == "POSIX" || strings.HasPrefix(value, "C.")
		}
	}
	return true
}
