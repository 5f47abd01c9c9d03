package probe

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/decnet/decnet/cmd/internal/judge/wire"
)

// SSH is an act on SSH's level, where the client keeps the state of the
// transport. Exactly one of its fields but Frame, Times, Read and Quiet is set. From
// the first one on answers are packets, a line each.
type SSH struct {
	// Hello sends an identification (with its line end) and reads the server's.
	Hello *Bytes `json:"hello,omitempty"`
	// Kexinit sends one.
	Kexinit *Kexinit `json:"kexinit,omitempty"`
	// ECDH sends SSH_MSG_KEX_ECDH_INIT with a key of the client's.
	ECDH bool `json:"ecdh,omitempty"`
	// Newkeys sends NEWKEYS and, where there are new keys, uses them.
	Newkeys bool `json:"newkeys,omitempty"`
	// Packet sends any message.
	Packet *Message `json:"packet,omitempty"`
	// Auth sends an attempt to log in.
	Auth *Auth `json:"auth,omitempty"`
	// Handshake does everything up to both NEWKEYS, and what follows at once
	// (EXT_INFO). What it hears is shown, not compared.
	Handshake *Kexinit `json:"handshake,omitempty"`
	// Login does a handshake and logs in; the zero value as the lab's account.
	// What it hears is shown, not compared.
	Login *Auth `json:"login,omitempty"`
	// Expect reads packets.
	Expect *Expect `json:"expect,omitempty"`

	// Frame makes the packet that is sent wrong.
	Frame *wire.Frame `json:"frame,omitempty"`
	// Times sends the packet so often; 1.
	Times int `json:"times,omitempty"`
	// Read reads so many packets afterwards, for 5 s at most.
	Read int `json:"read,omitempty"`
	// Quiet shows what this act hears and does not compare it.
	Quiet bool `json:"quiet,omitempty"`
}

// Kexinit is a KEXINIT of the client's; a nil list is the client's own choice:
// what it can do itself.
type Kexinit struct {
	Kex         []string `json:"kex,omitempty"`
	HostKeys    []string `json:"host_keys,omitempty"`
	Ciphers     []string `json:"ciphers,omitempty"`
	MACs        []string `json:"macs,omitempty"`
	Compression []string `json:"compression,omitempty"`
	Languages   []string `json:"languages,omitempty"`
	// Out are ciphers, MACs and compression of the way back, where they differ.
	CiphersOut []string `json:"ciphers_out,omitempty"`
	// With is added to Kex: "ext-info-c", "kex-strict-c-v00@openssh.com".
	With     []string `json:"with,omitempty"`
	Follows  bool     `json:"follows,omitempty"`  // first_kex_packet_follows
	Reserved uint32   `json:"reserved,omitempty"` // last field
	Cut      int      `json:"cut,omitempty"`      // bytes left out at the end of the payload
	Tail     *Bytes   `json:"tail,omitempty"`     // bytes added there
}

// Auth is a USERAUTH_REQUEST; ${account} and ${password} may stand in it.
type Auth struct {
	User      string  `json:"user,omitempty"`    // ${account}
	Service   string  `json:"service,omitempty"` // "ssh-connection"
	Method    string  `json:"method,omitempty"`  // "password"
	Password  string  `json:"password,omitempty"`
	Change    *string `json:"change,omitempty"` // the new password of a change
	Key       string  `json:"key,omitempty"`    // "known" to the server, or any other
	Blob      *Bytes  `json:"blob,omitempty"`
	Algorithm string  `json:"algorithm,omitempty"`
	Sign      string  `json:"sign,omitempty"` // "good", "bad", "" for a query
	// Compression is that of the handshake before a login.
	Compression []string `json:"compression,omitempty"`
}

// Expect says how many packets are read: Count of them, or until one of Until
// came. It ends with the connection and after Timeout.
type Expect struct {
	Count   int      `json:"count,omitempty"`
	Until   []string `json:"until,omitempty"`
	Timeout Duration `json:"timeout,omitempty"` // 5 s
}

// Message is any message: in JSON a list of its name (or number) and its fields.
// A string is a string of RFC 4251, a number a uint32, true and false a boolean,
// a list of strings names; {"byte": N}, {"mpint": HEX}, {"string": BYTES} and
// {"raw": BYTES} are the rest.
type Message struct {
	Number byte
	fields []field
}

type field struct {
	bytes *Bytes
	text  bool // with its length in front
	plain []byte
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Message) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("a packet has at least its name")
	}
	var name string
	if err := json.Unmarshal(list[0], &name); err != nil {
		return fmt.Errorf("name of a packet: %w", err)
	}
	number, ok := wire.Number(name)
	if !ok {
		return fmt.Errorf("no message %q", name)
	}
	m.Number = number
	for _, raw := range list[1:] {
		f, err := parseField(raw)
		if err != nil {
			return fmt.Errorf("field %s of %s: %w", raw, name, err)
		}
		m.fields = append(m.fields, f)
	}
	return nil
}

func parseField(raw json.RawMessage) (field, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return field{}, err
	}
	switch v := v.(type) {
	case string:
		b, err := latin1(v)
		return field{bytes: Text(string(b)), text: true}, err
	case bool:
		if v {
			return field{plain: []byte{1}}, nil
		}
		return field{plain: []byte{0}}, nil
	case float64:
		n := uint32(v)
		return field{plain: []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}}, nil
	case []any:
		text := ""
		for i, name := range v {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprint(name)
		}
		return field{bytes: Text(text), text: true}, nil
	}
	var o struct {
		Byte   *byte   `json:"byte"`
		Mpint  *string `json:"mpint"`
		String *Bytes  `json:"string"`
		Raw    *Bytes  `json:"raw"`
	}
	if err := strict(raw, &o); err != nil {
		return field{}, err
	}
	switch {
	case o.Byte != nil:
		return field{plain: []byte{*o.Byte}}, nil
	case o.Mpint != nil:
		n, err := hex.DecodeString(*o.Mpint)
		return field{plain: wire.Int(n)}, err
	case o.String != nil:
		return field{bytes: o.String, text: true}, nil
	case o.Raw != nil:
		return field{bytes: o.Raw}, nil
	}
	return field{}, errors.New("it is no byte, mpint, string or raw")
}

// Expand is the message's payload with captured values in their places.
func (m *Message) Expand(values map[string]string) []byte {
	out := []byte{m.Number}
	for _, f := range m.fields {
		switch {
		case f.bytes == nil:
			out = append(out, f.plain...)
		case f.text:
			out = append(out, wire.Text(f.bytes.Expand(values))...)
		default:
			out = append(out, f.bytes.Expand(values)...)
		}
	}
	return out
}

func (s SSH) check() error {
	set := 0
	for _, is := range []bool{s.Hello != nil, s.Kexinit != nil, s.ECDH, s.Newkeys, s.Packet != nil, s.Auth != nil, s.Handshake != nil, s.Login != nil, s.Expect != nil} {
		if is {
			set++
		}
	}
	if set != 1 || s.Times < 0 || s.Times > maxRepeat || s.Read < 0 {
		return fmt.Errorf("%d acts of SSH, want one", set)
	}
	if s.Expect != nil {
		for _, name := range s.Expect.Until {
			if _, ok := wire.Number(name); !ok {
				return fmt.Errorf("no message %q", name)
			}
		}
	}
	return nil
}
