package machine

import (
	"fmt"
	"net/netip"
)

// Broadcast is the last IP of the host's segment.
func (m *Machine) Broadcast() string {
	p := m.Persona.Prefix()
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b).String()
}

// Network is the first IP of the host's segment.
func (m *Machine) Network() string { return m.Persona.Prefix().Masked().Addr().String() }

// Netmask is the segment's, dotted.
func (m *Machine) Netmask() string {
	var b [4]byte
	for i := range m.Persona.Prefix().Bits() {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b).String()
}

// IP is the host's address.
func (m *Machine) IP() string { return m.Persona.Prefix().Addr().String() }

// Gateway is the router of the host's segment.
func (m *Machine) Gateway() string { return m.Persona.Gateway().String() }

// GatewayMAC is the router's hardware address.
func (m *Machine) GatewayMAC() string { return m.Persona.GatewayMAC() }

// MAC is the hardware address of the network card.
func (m *Machine) MAC() string { return m.Hardware.NIC.MAC }

// NIC is the name of the network card.
func (m *Machine) NIC() string { return m.Hardware.NIC.Name }

// Traffic of the network card, from the uptime.
func (m *Machine) Traffic() (rxBytes, rxPackets, txBytes, txPackets int64) {
	seconds := int64(m.Uptime().Seconds())
	rxPackets = seconds*m.Number("net/rate", 2, 9)/3 + 4211
	txPackets = rxPackets * 2 / 3
	return rxPackets * m.Number("net/rx", 90, 400), rxPackets, txPackets * m.Number("net/tx", 80, 300), txPackets
}

// hexAddress is an IPv4 address as /proc/net/route writes it.
func hexAddress(a netip.Addr) string {
	if !a.Is4() {
		return "00000000"
	}
	b := a.As4()
	return fmt.Sprintf("%02X%02X%02X%02X", b[3], b[2], b[1], b[0])
}
