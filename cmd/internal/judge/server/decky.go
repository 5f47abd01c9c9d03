package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
	"github.com/decnet/decnet/providers/decky"
)

// Decky is ours: the binary that runs inside deckies, with one service of one
// decky that claims to be the lab's machine.
type Decky struct {
	Binary string
	Host   decky.Host // its IP is the address that Start is given
	Slug   string
	Port   uint16
	// Arguments of the service; ${account} and ${password} are the lab's.
	Arguments string
}

// Start implements Kind.
func (d Decky) Start(ctx context.Context, l *lab.Lab, ip netip.Addr) (*Running, error) {
	dir, err := l.Dir("decky")
	if err != nil {
		return nil, err
	}
	arguments := bytes.ReplaceAll([]byte(d.Arguments), []byte("${account}"), []byte(lab.Account))
	arguments = bytes.ReplaceAll(arguments, []byte("${password}"), []byte(l.Password))
	spec := decky.Spec{
		Host: d.Host, Journal: filepath.Join(dir, "journal"), Store: filepath.Join(dir, "store"),
		Services: []decky.ServiceSpec{{Name: d.Slug, Slug: d.Slug, Ports: []decky.Port{{Number: d.Port, Transport: "tcp"}}, Arguments: arguments}},
		Limits:   decky.Limits{Conns: 2048, ConnsPerSource: 2048},
	}
	spec.Host.IP = ip.String()
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write the decky's specification: %w", err)
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, fmt.Errorf("write the decky's specification: %w", err)
	}
	address := netip.AddrPortFrom(ip, d.Port).String()
	process, err := l.Start(ctx, address, d.Binary, "serve", "--spec", file)
	if err != nil {
		return nil, err
	}
	return &Running{Address: address, Stop: process.Stop, Output: process.Output}, nil
}

// Debian12 is the machine that the lab's references run on, as a decky claims
// it: Debian 12 with the kernel that runs here, for the references show it.
func Debian12(hostname string, packages map[string]string) (decky.Host, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return decky.Host{}, fmt.Errorf("read the kernel's release: %w", err)
	}
	return decky.Host{
		Address: "decky.judged", Hostname: hostname, MAC: "3c:ec:ef:4a:10:92",
		OS: "linux", Distro: "debian", Title: "Debian GNU/Linux 12 (bookworm)", Kernel: unix.ByteSliceToString(name.Release[:]),
		Build: unix.ByteSliceToString(name.Version[:]), Machine: unix.ByteSliceToString(name.Machine[:]),
		Packages: packages, Boot: time.Now().Add(-41 * 24 * time.Hour).UTC(),
		Key: []byte("a key of the judge's: no secret!"),
	}, nil
}
