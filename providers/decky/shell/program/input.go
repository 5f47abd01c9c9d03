package program

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// pieceSize is what Pieces reads at once.
const pieceSize = 64 << 10

// Pieces hands a file to use as it comes, "-" being standard input: bytes that
// use must not keep. It ends with the file, or with c.Stop.
func (c *Call) Pieces(name string, use func(piece []byte)) error {
	var from io.Reader = c.In
	if name != "-" {
		file, err := c.Open(name, vfs.Read)
		if err != nil {
			return err
		}
		from = file
	}
	if from == nil {
		return nil
	}
	buffer := make([]byte, pieceSize)
	for c.Stop == nil {
		n, err := from.Read(buffer)
		if c.Stop = c.Kernel.Spend(n); n > 0 && c.Stop == nil {
			use(buffer[:n])
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		case c.Busy():
		}
	}
	return nil
}

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
