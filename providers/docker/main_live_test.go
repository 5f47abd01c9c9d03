//go:build live

package docker_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/docker"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

// The tests run in a second process inside the lab's operator namespace, where
// the engine and every link are; these tell it what the first one made.
const (
	envHost   = "DOCKER_LIVE_TEST_HOST"
	envRoot   = "DOCKER_LIVE_TEST_ROOT"
	envLab    = "DOCKER_LIVE_TEST_LAB"
	envBinary = "DOCKER_LIVE_TEST_DECKY" // the test's own
	envReal   = "DOCKER_LIVE_TEST_REAL"  // cmd/decky
)

func TestMain(m *testing.M) {
	if os.Getenv(envHost) != "" {
		os.Exit(m.Run())
	}
	code, err := inLab()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// inLab makes a lab with an engine and runs this very test binary in it.
func inLab() (code int, err error) {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "dk")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	binary, realBinary := filepath.Join(root, "decky"), filepath.Join(root, "real")
	for path, source := range map[string]string{binary: "./testdata/decky", realBinary: "../../cmd/decky"} {
		build := exec.Command("go", "build", "-trimpath", "-o", path, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build %s: %w: %s", source, err, out)
		}
	}
	l, err := lab.Up(ctx, "dk"+strconv.Itoa(os.Getpid()), lab.Options{Root: root})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, l.Down()) }()
	host, err := l.StartEngine(ctx)
	if err != nil {
		return 1, err
	}
	cmd := l.Command(ctx, lab.Operator, os.Args...)
	cmd.Env = append(cmd.Env, envHost+"="+host, envRoot+"="+root, envLab+"="+l.Name, envBinary+"="+binary, envReal+"="+realBinary)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// bench is one test's lineage on the lab's engine.
type bench struct {
	t       *testing.T
	env     providers.Env
	api     *client.Client
	lab     *lab.Lab
	network providers.Resource
	decky   providers.Resource
	service providers.Resource
	lineage string
	// provider is what the three are of.
	provider providers.Provider
}

var lineages int

// newBench has the test's own decky, which is quick and tells what it sees.
func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchWith(t, os.Getenv(envBinary))
}

func newBenchWith(t *testing.T, binary string) *bench {
	t.Helper()
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	lineages++
	b := &bench{t: t, lineage: "lineage" + strconv.Itoa(lineages)}
	b.env = providers.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, DataDir: t.TempDir(), RunDir: t.TempDir(),
		Decky: binary, DeckyDigest: hex.EncodeToString(sum[:]), DockerHost: os.Getenv(envHost),
		Derive: func(label string) ([]byte, error) {
			mac := hmac.New(sha256.New, []byte("secret"))
			mac.Write([]byte(label))
			return mac.Sum(nil), nil
		},
	}
	if b.api, err = client.NewClientWithOpts(client.WithHost(b.env.DockerHost), client.WithAPIVersionNegotiation()); err != nil {
		t.Fatal(err)
	}
	if b.lab, err = lab.OpenWith(os.Getenv(envLab), lab.Options{Root: os.Getenv(envRoot)}); err != nil {
		t.Fatal(err)
	}
	b.open()
	t.Cleanup(func() {
		b.clean()
		b.api.Close()
	})
	return b
}

// program runs a program in the operator's namespace.
func (b *bench) program(argv ...string) {
	b.t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		b.t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

// endpointsOf is what a container was created with, as far as the engine tells.
func endpointsOf(found container.InspectResponse) *network.NetworkingConfig {
	nets := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for name, e := range found.NetworkSettings.Networks {
		nets.EndpointsConfig[name] = &network.EndpointSettings{IPAMConfig: e.IPAMConfig}
	}
	return nets
}

// open makes the provider anew, as another run of decnet would.
func (b *bench) open() {
	p := docker.New(b.env)
	b.provider = p
	b.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.t.Error(err)
		}
	})
	for _, r := range p.Resources() {
		switch r.Spec().Type {
		case providers.TypeNetwork:
			b.network = r
		case providers.TypeDecky:
			b.decky = r
		case providers.TypeService:
			b.service = r
		}
	}
}

// clean deletes all of the lineage and then looks whether anything is left.
func (b *bench) clean() {
	ctx := context.Background()
	for _, r := range []providers.Resource{b.service, b.decky, b.network} {
		found, err := r.List(ctx, b.lineage)
		if err != nil {
			b.t.Error(err)
		}
		for _, f := range found {
			if err := r.Delete(ctx, f.State); err != nil {
				b.t.Errorf("delete %s: %v", f.Owner.Address, err)
			}
		}
	}
	for _, r := range []providers.Resource{b.service, b.decky, b.network} {
		if found, err := r.List(ctx, b.lineage); err != nil || len(found) != 0 {
			b.t.Errorf("after deleting all: %v, %v", found, err)
		}
	}
}

func (b *bench) net() schema.Network {
	return schema.Network{
		Name: b.lineage + "-office", Driver: "macvlan", Parent: lab.OperatorLink, Subnet: lab.Subnet,
		Gateway: "10.77.0.254", Pool: "10.77.0.10-10.77.0.99",
	}
}

func (b *bench) host(n int) schema.Decky {
	return schema.Decky{
		Name: fmt.Sprintf("%s-web-%d", b.lineage, n), Network: b.net(), Personality: "windows",
		Host: schema.Host{
			Address: fmt.Sprintf("decky.web[%d]", n), Hostname: fmt.Sprintf("WS-%04d", n), Domain: "corp.example",
			IP: fmt.Sprintf("10.77.0.%d", 10+n), MAC: fmt.Sprintf("00:50:56:00:00:%02x", n+1), OS: "windows",
		},
	}
}

func (b *bench) svc(n int) schema.Service {
	d := b.host(n)
	return schema.Service{Name: "ssh", Slug: "ssh", Decky: d.Name, Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Host: d.Host}
}

func (b *bench) owner(address string) providers.Owner {
	return providers.Owner{Lineage: b.lineage, Address: address, Digest: "d"}
}

// greeting connects from the attacker's side.
func (b *bench) greeting(n int) (string, error) { return b.greetingFrom(lab.Attacker, n) }

func (b *bench) greetingFrom(side lab.Side, n int) (string, error) {
	var text string
	err := b.lab.Do(side, func() error {
		conn, err := net.DialTimeout("tcp4", b.host(n).Host.IP+":22", time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		data, err := io.ReadAll(conn)
		text = strings.TrimSpace(string(data))
		return err
	})
	return text, err
}

// answers waits until a decky greets as it should.
func (b *bench) answers(n int) {
	b.t.Helper()
	want := b.host(n).Host.Hostname + " ssh"
	var got string
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = b.greeting(n); err == nil && got == want {
			return
		}
	}
	b.t.Fatalf("decky %d greets %q, %v; want %q", n, got, err, want)
}
