package persona

import (
	"strings"
	"time"
)

// Zone is the time zone of a host.
type Zone struct {
	Name string // "Europe/Berlin", "Etc/UTC"
	Rule string // POSIX TZ, the footer of its file: "CET-1CEST,M3.5.0,M10.5.0/3"
	// Location computes with it.
	Location *time.Location
}

// Zone is the time zone of the host, UTC where it was told none that is known.
func (p *Persona) Zone() Zone {
	name := p.host.Zone
	rule, known := zones()[name]
	if !known {
		name, rule = "Etc/UTC", "UTC0"
	}
	location, err := time.LoadLocationFromTZData(name, zoneFile(rule))
	if err != nil { // every rule of the table is tested
		location = time.UTC
	}
	return Zone{Name: name, Rule: rule, Location: location}
}

// File is the zone's file (RFC 8536) without a history: the rule alone.
func (z Zone) File() []byte { return zoneFile(z.Rule) }

func zoneFile(rule string) []byte {
	abbreviation, offset := standardOf(rule)
	// Version 1 and version 2 blocks alike: one type, no transition.
	counts := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, byte(len(abbreviation) + 1)}
	block := append([]byte("TZif2"), make([]byte, 15)...)
	block = append(block, counts...)
	block = append(block, byte(offset>>24), byte(offset>>16), byte(offset>>8), byte(offset), 0, 0)
	block = append(append(block, abbreviation...), 0)
	out := append(block, block...)
	return append(out, "\n"+rule+"\n"...)
}

// standardOf is the standard time of a POSIX rule: its abbreviation and how many
// seconds it is east of Greenwich.
func standardOf(rule string) (string, int32) {
	end := strings.IndexAny(rule, "+-0123456789")
	name, rest := "", ""
	if strings.HasPrefix(rule, "<") {
		end = strings.IndexByte(rule, '>') + 1
		name = rule[1 : end-1]
	} else {
		name = rule[:end]
	}
	rest = rule[end:]
	sign := int32(-1)
	if strings.HasPrefix(rest, "-") {
		sign, rest = 1, rest[1:]
	}
	var parts [2]int32
	n := 0
	for _, c := range rest {
		switch {
		case c >= '0' && c <= '9':
			parts[n] = parts[n]*10 + c - '0'
		case c == ':' && n == 0:
			n++
		default:
			return name, sign * (parts[0]*3600 + parts[1]*60)
		}
	}
	return name, sign * (parts[0]*3600 + parts[1]*60)
}
