// Package persona turns a decky's key and facts (decky.Host) into everything
// that makes it one machine among many and the same machine tomorrow: release,
// hardware, accounts, time zone, host keys, certificate, machine ids, boot time,
// how long its password checks take. All of it is a pure function of the host
// and a label, and nothing of it contradicts the rest. It speaks no protocol,
// holds no file and, but for what providers call at apply time (Complete), never
// sees the installation's secret.
package persona

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// Derive is the function that a service finds in its Env: HMAC-SHA256 of label
// under the host's key, 32 bytes, the same after every restart.
func Derive(host decky.Host) func(label string) []byte {
	key := host.Key
	return func(label string) []byte { return derive(key, label) }
}

func derive(key []byte, label string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(label))
	return mac.Sum(nil)
}

// Persona is one host's derived identity. It is safe for concurrent use.
type Persona struct {
	host decky.Host
}

// New is the identity of host.
func New(host decky.Host) *Persona { return &Persona{host: host} }

// Derive is HMAC-SHA256 of label under the host's key.
func (p *Persona) Derive(label string) []byte { return derive(p.host.Key, label) }

// MachineID is what /etc/machine-id holds: 32 hexadecimal digits.
func (p *Persona) MachineID() string { return p.UUID4Hex("machine-id") }

// UUID4Hex is 32 hexadecimal digits for label with the version and variant
// bits of a random UUID (RFC 9562 section 5.4), as systemd makes its ids.
func (p *Persona) UUID4Hex(label string) string {
	id := p.Derive("uuid/" + label)[:16]
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return hex.EncodeToString(id)
}

// UUID is a random UUID (RFC 9562 section 5.4) for label in its usual form.
func (p *Persona) UUID(label string) string {
	h := p.UUID4Hex(label)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Number is a value in [low, high] for label; low where the range is empty.
func (p *Persona) Number(label string, low, high int64) int64 {
	if high <= low {
		return low
	}
	span := uint64(high-low) + 1
	return low + int64(binary.BigEndian.Uint64(p.Derive("number/"+label))%span)
}

// Boot is when the host claims to have started. A host without a boot time
// started 3 to 90 days before since, by its key.
func (p *Persona) Boot(since time.Time) time.Time {
	if !p.host.Boot.IsZero() {
		return p.host.Boot
	}
	return since.Add(-time.Duration(p.Number("boot", 3*24*3600, 90*24*3600)) * time.Second)
}

// ServiceStart is when a service of the host claims to have started: 2 to 40
// seconds after boot.
func (p *Persona) ServiceStart(boot time.Time, service string) time.Time {
	return boot.Add(time.Duration(p.Number("start/"+service, 2000, 40000)) * time.Millisecond)
}
