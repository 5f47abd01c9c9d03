package persona

import (
	"maps"
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

// zones are the rules of the tz database (2024b) that hold today.
var zones = map[string]string{
	"Etc/UTC": "UTC0", "Europe/Vienna": centralEurope, "Europe/Brussels": centralEurope, "Europe/Zurich": centralEurope, "Europe/Prague": centralEurope,
	"Europe/Berlin": centralEurope, "Europe/Copenhagen": centralEurope, "Europe/Madrid": centralEurope, "Europe/Paris": centralEurope,
	"Europe/Rome": centralEurope, "Europe/Amsterdam": centralEurope, "Europe/Oslo": centralEurope, "Europe/Warsaw": centralEurope, "Europe/Stockholm": centralEurope,
	"Europe/Helsinki": "EET-2EEST,M3.5.0/3,M10.5.0/4", "Europe/Athens": "EET-2EEST,M3.5.0/3,M10.5.0/4", "Europe/London": "GMT0BST,M3.5.0/1,M10.5.0", "Europe/Dublin": "IST-1GMT0,M10.5.0,M3.5.0/1", "Europe/Lisbon": "WET0WEST,M3.5.0/1,M10.5.0",
	"Asia/Tokyo": "JST-9", "Asia/Seoul": "KST-9", "Asia/Kolkata": "IST-5:30", "Asia/Singapore": "<+08>-8", "Pacific/Auckland": "NZST-12NZDT,M9.5.0,M4.1.0/3",
	"America/New_York": "EST5EDT,M3.2.0,M11.1.0", "America/Chicago": "CST6CDT,M3.2.0,M11.1.0", "America/Denver": "MST7MDT,M3.2.0,M11.1.0", "America/Los_Angeles": "PST8PDT,M3.2.0,M11.1.0", "America/Sao_Paulo": "<-03>3",
}

const centralEurope = "CET-1CEST,M3.5.0,M10.5.0/3"

// Zone is the time zone of the host, UTC where it was told none that is known.
func (p *Persona) Zone() Zone {
	name := p.host.Zone
	rule, known := zones[name]
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

// Zones are the rules of the zones that hosts may stand in, by name.
func Zones() map[string]string { return maps.Clone(zones) }
