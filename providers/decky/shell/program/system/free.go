package system

import (
	"fmt"
	"strconv"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func free(c *program.Call) int {
	f, _, ok := c.Parse("bkmghtwls:c:", "bytes=b kibi=k mebi=m gibi=g human=h total=t wide=w")
	if !ok {
		return 1
	}
	x := c.Machine.Memory()
	show := func(k int64) string {
		switch {
		case f.Has("b"):
			return strconv.FormatInt(k*1024, 10)
		case f.Has("m"):
			return strconv.FormatInt(k/1024, 10)
		case f.Has("g"):
			return strconv.FormatInt(k/1024/1024, 10)
		case f.Has("h"):
			if k == 0 {
				return "0B"
			}
			if k >= 1<<20 {
				if gi := float64(k) / (1 << 20); gi < 9.95 {
					return fmt.Sprintf("%.1fGi", gi)
				}
				return fmt.Sprintf("%dGi", k>>20)
			}
			if k >= 1<<10 {
				if mi := float64(k) / (1 << 10); mi < 9.95 {
					return fmt.Sprintf("%.1fMi", mi)
				}
				return fmt.Sprintf("%dMi", k>>10)
			}
			return fmt.Sprintf("%dKi", k)
		}
		return strconv.FormatInt(k, 10)
	}
	used := x.Total - x.Free - x.Buffers - x.Cached
	c.Printf("               total        used        free      shared  buff/cache   available\n%-8s%12s%12s%12s%12s%12s%12s\n%-8s%12s%12s%12s\n", "Mem:", show(x.Total), show(used), show(x.Free), show(x.Total/1900), show(x.Buffers+x.Cached), show(x.Available), "Swap:", show(x.Swap), show(0), show(x.Swap))
	return 0
}
