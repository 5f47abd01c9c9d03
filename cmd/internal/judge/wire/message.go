package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Numbers of messages that the client itself must know.
const (
	msgDisconnect      = 1
	msgExtInfo         = 7
	msgKexinit         = 20
	msgNewkeys         = 21
	msgKexInit         = 30
	msgKexReply        = 31
	msgUserauthRequest = 50
	msgUserauthSuccess = 52
	msgAuth60          = 60
	msgGlobalRequest   = 80
	msgChannelRequest  = 98
)

// layout is a message's name and fields: "name:kind". Kinds are s (string), u
// (uint32), b (byte), ? (boolean), m (mpint), n (names).
type layout struct {
	name   string
	fields []string
}

// layouts are the messages of RFC 4250 4.1, RFC 8308 and OpenSSH's PROTOCOL.
var layouts = map[byte]layout{
	1: {"DISCONNECT", []string{"reason:u", "text:s", "language:s"}}, 2: {"IGNORE", []string{"data:s"}},
	3: {"UNIMPLEMENTED", []string{"sequence:u"}}, 4: {"DEBUG", []string{"show:?", "text:s", "language:s"}},
	5: {"SERVICE_REQUEST", []string{"service:s"}}, 6: {"SERVICE_ACCEPT", []string{"service:s"}}, 7: {"EXT_INFO", nil},
	20: {"KEXINIT", nil}, 21: {"NEWKEYS", nil},
	30: {"KEX_30", nil}, 31: {"KEX_31", nil}, 32: {"KEX_32", nil}, 33: {"KEX_33", nil}, 34: {"KEX_34", nil},
	50: {"USERAUTH_REQUEST", nil}, 51: {"USERAUTH_FAILURE", []string{"methods:n", "partial:?"}},
	52: {"USERAUTH_SUCCESS", nil}, 53: {"USERAUTH_BANNER", []string{"text:s", "language:s"}},
	60: {"USERAUTH_60", nil}, 61: {"USERAUTH_61", nil},
	80: {"GLOBAL_REQUEST", []string{"name:s", "want_reply:?"}}, 81: {"REQUEST_SUCCESS", nil}, 82: {"REQUEST_FAILURE", nil},
	90: {"CHANNEL_OPEN", []string{"type:s", "sender:u", "window:u", "packet:u"}},
	91: {"CHANNEL_OPEN_CONFIRMATION", []string{"recipient:u", "sender:u", "window:u", "packet:u"}},
	92: {"CHANNEL_OPEN_FAILURE", []string{"recipient:u", "reason:u", "text:s", "language:s"}},
	93: {"CHANNEL_WINDOW_ADJUST", []string{"recipient:u", "bytes:u"}},
	94: {"CHANNEL_DATA", []string{"recipient:u", "data:s"}},
	95: {"CHANNEL_EXTENDED_DATA", []string{"recipient:u", "kind:u", "data:s"}},
	96: {"CHANNEL_EOF", []string{"recipient:u"}}, 97: {"CHANNEL_CLOSE", []string{"recipient:u"}},
	98: {"CHANNEL_REQUEST", []string{"recipient:u", "name:s", "want_reply:?"}},
	99: {"CHANNEL_SUCCESS", []string{"recipient:u"}}, 100: {"CHANNEL_FAILURE", []string{"recipient:u"}},
	192: {"PING", []string{"data:s"}}, 193: {"PONG", []string{"data:s"}},
}

