package repository_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

const tip = "1111111111111111111111111111111111111111"

func pkt(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

// hostile is a smart-HTTP server that answers as a test wants.
type hostile struct {
	refs  func(w io.Writer)
	caps  string
	serve func(w http.ResponseWriter, r *http.Request)
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		h.serve(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	io.WriteString(w, pkt("# service=git-upload-pack\n")+"0000")
	if h.refs != nil {
		h.refs(w)
		return
	}
	io.WriteString(w, pkt(tip+" HEAD\x00symref=HEAD:refs/heads/main "+h.caps+"\n")+pkt(tip+" refs/heads/main\n")+"0000")
}

func (h *hostile) fetch(t *testing.T, o repository.Options) (dir string, err error) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	o.URL = server.URL + "/a"
	dir = filepath.Join(t.TempDir(), "copy")
	r, err := repository.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = r.Fetch(t.Context(), repository.Follow{}, "")
	return dir, err
}

// entryOf is one object of a pack (gitformat-pack), of a declared size.
func entryOf(kind byte, size int, content []byte, before ...byte) []byte {
	first := kind<<4 | byte(size&15)
	var out []byte
	for size >>= 4; size > 0; size >>= 7 {
		out = append(out, first|0x80)
		first = byte(size & 127)
	}
	out = append(append(out, first), before...)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(content)
	_ = w.Close()
	return append(out, z.Bytes()...)
}

func packOf(count int, entries ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	for _, e := range entries {
		out = append(out, e...)
	}
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

func sends(parts ...[]byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, pkt("NAK\n"))
		for _, part := range parts {
			w.Write(part)
		}
	}
}

// endless writes until nobody reads.
func endless(w io.Writer, chunk []byte) {
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// TestTooLarge ends what is too large while it arrives, or before it is unpacked.
func TestTooLarge(t *testing.T) {
	bomb := make([]byte, 8<<20)
	small := repository.Limits{MaxBytes: 1 << 20, MaxObjects: 100, MaxObject: 1 << 20}
	delta := append(binary.AppendUvarint(binary.AppendUvarint(nil, 5), 1<<40), 0x90, 5)
	ofs := entryOf(3, 5, []byte("hello"))
	for name, h := range map[string]*hostile{
		"endless pack": {serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, pkt("NAK\n")+"PACK\x00\x00\x00\x02\x00\x00\x00\x05")
			endless(w, make([]byte, 64<<10))
		}},
		"endless pack in a sideband": {caps: "side-band-64k", serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, pkt("NAK\n")+pkt("\x01PACK\x00\x00\x00\x02\x00\x00\x00\x05"))
			endless(w, []byte(pkt("\x01"+strings.Repeat("x", 60000))))
		}},
		"endless progress": {caps: "side-band-64k", serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, pkt("NAK\n"))
			endless(w, []byte(pkt("\x02"+strings.Repeat("x", 60000))))
		}},
		"endless shallow": {caps: "shallow", serve: func(w http.ResponseWriter, _ *http.Request) {
			endless(w, bytes.Repeat([]byte(pkt("shallow "+tip)), 1000))
		}},
		"endless NAK": {serve: func(w http.ResponseWriter, _ *http.Request) { endless(w, bytes.Repeat([]byte(pkt("NAK\n")), 1000)) }},
		"endless refs": {refs: func(w io.Writer) {
			io.WriteString(w, pkt(tip+" HEAD\x00\n"))
			for i := 0; ; i++ {
				if _, err := io.WriteString(w, pkt(fmt.Sprintf("%s refs/heads/%0200d\n", tip, i))); err != nil {
					return
				}
			}
		}},
		"many objects":   {serve: sends(packOf(1 << 30))},
		"a bomb":         {serve: sends(packOf(1, entryOf(3, len(bomb), bomb)))},
		"a hidden bomb":  {serve: sends(packOf(1, entryOf(3, 5, bomb)))},
		"a bomb by copy": {serve: sends(packOf(2, ofs, entryOf(6, len(delta), delta, byte(len(ofs)))))},
		"many bombs":     {serve: sends(packOf(40, bytes.Repeat(entryOf(3, 1<<20, bomb[:1<<20]), 40)))},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := h.fetch(t, repository.Options{Limits: small, Timeout: 20 * time.Second})
			var large *repository.TooLargeError
			var broken *repository.BrokenError
			if !errors.As(err, &large) && (name != "a hidden bomb" || !errors.As(err, &broken)) {
				t.Errorf("got %v", err)
			}
			if _, size := disk(t, dir); size > 100<<10 {
				t.Errorf("%d bytes are left on disk", size)
			}
		})
	}
}

