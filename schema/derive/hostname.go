package derive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// words are the parts of hostnames; none is a person, a brand or a theme.
var words = [25]string{
	"anvil", "aspen", "basalt", "birch", "cedar", "cobalt", "delta", "ember", "fjord", "flint", "garnet", "harbor", "indigo",
	"juniper", "larch", "lumen", "maple", "meadow", "onyx", "prairie", "quartz", "ridge", "sable", "tundra", "willow",
}

// Style is how a distribution's administrators name hosts.
type Style string

// The hostname styles.
const (
	StyleGeneric Style = "generic" // SRV-FLINT-42
	StyleRHEL    Style = "rhel"    // flint42.localdomain
	StyleMinimal Style = "minimal" // flint-42
	StyleRolling Style = "rolling" // flint-cedar
)

// Styles lists all hostname styles.
var Styles = []Style{StyleGeneric, StyleRHEL, StyleMinimal, StyleRolling}

var shapes = map[Style]*regexp.Regexp{
	StyleGeneric: regexp.MustCompile(`^SRV-[A-Z]+-\d+$`),
	StyleRHEL:    regexp.MustCompile(`^[a-z]+\d+\.localdomain$`),
	StyleMinimal: regexp.MustCompile(`^[a-z]+-\d+$`),
	StyleRolling: regexp.MustCompile(`^[a-z]+-[a-z]+(-\d+)?$`),
}

// Fits tells whether a hostname could have been made in this style.
func (s Style) Fits(hostname string) bool {
	shape := shapes[s]
	return shape != nil && shape.MatchString(hostname)
}

// triesPerWidth is how many collisions a name survives before its number gets
// another digit: small fleets have two digits, large ones never run out.
const triesPerWidth = 6

// hostname is the n-th candidate.
func (d Draw) hostname(style Style, n int) string {
	x := d.at(forHostname, n)
	word := words[x%uint64(len(words))]
	x /= uint64(len(words))
	low := uint64(10)
	for range n / triesPerWidth {
		low *= 10
	}
	number := strconv.FormatUint(low+x%(9*low), 10)
	switch style {
	case StyleRHEL:
		return word + number + ".localdomain"
	case StyleMinimal:
		return word + "-" + number
	case StyleRolling:
		second := words[(x>>32)%uint64(len(words))]
		if n < triesPerWidth && second != word {
			return word + "-" + second
		}
		return word + "-" + second + "-" + number
	default:
		return "SRV-" + strings.ToUpper(word) + "-" + number
	}
}

// Hostnames hands out hostnames that are unique in the fleet, letter case
// aside.
type Hostnames struct{ owner map[string]string }

// NewHostnames is an empty fleet with room for n names.
func NewHostnames(n int) *Hostnames { return &Hostnames{owner: make(map[string]string, n)} }

// Claim takes a name for an address and returns the address that has it
// already, or "".
func (h *Hostnames) Claim(hostname, address string) string {
	key := strings.ToLower(hostname)
	if owner, taken := h.owner[key]; taken {
		return owner
	}
	h.owner[key] = address
	return ""
}

// Derive makes and claims a name. It ends: every triesPerWidth collisions the
// space grows tenfold.
func (h *Hostnames) Derive(d Draw, style Style, address string) string {
	for n := 0; ; n++ {
		if name := d.hostname(style, n); h.Claim(name, address) == "" {
			return name
		}
	}
}

var label = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// CheckHostname tells what keeps s from being a hostname (RFC 1123 section
// 2.1: labels of letters, digits and hyphens, 63 bytes each, 253 in all).
func CheckHostname(s string) error {
	if s == "" || len(s) > 253 {
		return fmt.Errorf("a hostname has 1 to 253 characters, this one has %d", len(s))
	}
	for part := range strings.SplitSeq(s, ".") {
		if !label.MatchString(part) {
			return fmt.Errorf("%q is no label of a hostname: 1 to 63 letters, digits and hyphens, no hyphen at either end", part)
		}
	}
	if strings.Trim(s, "0123456789.") == "" {
		return fmt.Errorf("%q is all digits", s)
	}
	return nil
}
