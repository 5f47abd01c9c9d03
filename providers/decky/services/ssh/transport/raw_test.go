package transport_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const rawIdentification = "SSH-2.0-raw"

// raw is a client that says what it is told to: curve25519-sha256, ssh-ed25519,
// aes128-ctr and hmac-sha2-256, or bytes as they are.
type raw struct {
	t              testing.TB
	conn           net.Conn
	r              *bufio.Reader
	client, server string
	mine, theirs   []byte // KEXINITs
	strict         bool
	session        []byte
	in, out        rawKeys
	inSeq, outSeq  uint32

	squeezed bytes.Buffer // compression, once squeeze is set
	squeeze  *zlib.Writer
	stream   []byte // all that the server compressed
	expanded int    // how much came out of it
}

// compress begins new streams both ways.
func (c *raw) compress() {
	c.squeezed.Reset()
	c.squeeze, c.stream, c.expanded = zlib.NewWriter(&c.squeezed), nil, 0
}

// expand reads a packet of the server. Its last bits may be in the next one, so
// that the whole stream is read again.
func (c *raw) expand(p []byte) ([]byte, error) {
	c.stream = append(c.stream, p...)
	r, err := zlib.NewReader(bytes.NewReader(c.stream))
	if err != nil {
		return nil, fmt.Errorf("no stream begins: %w", err)
	}
	out, err := io.ReadAll(r)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("the stream ended: %w", err)
	}
	out, c.expanded = out[c.expanded:], len(out)
	return out, nil
}

type rawKeys struct {
	stream cipher.Stream
	mac    []byte
}

func newRaw(t testing.TB, conn net.Conn) *raw {
	return &raw{t: t, conn: conn, r: bufio.NewReader(conn), client: rawIdentification}
}

// dialRaw is a raw client of a server of ours.
func dialRaw(t testing.TB, name string) (*raw, <-chan error) {
	t.Helper()
	near, far := pipe(t)
	done := serve(t, far, config(name))
	return newRaw(t, near), done
}

func (c *raw) identify(line string) {
	c.t.Helper()
	c.client = line
	c.send([]byte(line + "\r\n"))
	answer, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read identification: %v", err)
	}
	c.server = strings.TrimRight(answer, "\r\n")
}

func (c *raw) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Logf("write: %v", err)
	}
}

