package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

var now = time.Now

// metric runs one Go benchmark and returns the value of one of its units.
func metric(ctx context.Context, pkg, benchmark, unit string, env ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-tags", "live", "-run", "^$", "-bench", "^"+benchmark+"$", "-benchtime", "1x", pkg)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("benchmark %s of %s: %w\n%s%s", benchmark, pkg, err, tail(out), stderr.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], benchmark) {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if fields[i+1] == unit {
				return strconv.ParseFloat(fields[i], 64)
			}
		}
	}
	return 0, fmt.Errorf("benchmark %s of %s reports no %s:\n%s", benchmark, pkg, unit, tail(out))
}
