package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

// windows answers an address that asks for Windows authentication. A challenge
// goes out, the response is recorded, and nobody gets in.
func (m *mail) windows(v *app.Visit, path string) *app.Reply {
	scheme, rest, _ := strings.Cut(v.Header("Authorization"), " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil || scheme == "" {
		return m.unauthorized(path)
	}
	switch strings.ToLower(scheme) {
	case "basic":
		user, secret, _ := strings.Cut(string(decoded), ":")
		v.Attempt("basic", user, secret, false)
	case "ntlm", "negotiate":
		if len(decoded) < 12 || string(decoded[:8]) != "NTLMSSP\x00" {
			return m.unauthorized(path)
		}
		switch binary.LittleEndian.Uint32(decoded[8:]) {
		case 1:
			r := &app.Reply{Status: 401}
			return r.With("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(m.challenge(v)))
		case 3:
			m.response(v, decoded)
		}
	}
	return m.unauthorized(path)
}

// window is how long a source gets the same challenge: its response comes in
// another request, which is told from others by nothing else.
const window = 10 * time.Minute

func (m *mail) nonce(v *app.Visit) []byte {
	return m.env.Derive(fmt.Sprintf("exchange/ntlm/%s/%d", v.Source, v.Now.Unix()/int64(window.Seconds())))[:8]
}

// challenge is a CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2) of a member of the
// domain.
func (m *mail) challenge(v *app.Visit) []byte {
	host := strings.ToUpper(m.env.Host.Hostname)
	domain := strings.ToUpper(strings.Split(m.env.Host.Domain, ".")[0])
	if domain == "" {
		domain = host
	}
	var info []byte
	av := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	av(2, wide(domain))
	av(1, wide(host))
	av(4, wide(m.env.Host.Domain))
	av(3, wide(m.fqdn()))
	stamp := uint64(v.Now.UnixNano()/100) + 116444736000000000 // 100 ns since 1601
	av(7, binary.LittleEndian.AppendUint64(nil, stamp))
	av(0, nil)
	target := wide(domain)
	const header = 56
	out := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	field := func(length, offset int) {
		out = binary.LittleEndian.AppendUint16(out, uint16(length))
		out = binary.LittleEndian.AppendUint16(out, uint16(length))
		out = binary.LittleEndian.AppendUint32(out, uint32(offset))
	}
	field(len(target), header)
	out = binary.LittleEndian.AppendUint32(out, 0xe2898215&^0x0000_0010) // as a domain member negotiates
	out = append(out, m.nonce(v)...)
	out = append(out, make([]byte, 8)...)
	field(len(info), header+len(target))
	out = append(out, 10, 0, 0x39, 0x38, 0, 0, 0, 15) // Windows 10.0.14393
	return append(append(out, target...), info...)
}

// response records an AUTHENTICATE_MESSAGE (2.2.1.3) as hashcat's modes 5500
// and 5600 read it.
func (m *mail) response(v *app.Visit, message []byte) {
	field := func(at int) []byte {
		if len(message) < at+8 {
			return nil
		}
		n, offset := int(binary.LittleEndian.Uint16(message[at:])), int(binary.LittleEndian.Uint32(message[at+4:]))
		if offset > len(message) || n > len(message)-offset {
			return nil
		}
		return message[offset : offset+n]
	}
	lm, nt, domain, user := field(12), field(20), narrow(field(28)), narrow(field(36))
	if len(nt) < 24 {
		return
	}
	attempt := &event.AuthAttempt{Method: "ntlm", Username: event.Text(user), SecretKind: "ntlmssp_v2", Client: event.Text(v.Header("User-Agent")).Clip(1024)}
	challenge := hex.EncodeToString(m.nonce(v))
	if len(nt) == 24 {
		attempt.SecretKind = "ntlmssp_v1"
		attempt.Secret = event.Text(fmt.Sprintf("%s::%s:%x:%x:%s", user, domain, lm, nt, challenge))
	} else {
		attempt.Secret = event.Text(fmt.Sprintf("%s::%s:%s:%x:%x", user, domain, challenge, nt[:16], nt[16:]))
	}
	attempt.Secret = attempt.Secret.Clip(8192)
	v.Note(attempt)
}

func wide(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func narrow(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
