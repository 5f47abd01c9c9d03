package ingest

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// Limits of the names in an event, and of its clock.
const (
	maxName    = 128
	maxAddress = 512
	// maxAhead is how far an event's time may lie after its reading: deckies
	// share the collector's clock.
	maxAhead = time.Minute
)

// oldest is the earliest time that is believed.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// idAlphabet is that of event ids.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)

// check makes an event of a record. The journal's writer may be in an
// attacker's hands: whatever others rely on (who, when, which id) is verified,
// corrected and flagged; nothing is refused, since even a lie is evidence.
func check(j *intel.Journal, identity string, r journal.Record, now time.Time) *intel.Event {
	e := &intel.Event{Received: now, Journal: j.Name, Event: r.Event}
	switch {
	case j.Trusted || slices.Contains(j.Deckies, e.Decky):
	case len(j.Deckies) == 0:
		e.Flags |= intel.FlagUnowned
	default:
		e.Flags |= intel.FlagForeign
		e.Decky = j.Deckies[0]
	}
	if !j.Trusted && e.Kind() == event.KindDrift {
		e.Flags |= intel.FlagKind
		e.Body = forged(e.Body)
	}
	if e.Time.After(now.Add(maxAhead)) || e.Time.Before(oldest) {
		e.Flags |= intel.FlagTime
		e.Time = now
	}
	// As precise as it is stored, so that it is the same after a restart.
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	if !validID(e.ID) {
		e.Flags |= intel.FlagID
		e.ID = replacementID(identity, r.Pos, e.Time)
	}
	e.Decky = clean(e, e.Decky, maxAddress)
	e.Service = clean(e, e.Service, maxName)
	e.Session = clean(e, e.Session, maxName)
	e.Source.IP, e.Destination.IP = e.Source.IP.Unmap().WithZone(""), e.Destination.IP.Unmap().WithZone("")
	return e
}

// forged is what a decky's own journal says of what only the engine can know: a
// decky process that was taken over must not tell that nothing became of it.
func forged(body event.Body) event.Body {
	said, err := json.Marshal(body)
	if err != nil {
		said = []byte(err.Error())
	}
	return &event.System{Name: "forged", Detail: event.Text(said[:min(len(said), event.MaxText)]), Count: 1}
}

func validID(id string) bool {
	if len(id) != 26 {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(idAlphabet, id[i]) < 0 {
			return false
		}
	}
	return true
}

// replacementID depends on the record's place alone apart from its time, so
// that reading it again makes the same event.
func replacementID(identity string, p journal.Position, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", identity, p.Segment, p.Offset))
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(max(0, at.UnixMilli()))<<16)
	copy(b[6:], sum[:10])
	return idEncoding.EncodeToString(b[:])
}

// clean keeps the printable ASCII of a name, up to limit bytes.
func clean(e *intel.Event, name string, limit int) string {
	ok := len(name) <= limit
	for i := 0; ok && i < len(name); i++ {
		ok = name[i] > ' ' && name[i] < 0x7f
	}
	if ok {
		return name
	}
	e.Flags |= intel.FlagField
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() < limit; i++ {
		if c := name[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// timeOf orders records of several journals; what is no event goes first.
func timeOf(r *journal.Record) time.Time {
	if r.Event == nil {
		return time.Time{}
	}
	return r.Event.Time
}
