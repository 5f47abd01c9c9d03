package native

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// socketTables are those of the calling thread's namespace (proc_net(5)).
var socketTables = []string{"tcp", "tcp6", "udp", "udp6"}

// maxTable bounds what is read of one table, in bytes: about 6,000 sockets.
const maxTable = 1 << 20

// socketStates are those of TCP (include/net/tcp_states.h).
var socketStates = map[string]string{
	"01": "established", "02": "syn-sent", "03": "syn-received", "04": "fin-wait-1", "05": "fin-wait-2", "06": "time-wait",
	"07": "closed", "08": "close-wait", "09": "last-ack", "0A": "listening", "0B": "closing", "0C": "syn-received",
}

// sockets lists the sockets of the calling thread's namespace: those on the
// ports, or all. What is established is a session.
func sockets(ports map[uint16]bool) func() (string, error) {
	return func() (string, error) {
		var text strings.Builder
		var errs []error
		for _, table := range socketTables {
			f, err := os.Open("/proc/thread-self/net/" + table)
			if errors.Is(err, fs.ErrNotExist) { // no IPv6
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, listSockets(&text, table, f, ports), f.Close())
		}
		return text.String(), errors.Join(errs...)
	}
}

// listSockets writes a table down, one socket a line.
func listSockets(text *strings.Builder, table string, r io.Reader, ports map[uint16]bool) error {
	lines := bufio.NewScanner(io.LimitReader(r, maxTable))
	lines.Scan() // the head
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		local, err := socketAddress(fields[1])
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		remote, err := socketAddress(fields[2])
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		if ports != nil && !ports[local.Port()] {
			continue
		}
		state := socketStates[fields[3]]
		if strings.HasPrefix(table, "udp") {
			state = "open"
		}
		fmt.Fprintf(text, "%s %s %s %s queues %s\n", table, state, local, remote, fields[4])
	}
	return lines.Err()
}

// socketAddress reads "0100007F:0016": the address in 32-bit words of the host's
// order, which is little-endian wherever decnet runs.
func socketAddress(field string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(field, ":")
	raw, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q", address)
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q", address)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ip, uint16(number)), nil
}
