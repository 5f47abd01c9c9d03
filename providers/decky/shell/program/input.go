package program

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Inputs reads the operands of a text tool, standard input where there are
// none; what cannot be read is complained about and sets the status.
func (c *Call) Inputs(names []string, complaint string) (all [][]byte, opened []string, status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.Read(name)
		if c.Stop != nil {
			return all, opened, 1
		}
		if err != nil {
			c.Err.Print(c.Name + ": " + fmt.Sprintf(complaint, name) + vfs.Text(err) + "\n")
			status = 1
			continue
		}
		all, opened = append(all, data), append(opened, name)
	}
	return all, opened, status
}

// Lines splits text at line feeds; the last line may lack one.
func Lines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}
