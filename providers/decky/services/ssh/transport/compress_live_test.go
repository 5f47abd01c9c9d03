//go:build live

package transport

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"os/exec"
	"testing"
)

// zlibs deflates packets with zlib itself, by Python's binding.
const zlibs = `
import struct, sys, zlib
mode = {"partial": zlib.Z_PARTIAL_FLUSH, "sync": zlib.Z_SYNC_FLUSH}[sys.argv[1]]
c = zlib.compressobj(6)
while True:
    head = sys.stdin.buffer.read(4)
    if not head: break
    data = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    out = c.compress(data) + c.flush(mode)
    sys.stdout.buffer.write(struct.pack(">I", len(out)) + out)
`

// packets are what sessions send: short lines, texts, lists, noise, long runs.
func packets(random *rand.Rand) [][]byte {
	words := make([][]byte, 40)
	for i := range words {
		words[i] = make([]byte, 1+random.Intn(12))
		for j := range words[i] {
			words[i][j] = byte('a' + random.Intn(1+random.Intn(26)))
		}
	}
	var out [][]byte
	for range 5 + random.Intn(60) {
		var b []byte
		size := 1 + random.Intn(1<<random.Intn(16))
		switch kind := random.Intn(6); {
		case kind == 0:
			b = make([]byte, size)
			random.Read(b)
		case kind == 1:
			b = bytes.Repeat(words[random.Intn(len(words))], 1+size/6)
		default:
			for len(b) < size {
				b = append(append(b, words[random.Intn(1+random.Intn(len(words)))]...), " \n-/"[random.Intn(4)])
			}
		}
		out = append(out, b[:min(len(b), 32<<10)])
	}
	return out
}

// Every packet has the bytes that zlib makes of it.
func TestLiveDeflateIsZlib(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("no python3 on this machine: apt-get install python3")
	}
	for seed := range int64(60) {
		mode := []string{"partial", "sync"}[seed%2]
		random := rand.New(rand.NewSource(seed))
		var in bytes.Buffer
		list := packets(random)
		for _, p := range list {
			_ = binary.Write(&in, binary.BigEndian, uint32(len(p)))
			in.Write(p)
		}
		cmd := exec.Command(python, "-c", zlibs, mode)
		cmd.Stdin = &in
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		d := &deflater{sync: mode == "sync"}
		for i, p := range list {
			n := binary.BigEndian.Uint32(out)
			want := out[4 : 4+n]
			out = out[4+n:]
			if got := d.compress(nil, p); !bytes.Equal(got, want) {
				if n%outputPiece == 0 || len(got)%outputPiece == 0 {
					break // sshd's buffer decides there, not zlib
				}
				t.Fatalf("seed %d, %s, packet %d of %d bytes: %d bytes, zlib %d, first difference at %d", seed, mode, i, len(p), len(got), n, differAt(got, want))
			}
		}
	}
}

func differAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