// Number is the number of a message by its name, or of "123".
func Number(name string) (byte, bool) {
	for n, l := range layouts {
		if l.name == name {
			return n, true
		}
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return byte(n), err == nil
}

// Name is the name of a message by its number.
func Name(number byte) string {
	if l, ok := layouts[number]; ok {
		return l.name
	}
	return "MESSAGE_" + strconv.Itoa(int(number))
}

// kexinitFields are KEXINIT's, behind the cookie.
var kexinitFields = []string{
	"kex:n", "host_keys:n", "ciphers_in:n", "ciphers_out:n", "macs_in:n", "macs_out:n",
	"compression_in:n", "compression_out:n", "languages_in:n", "languages_out:n", "follows:?", "reserved:u",
}

// Line is a packet as "NAME field=value ... pad=N". Every byte of the packet is
// in it but the content of a random padding: two packets are alike when their
// lines are.
func (c *Conn) Line(p *Packet) string {
	var b strings.Builder
	number := p.Payload[0]
	r := &reader{data: p.Payload[1:]}
	l := layouts[number]
	name, fields := Name(number), l.fields
	switch {
	case number == msgKexinit:
		fields = append([]string{"cookie:16"}, kexinitFields...)
	case number == msgKexReply && bytes.Contains(p.Payload[:min(20, len(p.Payload))], []byte("ecdsa-")):
		name, fields = "KEX_ECDSA_REPLY", []string{"host_key:s", "public:s", "signature:s"}
	case number == msgKexReply && c.kex == curve:
		name, fields = "KEX_ECDH_REPLY", []string{"host_key:s", "public:s", "signature:s"}
	case number == msgKexReply && strings.HasPrefix(c.kex, "diffie-hellman-group-exchange"):
		name, fields = "KEX_DH_GEX_GROUP", []string{"p:s", "g:s"}
	case number == msgKexReply:
		name, fields = "KEX_REPLY", []string{"host_key:s", "public:s", "signature:s"}
	case number == msgAuth60 && c.method == "password":
		name, fields = "USERAUTH_PASSWD_CHANGEREQ", []string{"text:s", "language:s"}
	case number == msgAuth60 && strings.HasPrefix(c.method, "publickey"):
		name, fields = "USERAUTH_PK_OK", []string{"algorithm:s", "key:s"}
	case number == msgAuth60:
		name, fields = "USERAUTH_INFO_REQUEST", []string{"name:s", "instruction:s", "language:s", "prompts:u"}
	}
	b.WriteString(name)
	r.render(&b, fields)
	if number == msgExtInfo {
		n := r.u32()
		fmt.Fprintf(&b, " count=%d", n)
		for range min(n, 32) {
			fmt.Fprintf(&b, " %s=%+q", r.text(), r.text())
		}
	}
	if number == msgGlobalRequest && strings.Contains(b.String(), `"hostkeys-00@openssh.com"`) {
		for i := 0; len(r.data) > 0 && !r.failed; i++ {
			key := r.text()
			kind := reader{data: key}
			fmt.Fprintf(&b, " kind%d=%+q key%d=%+q", i, kind.text(), i, key)
		}
	}
	if number == msgChannelRequest && strings.Contains(b.String(), `"exit-status"`) {
		r.render(&b, []string{"status:u"})
	}
	if r.failed {
		fmt.Fprintf(&b, " CUT_SHORT raw=%+q", p.Payload)
	} else if len(r.data) > 0 {
		fmt.Fprintf(&b, " rest=%+q", r.data)
	}
	if p.Zipped > 0 {
		fmt.Fprintf(&b, " zipped=%d", p.Zipped)
	}
	fmt.Fprintf(&b, " pad=%d", len(p.Padding))
	switch {
	case !p.Plain:
	case bytes.Count(p.Padding, []byte{0}) == len(p.Padding):
		b.WriteString(" padding=zero")
	default:
		fmt.Fprintf(&b, " padding=%x", p.Padding)
	}
	return b.String()
}

func (r *reader) render(b *strings.Builder, fields []string) {
	for _, field := range fields {
		name, kind, _ := strings.Cut(field, ":")
		switch kind {
		case "s", "n":
			fmt.Fprintf(b, " %s=%+q", name, r.text())
		case "u":
			fmt.Fprintf(b, " %s=%d", name, r.u32())
		case "?":
			fmt.Fprintf(b, " %s=%d", name, r.byte())
		case "16":
			fmt.Fprintf(b, " %s=%x", name, r.take(16))
		}
	}
}
