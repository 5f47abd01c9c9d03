package derive

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// vendors are organisationally unique identifiers of the IEEE's MA-L registry
// (standards-oui.ieee.org), a few per maker that are common in the field.
var vendors = map[string][]string{
	"advantech":   {"00d0c9"},
	"axis":        {"00408c"},
	"brother":     {"008077", "001ba9"},
	"cisco":       {"24b657", "00000c", "000142", "000163"},
	"dell":        {"001422", "1866da", "3448ed", "8cec4b", "a4bb6d", "b8ca3a", "d4bed9", "f8bc12"},
	"hp":          {"001a4b", "00237d", "3cd92b", "9457a5"},
	"hpe":         {"48df37", "9cdc71", "ec9b8b", "f40343"},
	"intel":       {"001b21", "001e67", "3cfdfe", "90e2ba", "a0369f", "a4bf01"},
	"lantronix":   {"0080a3"},
	"lexmark":     {"000400", "0021b7"},
	"microsoft":   {"00155d"},
	"raspberrypi": {"b827eb", "dca632", "e45f01"},
	"ricoh":       {"000074", "002673"},
	"siemens":     {"0001e3", "000e8c", "001b1b"},
	"supermicro":  {"002590", "003048", "0cc47a", "ac1f6b"},
	"vmware":      {"000c29", "005056"},
	"wago":        {"0030de"},
	"zebra":       {"00074d", "001570"},
}

// makers are the vendors whose interfaces stand in hosts of an OS family.
var makers = map[string][]string{
	"linux":          {"dell", "hpe", "intel", "supermicro", "vmware"},
	"windows":        {"dell", "hp", "intel"},
	"windows_server": {"dell", "hpe", "microsoft", "vmware"},
	"bsd":            {"intel", "supermicro"},
	"embedded":       {"axis", "brother", "lantronix", "lexmark", "raspberrypi", "ricoh", "zebra"},
	"cisco":          {"cisco"},
}

// Families lists the operating system families, sorted.
func Families() []string { return slices.Sorted(maps.Keys(makers)) }

// Vendors lists the known vendors of network interfaces, sorted.
func Vendors() []string { return slices.Sorted(maps.Keys(vendors)) }

// Makers are the vendors that fit a family; those of linux for an unknown one.
func Makers(family string) []string {
	if m, ok := makers[family]; ok {
		return m
	}
	return makers["linux"]
}

// MACs hands out hardware addresses, each once.
type MACs struct{ owner map[string]string }

// NewMACs is an empty fleet with room for n addresses.
func NewMACs(n int) *MACs { return &MACs{owner: make(map[string]string, n)} }

// Claim takes a MAC for an address and returns the address that has it
// already, or "".
func (m *MACs) Claim(mac, address string) string {
	if owner, taken := m.owner[mac]; taken {
		return owner
	}
	m.owner[mac] = address
	return ""
}

// Derive makes and claims a MAC of one of the given vendors.
func (m *MACs) Derive(d Draw, makers []string, address string) string {
	ouis := vendors[d.Pick("vendor", makers)]
	for n := 0; ; n++ {
		x := d.at(forMAC, n)
		oui := ouis[x%uint64(len(ouis))]
		mac := formatMAC(oui, uint32(x>>16)&0xffffff)
		if m.Claim(mac, address) == "" {
			return mac
		}
	}
}

func formatMAC(oui string, nic uint32) string {
	digits := oui + hex.EncodeToString([]byte{byte(nic >> 16), byte(nic >> 8), byte(nic)})
	var out [17]byte
	for i := range 6 {
		copy(out[3*i:], digits[2*i:2*i+2])
		if i < 5 {
			out[3*i+2] = ':'
		}
	}
	return string(out[:])
}

// MadeBy tells whether a MAC carries an OUI of one of the vendors.
func MadeBy(mac string, makers []string) bool {
	if len(mac) != 17 {
		return false
	}
	oui := mac[0:2] + mac[3:5] + mac[6:8]
	for _, maker := range makers {
		if slices.Contains(vendors[maker], oui) {
			return true
		}
	}
	return false
}

// ParseMAC reads a unicast MAC and returns it in lower case with colons.
func ParseMAC(s string) (string, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return "", fmt.Errorf("%q is no MAC address such as 00:50:56:12:34:56", s)
	}
	if hw[0]&1 != 0 {
		return "", fmt.Errorf("%s is a group address; the lowest bit of the first byte of an interface's MAC is 0", s)
	}
	if hw.String() == "00:00:00:00:00:00" {
		return "", fmt.Errorf("%s is no interface's address", s)
	}
	return strings.ToLower(hw.String()), nil
}
