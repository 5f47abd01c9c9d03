package detection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// reachPatience is how long a sink may take to accept a connection.
const reachPatience = 2 * time.Second

// Preflight warns of sinks that cannot take what will be written to them. A
// plan sends nothing to other hosts: of an address elsewhere it only tells
// whether there is a route, and names are not looked up.
func (p *provider) Preflight(ctx context.Context, planned []providers.Planned) []providers.Finding {
	var findings []providers.Finding
	for _, item := range planned {
		var sink schema.Sink
		if item.Type != providers.TypeSink || json.Unmarshal(item.Config, &sink) != nil {
			continue
		}
		if err := reach(ctx, sink); err != nil {
			findings = append(findings, providers.Finding{
				Severity: providers.SeverityWarning, Address: item.Address,
				Summary: fmt.Sprintf("sink %s cannot be written to: %v", sink.Name, err),
				Remedy:  "start what listens there, or correct the sink; the daemons keep trying",
			})
		}
		for _, path := range []string{sink.SecretFile, sink.URLFile, sink.PasswordFile, sink.TokenFile} {
			if err := private(path); err != nil {
				findings = append(findings, providers.Finding{
					Severity: providers.SeverityWarning, Address: item.Address,
					Summary: fmt.Sprintf("sink %s cannot use its secret: %v", sink.Name, err),
					Remedy:  "write the secret into the file, chmod 600 it, and try it: decnet sink test " + sink.Name,
				})
			}
		}
	}
	return findings
}

// private looks at a file that holds a secret, without reading it. What is
// beside the configuration, or where this user may not look, is not judged.
func private(path string) error {
	if !filepath.IsAbs(path) {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s has mode %04o, others may read it", path, info.Mode().Perm())
	}
	return nil
}

func reach(ctx context.Context, sink schema.Sink) error {
	if sink.Type != schema.SinkFile && sink.Type != schema.SinkSyslog {
		return nil // a plan asks nobody; decnet sink test does
	}
	if sink.Path != "" && !filepath.IsAbs(sink.Path) {
		return nil // beside the daemon's database
	}
	if sink.Path != "" {
		// The daemon makes the file, and no directory.
		info, err := os.Stat(filepath.Dir(sink.Path))
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no directory", filepath.Dir(sink.Path))
		}
		return err
	}
	target, err := url.Parse(sink.Address)
	if err != nil {
		return err
	}
	network, address := target.Scheme, target.Host
	switch network {
	case "tcp":
	case "unix":
		address = target.Path
		if info, err := os.Stat(address); err != nil || info.Mode()&os.ModeSocket == 0 {
			return fmt.Errorf("%s is no socket", address)
		}
		return nil // stream or datagram: the daemon tries both
	default:
		network = "udp"
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil // a name
	}
	if !at.Addr().IsLoopback() {
		network = "udp" // connecting such a socket asks for the route and sends nothing
	}
	dialer := net.Dialer{Timeout: reachPatience}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}
