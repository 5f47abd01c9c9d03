package file

import (
	"math"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// patience bounds how long a measurement takes.
const patience = 10 * time.Minute

// bulk tells of a copy of more zeros or noise than anybody would keep: somebody
// measures the disk. total is in bytes.
func bulk(c *program.Call, options map[string]string, size, blocks int64) (total int64, ok bool) {
	switch options["if"] {
	case "/dev/zero", "/dev/urandom", "/dev/random":
	default:
		return 0, false
	}
	if options["of"] == "" || options["seek"] != "" || options["oseek"] != "" || strings.Contains(options["conv"], "notrunc") {
		return 0, false
	}
	total = math.MaxInt64
	if size > 0 && blocks < math.MaxInt64/size {
		total = blocks * size
	}
	return total, total > min(int64(c.Kernel.Room()), 4<<20)
}

// measure takes the time that the host's disk needs, and keeps a file of zeros.
func measure(c *program.Call, options map[string]string, size, outSize, total int64) int {
	of := options["of"]
	file, err := c.Open(of, vfs.Write|vfs.Create)
	if err != nil {
		return c.Complain("failed to open '%s': %s", of, vfs.Text(err))
	}
	disk, free := true, int64(math.MaxInt64)
	if opened, ok := file.(*vfs.File); !ok || !opened.Info().IsFile() {
		disk = false
	} else {
		free = available(c, c.Path(of))
	}
	rate := c.Machine.Number("dd/memory", 3_800, 9_600)
	switch synced := strings.Contains(options["conv"], "sync") || strings.Contains(options["oflag"], "sync") || strings.Contains(options["oflag"], "direct"); {
	case strings.HasSuffix(options["if"], "random"):
		rate = c.Machine.Number("dd/random", 210, 430)
	case disk && synced:
		rate = c.Machine.Number("dd/disk", 96, 520)
	case disk:
		rate = c.Machine.Number("dd/cache", 640, 1_900)
	}
	copied := min(total, free/size*size)
	jitter := 0.94 + float64(uint64(c.Now().UnixMicro())*2654435761%1200)/10_000
	took := time.Duration(float64(copied) / float64(rate) / jitter * 1000)
	if !c.Wait(min(took, patience)) || took > patience {
		copied = int64(float64(copied) * float64(patience) / float64(max(took, patience)))
	}
	if disk {
		if err := c.View().Fill(c.Path(of), copied); err != nil {
			return c.Complain("failed to open '%s': %s", of, vfs.Text(err))
		}
	}
	status := 0
	if copied < total && copied == free/size*size {
		status = c.Complain("error writing '%s': No space left on device", of)
	}
	report(c, options["status"], size, outSize, copied, took)
	return status
}

// available is how many bytes the file system of path has left.
func available(c *program.Call, path string) int64 {
	free, longest := int64(0), -1
	for _, f := range c.Machine.Filesystems() {
		if point := strings.TrimSuffix(f.Point, "/") + "/"; len(point) > longest && strings.HasPrefix(path+"/", point) {
			free, longest = f.Available<<10, len(point)
		}
	}
	return free
}
