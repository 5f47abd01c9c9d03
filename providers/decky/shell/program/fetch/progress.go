package fetch

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// progress shows a transfer as wget does, in the time that it takes: a bar on a
// terminal, dots elsewhere.
func progress(c *program.Call, s say, name string, size, from int, took time.Duration, bar bool) bool {
	if s.mute {
		return c.Wait(min(took, patience))
	}
	if bar {
		return showBar(c, s, name, size, from, took)
	}
	return showDots(c, s, size, from, took)
}

// tick is how often a bar is drawn.
const tick = 200 * time.Millisecond

func showBar(c *program.Call, s say, name string, size, from int, took time.Duration) bool {
	width := c.Cols - 1
	if c.Cols <= 0 {
		width = 79
	}
	width = min(max(width, 44), 400)
	s.print("\r" + barLine(width, name, size, from, from, 0, 0))
	took = min(took, patience)
	for at := tick; at < took; at += tick {
		if !c.Wait(tick) {
			return false
		}
		done := from + int(float64(size-from)*at.Seconds()/took.Seconds())
		s.print("\r" + barLine(width, name, size, done, from, at, 0))
	}
	if !c.Wait(took % tick) {
		return false
	}
	s.print("\r" + barLine(width, name, size, size, from, took, took) + "\n")
	return true
}

// barLine is one state of a bar; end is how long it took once it is over.
func barLine(width int, name string, size, done, from int, at, end time.Duration) string {
	room := width / 4
	if len(name) > room {
		name = name[:room]
	}
	percent := 100
	if size > 0 {
		percent = int(int64(done) * 100 / int64(size))
	}
	inner := max(width-room-40, 1)
	fill := inner
	if size > 0 {
		fill = int(int64(done) * int64(inner) / int64(size))
	}
	var bar strings.Builder
	old := 0
	if size > 0 && from > 0 {
		old = int(int64(from) * int64(inner) / int64(size))
		bar.WriteString(strings.Repeat("+", old))
	}
	if fill > old {
		bar.WriteString(strings.Repeat("=", fill-old-1) + ">")
	}
	pace := "  --.-KB/s"
	if at >= 150*time.Millisecond && done > from {
		v, unit := speed(done-from, at)
		pace = fmt.Sprintf("  %4s%s", threeDigits(v), [...]string{" B/s", "KB/s", "MB/s", "GB/s"}[unit])
	}
	tail := ""
	switch {
	case at > 0 && done >= size:
		tail = "    in " + spell(end) + "s"
	case at > 3*time.Second && done > from:
		tail = "    eta " + fmt.Sprintf("%ds", int(at.Seconds()*float64(size-done)/float64(done-from)+0.5))
	}
	return fmt.Sprintf("%-*s %3d%%[%-*s] %7s%s%-15s", room, name, percent, inner, bar.String(), human(done, 1000, 2), pace, tail)
}

// showDots is wget's other progress: a dot for a KiB, 50 in a row.
func showDots(c *program.Call, s say, size, from int, took time.Duration) bool {
	const row = 50 << 10
	took = min(took, patience)
	left := took
	start := from / row * row
	for at := start; ; at += row {
		end := min(at+row, size)
		last := end == size
		s.print(fmt.Sprintf("%6dK", at>>10))
		part := took
		if size > from {
			part = time.Duration(float64(took) * float64(max(end-max(at, from), 0)) / float64(size-from))
		}
		// Rows of one transfer are not alike.
		pace := time.Duration(float64(part) * (0.6 + float64((at>>10*37+size)%80)/100))
		if last {
			part = left
		}
		if !c.Wait(part) {
			return false
		}
		left -= part
		var dots strings.Builder
		for i := range 50 {
			if i%10 == 0 {
				dots.WriteByte(' ')
			}
			switch reached := at + (i+1)<<10; {
			case reached <= from:
				dots.WriteByte(',')
			case reached <= end:
				dots.WriteByte('.')
			default:
				dots.WriteByte(' ')
			}
		}
		percent := 100
		if size > 0 {
			percent = int(int64(end) * 100 / int64(size))
		}
		v, unit := speed(end-max(at, from), pace)
		text := fmt.Sprintf("%s%3d%% %4s%c", dots.String(), percent, threeDigits(v), " KMG"[unit])
		if last {
			s.print(text + "=" + spell(took) + "s\n")
			return true
		}
		s.print(text + " " + fmt.Sprintf("%ds", int(left.Seconds())) + "\n")
	}
}
