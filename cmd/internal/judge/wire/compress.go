package wire

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
)

// zipping is one direction's stream of zlib@openssh.com: from a key exchange to
// the next, in use after the login.
type zipping struct {
	out    *zlib.Writer
	packed bytes.Buffer
	// in is all that came: its last bits may be in the next packet, so that it
	// is read from its begin again.
	in    []byte
	taken int
}

const delayed = "zlib@openssh.com"

// compressed tells whether both KEXINITs agree on delayed compression, for the
// direction whose list has that place.
func (c *Conn) compressed(place int) bool {
	ours, theirs := kexList(c.clientInit, place), kexList(c.serverInit, place)
	at := slices.IndexFunc(ours, func(name string) bool { return slices.Contains(theirs, name) })
	return at >= 0 && ours[at] == delayed
}

// pack is a payload as it is sent.
func (z *zipping) pack(payload []byte) []byte {
	if z.out == nil {
		z.out = zlib.NewWriter(&z.packed)
	}
	z.packed.Reset()
	_, err := z.out.Write(payload)
	if err = errors.Join(err, z.out.Flush()); err != nil {
		panic(err) // a buffer takes everything
	}
	return bytes.Clone(z.packed.Bytes())
}

// unpack is what came of a packed payload.
func (z *zipping) unpack(packed []byte) ([]byte, error) {
	z.in = append(z.in, packed...)
	r, err := zlib.NewReader(bytes.NewReader(z.in))
	if err != nil {
		return nil, fmt.Errorf("%w: compression: %w", ErrFrame, err)
	}
	all, err := io.ReadAll(io.LimitReader(r, int64(z.taken)+maxPacket))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || len(all) <= z.taken {
		return nil, fmt.Errorf("%w: compression: %d bytes of %d, %w", ErrFrame, len(all), z.taken, err)
	}
	payload := all[z.taken:]
	z.taken = len(all)
	return payload, nil
}
