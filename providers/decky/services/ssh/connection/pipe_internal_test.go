package connection

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// How much a pipe of Linux takes of writes of so many bytes, while poll(2)
// calls it writable: measured on a pipe of 64 KiB with O_NONBLOCK.
func TestPipeTakesWhatLinuxTakes(t *testing.T) {
	for _, c := range []struct {
		writes, count int
		want          int
	}{
		{32000, 80, 64000}, {96000, 1, 65536}, {1, 70000, 61441}, {4096, 80, 65536}, {3000, 80, 48000}, {2000, 80, 62000}, {32768, 5, 65536},
	} {
		var p pipe
		taken := 0
		for range c.count {
			if p.full() {
				break
			}
			_, n := p.write([][]byte{make([]byte, c.writes)})
			taken += n
		}
		if taken != c.want {
			t.Errorf("writes of %d: %d bytes are taken, want %d", c.writes, taken, c.want)
		}
	}
}

// What goes in comes out, in order and whole.
func TestPipeKeepsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pipe
		var queue [][]byte
		var want, got []byte
		next := byte(0)
		for range rapid.IntRange(1, 60).Draw(t, "acts") {
			if rapid.Bool().Draw(t, "write") {
				piece := make([]byte, rapid.IntRange(1, 40000).Draw(t, "size"))
				for i := range piece {
					piece[i] = next
					next++
				}
				want, queue = append(want, piece...), append(queue, piece)
				if !p.full() {
					queue, _ = p.write(queue)
				}
			} else {
				b := make([]byte, rapid.IntRange(1, 70000).Draw(t, "read"))
				n := p.read(b)
				got = append(got, b[:n]...)
				if len(queue) > 0 && !p.full() {
					queue, _ = p.write(queue)
				}
			}
			if p.size() > pipePages*pageSize {
				t.Fatalf("%d bytes are in the pipe", p.size())
			}
		}
		for len(queue) > 0 || p.size() > 0 {
			b := make([]byte, 70000)
			got = append(got, b[:p.read(b)]...)
			queue, _ = p.write(queue)
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("%d bytes of %d come out", len(got), len(want))
		}
	})
}