func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func str[T ~string | ~[]byte](s T) []byte { return append(u32(len(s)), s...) }

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func rawLists() [10]string {
	return [10]string{"curve25519-sha256,ext-info-c", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none"}
}

func kexInitPacket(lists [10]string, follows byte) []byte {
	b := append([]byte{20}, make([]byte, 16)...)
	for _, l := range lists {
		b = append(b, str(l)...)
	}
	return append(b, follows, 0, 0, 0, 0)
}

// pack is a packet in the client's present state.
func (c *raw) pack(payload []byte) []byte {
	if c.squeeze != nil {
		_, _ = c.squeeze.Write(payload)
		_ = c.squeeze.Flush()
		payload = bytes.Clone(c.squeezed.Bytes())
		c.squeezed.Reset()
	}
	block := 8
	if c.out.stream != nil {
		block = 16
	}
	padding := block - (len(payload)+5)%block
	if padding < 4 {
		padding += block
	}
	return c.protect(cat(u32(len(payload)+1+padding), []byte{byte(padding)}, payload, make([]byte, padding)))
}

// protect encrypts and counts a packet as it is.
func (c *raw) protect(p []byte) []byte {
	seq := c.outSeq
	c.outSeq++
	if c.out.stream == nil {
		return p
	}
	tag := c.out.tag(seq, p)
	c.out.stream.XORKeyStream(p, p)
	return append(p, tag...)
}

func (k *rawKeys) tag(seq uint32, p []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(u32(int(seq)))
	h.Write(p)
	return h.Sum(nil)
}

func (c *raw) write(payload []byte) {
	c.t.Helper()
	c.send(c.pack(payload))
}

// next is the next packet whole, decrypted.
func (c *raw) next() (payload, padding []byte, err error) {
	head := make([]byte, 4)
	if c.in.stream != nil {
		head = make([]byte, 16)
	}
	if _, err := io.ReadFull(c.r, head); err != nil {
		return nil, nil, err
	}
	if c.in.stream != nil {
		c.in.stream.XORKeyStream(head, head)
	}
	length := int(binary.BigEndian.Uint32(head))
	if length > 1<<20 {
		return nil, nil, fmt.Errorf("length %d", length)
	}
	p := append(head, make([]byte, 4+length-len(head))...)
	if _, err := io.ReadFull(c.r, p[len(head):]); err != nil {
		return nil, nil, err
	}
	if c.in.stream != nil {
		c.in.stream.XORKeyStream(p[len(head):], p[len(head):])
		tag := make([]byte, 32)
		if _, err := io.ReadFull(c.r, tag); err != nil {
			return nil, nil, err
		}
		if !hmac.Equal(tag, c.in.tag(c.inSeq, p)) {
			return nil, nil, errors.New("server's MAC is wrong")
		}
	}
	c.inSeq++
	n := int(p[4])
	payload, padding = p[5:len(p)-n], p[len(p)-n:]
	if c.squeeze != nil {
		payload, err = c.expand(payload)
	}
	return payload, padding, err
}

func (c *raw) read() []byte {
	c.t.Helper()
	p, _, err := c.next()
	if err != nil {
		c.t.Fatalf("read a packet: %v", err)
	}
	return p
}

// kexInit trades KEXINITs; the server's lists and padding come back.
func (c *raw) kexInit(lists [10]string) (server [10]string, padding []byte) {
	c.t.Helper()
	c.mine = kexInitPacket(lists, 0)
	c.strict = strings.Contains(lists[0], "kex-strict-c-v00@openssh.com")
	c.write(c.mine)
	p, padding, err := c.next()
	if err != nil || p[0] != 20 {
		c.t.Fatalf("KEXINIT: %v, %v", p, err)
	}
	c.theirs = p
	p = p[17:]
	for i := range server {
		n := int(binary.BigEndian.Uint32(p))
		server[i] = string(p[4 : 4+n])
		p = p[4+n:]
	}
	return server, padding
}

// exchange does the key exchange after both KEXINITs and checks the server's
// signature.
func (c *raw) exchange() {
	c.t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(cat([]byte{30}, str(key.PublicKey().Bytes())))
	p := c.read()
	if p[0] != 31 {
		c.t.Fatalf("message %d instead of the reply", p[0])
	}
	var reply struct{ Key, Point, Sig []byte }
	if err := ssh.Unmarshal(p[1:], &reply); err != nil {
		c.t.Fatal(err)
	}
	public, err := ecdh.X25519().NewPublicKey(reply.Point)
	if err != nil {
		c.t.Fatal(err)
	}
	shared, err := key.ECDH(public)
	if err != nil {
		c.t.Fatal(err)
	}
	secret := ssh.Marshal(struct{ K *big.Int }{new(big.Int).SetBytes(shared)})
	h := sha256.Sum256(cat(str(c.client), str(c.server), str(c.mine), str(c.theirs), str(reply.Key), str(key.PublicKey().Bytes()), str(reply.Point), secret))
	hostKey, err := ssh.ParsePublicKey(reply.Key)
	if err != nil {
		c.t.Fatal(err)
	}
	var sig ssh.Signature
	if err := ssh.Unmarshal(reply.Sig, &sig); err != nil {
		c.t.Fatal(err)
	}
	if err := hostKey.Verify(h[:], &sig); err != nil {
		c.t.Fatalf("host key's signature: %v", err)
	}
	if c.session == nil {
		c.session = h[:]
	}
	if p := c.read(); p[0] != 21 {
		c.t.Fatalf("message %d instead of NEWKEYS", p[0])
	}
	c.write([]byte{21})
	derive := func(letter byte) []byte {
		sum := sha256.Sum256(cat(secret, h[:], []byte{letter}, c.session))
		return sum[:]
	}
	keys := func(iv, key, mac byte) rawKeys {
		block, err := aes.NewCipher(derive(key)[:16])
		if err != nil {
			c.t.Fatal(err)
		}
		return rawKeys{cipher.NewCTR(block, derive(iv)[:16]), derive(mac)}
	}
	c.out, c.in = keys('A', 'C', 'E'), keys('B', 'D', 'F')
	if c.squeeze != nil {
		c.compress()
	}
	if c.strict {
		c.inSeq, c.outSeq = 0, 0
	}
}

// connect goes up to the end of the first key exchange.
func (c *raw) connect() {
	c.t.Helper()
	c.identify(rawIdentification)
	c.kexInit(rawLists())
	c.exchange()
}

// extensions reads EXT_INFO.
func (c *raw) extensions() (list [][2]string) {
	c.t.Helper()
	p := c.read()
	if p[0] != 7 {
		c.t.Fatalf("message %d instead of EXT_INFO", p[0])
	}
	n := binary.BigEndian.Uint32(p[1:])
	p = p[5:]
	for range n {
		var e struct {
			Name, Value string
			Rest        []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(p, &e); err != nil {
			c.t.Fatal(err)
		}
		list, p = append(list, [2]string{e.Name, e.Value}), e.Rest
	}
	return list
}

// rest tells what else comes and how the connection ends: the packets'
// numbers, small ones with their bodies, then fin, rst or open.
func (c *raw) rest(patience time.Duration) (out []string) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return []string{err.Error()}
	}
	for {
		p, _, err := c.next()
		switch {
		case err == nil && len(p) < 200:
			out = append(out, fmt.Sprintf("%d %q", p[0], p[1:]))
		case err == nil:
			out = append(out, fmt.Sprint(p[0]))
		case errors.Is(err, io.EOF):
			return append(out, "fin")
		case errors.Is(err, syscall.ECONNRESET):
			return append(out, "rst")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return append(out, "open")
		default:
			return append(out, err.Error())
		}
	}
}