// TestBadServers says what is wrong with an answer that is none.
func TestBadServers(t *testing.T) {
	blob := entryOf(3, 5, []byte("hello"))
	good := packOf(1, blob)
	for name, c := range map[string]struct {
		h    *hostile
		want string
	}{
		"no pack":           {&hostile{serve: sends([]byte("PICK a number of it"))}, "sends no pack"},
		"cut off":           {&hostile{serve: sends(good[:len(good)-3])}, "damaged pack"},
		"cut off at once":   {&hostile{serve: sends([]byte("PACK"))}, "middle of a pack"},
		"bad checksum":      {&hostile{serve: sends(append(bytes.Clone(good[:len(good)-1]), 0))}, "checksum"},
		"another object":    {&hostile{serve: sends(good)}, "missing"},
		"a lie about size":  {&hostile{serve: sends(packOf(1, entryOf(3, 9, []byte("hello"))))}, "bytes instead of"},
		"fewer objects":     {&hostile{serve: sends(packOf(2, blob))}, "damaged pack"},
		"an unknown kind":   {&hostile{serve: sends(packOf(1, entryOf(5, 5, []byte("hello"))))}, "damaged pack"},
		"a delta of none":   {&hostile{serve: sends(packOf(1, entryOf(7, 4, []byte("\x05\x05\x90\x05"), []byte(tip)[:20]...)))}, "damaged pack"},
		"nothing":           {&hostile{serve: func(http.ResponseWriter, *http.Request) {}}, "hung up"},
		"an error":          {&hostile{serve: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, pkt("ERR out\x1b[31m of order")) }}, "Server: out[31m of order"},
		"error in the pack": {&hostile{caps: "side-band-64k", serve: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, pkt("NAK\n")+pkt("\x03no more")) }}, "no more"},
		"no protocol":       {&hostile{serve: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }}, "Protocol"},
		"no refs":           {&hostile{refs: func(io.Writer) {}}, "Protocol"},
		"sha256": {&hostile{refs: func(w io.Writer) {
			io.WriteString(w, pkt(strings.Repeat("1", 64)+" HEAD\x00object-format=sha256\n")+"0000")
		}}, "Protocol"},
		"empty": {&hostile{refs: func(w io.Writer) {
			io.WriteString(w, pkt(strings.Repeat("0", 40)+" capabilities^{}\x00shallow\n")+"0000")
		}}, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := c.h.fetch(t, repository.Options{Timeout: 20 * time.Second})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("got %v", err)
			}
			if _, size := disk(t, dir); size > 1000 {
				t.Errorf("%d bytes are left", size)
			}
		})
	}
}

// TestHanging gives up on a server that says nothing, or little.
func TestHanging(t *testing.T) {
	wait := func(w http.ResponseWriter, r *http.Request, drip bool) {
		for {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			if drip {
				io.WriteString(w, pkt("NAK\n"))
				w.(http.Flusher).Flush()
			}
		}
	}
	for name, drip := range map[string]bool{"silent": false, "slow": true} {
		t.Run(name, func(t *testing.T) {
			h := &hostile{serve: func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // else the server does not see that nobody waits
				wait(w, r, drip)
			}}
			start := time.Now()
			_, err := h.fetch(t, repository.Options{Timeout: 300 * time.Millisecond})
			var unreachable *repository.UnreachableError
			if !errors.As(err, &unreachable) || unreachable.Reason != repository.Timeout {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestRedirect goes elsewhere on the same host only.
func TestRedirect(t *testing.T) {
	var asked int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(other.URL+"/x", http.StatusFound))
	defer elsewhere.Close()
	h := &hostile{serve: sends(packOf(0))}
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
			http.Redirect(w, r, "/new"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		h.ServeHTTP(w, r)
	}))
	defer moved.Close()
	for url, want := range map[string]string{elsewhere.URL: "Redirected", moved.URL + "/old/a": "is missing"} {
		r := reopen(t, filepath.Join(t.TempDir(), "copy"), repository.Options{URL: url})
		if _, err := r.Fetch(t.Context(), repository.Follow{}, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if asked > 0 {
		t.Error("the other host was asked")
	}
}
