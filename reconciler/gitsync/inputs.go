package gitsync

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// maxInput bounds what is read of a file of values to see whether it changed.
const maxInput = 4 << 20

// inputs is a digest of what a configuration is evaluated with beside its
// commit. A file that cannot be read is an input, too.
func (c *controller) inputs() string {
	sum := sha256.New()
	for _, name := range c.sync.VarFiles {
		content, err := digestOf(name)
		if err != nil {
			content = err.Error()
		}
		fmt.Fprintf(sum, "%q %q\n", name, content)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func digestOf(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // read only
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(file, maxInput)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %x", info.Size(), sum.Sum(nil)), nil
}
