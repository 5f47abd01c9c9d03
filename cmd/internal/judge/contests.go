package main

import (
	"context"
	"embed"
	"fmt"
	"os/exec"
	"path"
	"strings"

	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/cmd/internal/judge/wire"
	"github.com/decnet/decnet/providers/decky"
)

// data is the probes and the masks, a folder for each service.
//
//go:embed data
var data embed.FS

// hostname is the lab's and the judged deckies'.
const hostname = "srv-atlas-17"

// contest is one reference, ours with the same persona, and what must be told
// from it, on one set of probes.
type contest struct {
	name    string // "ssh", "ssh-grace"
	service string // scores are summed by it; data/SERVICE/masks.json are its masks
	probes  []string
	masks   string // folder of the masks where it is not the service's
	// reference is the real server; foreign is the control that a set of probes
	// must tell from it, nil where another contest of the service has it.
	reference, foreign server.Kind
	// ours is told the decky binary.
	ours func(binary string) server.Kind
	// workers is how many probes are played at once against one server; 4.
	workers int
	// beside is a contest of waits: it is held beside the others. once is one
	// where a difference counts at once in a probe that waits long.
	beside, once bool
}

// installed is the version of a Debian package as its banner has it: Debian's
// revision where cut is false, the product's alone where it is true.
func installed(ctx context.Context, name string, cut bool) (string, error) {
	out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil || len(out) == 0 {
		return "", fmt.Errorf("no %s on this machine: apt-get install %s (%w)", name, name, err)
	}
	version := string(out)
	if _, after, epoch := strings.Cut(version, ":"); epoch {
		version = after
	}
	if cut {
		version, _, _ = strings.Cut(version, "-")
	}
	return version, nil
}

// versions are those that the references' packages have, as a persona has them.
func versions(ctx context.Context) (map[string]string, error) {
	openssh, err := installed(ctx, "openssh-server", false)
	if err != nil {
		return nil, err
	}
	product, revision, _ := strings.Cut(openssh, "-")
	all := map[string]string{"openssh": "OpenSSH_" + product + " Debian-" + revision}
	for _, name := range []string{"nginx", "apache2", "lighttpd"} {
		if all[name], err = installed(ctx, name, true); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maskFile is where the contest's masks are.
func (c contest) maskFile() string {
	if c.masks != "" {
		return path.Join("data", c.masks, "masks.json")
	}
	return path.Join("data", c.service, "masks.json")
}

// contests is every contest there is.
func contests(host decky.Host) []contest {
	packages := host.Packages
	openssh := func(binary string) server.Kind {
		return server.Decky{Binary: binary, Host: host, Slug: "ssh", Port: 22, Arguments: `{"users":{"${account}":"${password}"},"authorized_keys":["` + wire.AuthorizedKey("known") + `"]}`}
	}
	return append(append(webContests(host, packages), telnetContests(host)...), []contest{
		{
			name: "ssh", service: "ssh", workers: 6, probes: []string{"data/ssh/*.probes.json"},
			reference: server.SSHD(), foreign: server.XCryptoSSH{Identification: "SSH-2.0-" + packages["openssh"]},
			ours: openssh,
		},
		{
			name: "ssh-grace", service: "ssh", workers: 8, beside: true, once: true, probes: []string{"data/ssh/idle/*.probes.json"},
			reference: server.SSHD(), ours: openssh,
		},
		{
			name: "dropbear", service: "ssh", masks: "dropbear", workers: 2, beside: true, probes: []string{"data/ssh/id.probes.json", "data/ssh/kexinit.probes.json"},
			reference: server.Dropbear(), foreign: server.XCryptoSSH{Identification: "SSH-2.0-dropbear_2022.83"},
			ours: func(binary string) server.Kind {
				return server.Decky{Binary: binary, Host: host, Slug: "ssh", Port: 22, Arguments: `{"ssh_version":"dropbear_2022.83","users":{"${account}":"${password}"}}`}
			},
		},
	}...)
}

// choose is the contests of a service, or the one of that name, or all, and the
// machine that ours claims to be.
func choose(ctx context.Context, service string) ([]contest, decky.Host, error) {
	packages, err := versions(ctx)
	if err != nil {
		return nil, decky.Host{}, err
	}
	host, err := server.Debian12(hostname, packages)
	if err != nil {
		return nil, decky.Host{}, err
	}
	var chosen []contest
	for _, c := range contests(host) {
		if service == "" || c.service == service || c.name == service {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, decky.Host{}, fmt.Errorf("no service or contest %q", service)
	}
	return chosen, host, nil
}
