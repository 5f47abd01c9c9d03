package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/decnet/decnet/providers"
)

// perEndpointMAC is the API version since which a MAC address belongs to the
// endpoint; before, it belongs to the container.
const perEndpointMAC = "1.44"

// engine is the connection to the Docker engine, made at the first call and
// made again after a failure.
type engine struct {
	host string

	mu  sync.Mutex
	api *client.Client
}

// client returns the negotiated client, an *UnavailableError where no engine
// answers.
func (e *engine) client(ctx context.Context) (*client.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.api != nil {
		return e.api, nil
	}
	opts := []client.Opt{client.FromEnv}
	if e.host != "" {
		opts = append(opts, client.WithHost(e.host))
	}
	c, err := client.NewClientWithOpts(append(opts, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, &providers.UnavailableError{
			Provider: "docker", What: "the engine's address cannot be used", Err: err,
			Remedy: "set DOCKER_HOST to the engine's address, for example unix:///var/run/docker.sock",
		}
	}
	ping, err := c.Ping(ctx)
	if err != nil {
		host := c.DaemonHost()
		if closeErr := c.Close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, noEngine(host, err)
	}
	c.NegotiateAPIVersionPing(ping)
	e.api = c
	return c, nil
}

func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.api == nil {
		return nil
	}
	err := e.api.Close()
	e.api = nil
	return err
}

// explain wraps err with what was attempted; an engine that does not answer is
// an *UnavailableError.
func (e *engine) explain(attempt string, err error) error {
	if err == nil {
		return nil
	}
	if client.IsErrConnectionFailed(err) {
		return noEngine(e.address(), err)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

func (e *engine) address() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.api == nil {
		return e.host
	}
	return e.api.DaemonHost()
}

func noEngine(host string, err error) error {
	return &providers.UnavailableError{
		Provider: "docker", What: "no engine answers at " + host, Err: err,
		Remedy: "start it (systemctl start docker), set DOCKER_HOST, or use runtime = \"native\", which needs no engine",
	}
}

// endpointMAC tells where this engine wants a MAC address.
func endpointMAC(c *client.Client) bool {
	return versions.GreaterThanOrEqualTo(c.ClientVersion(), perEndpointMAC)
}

// unavailable renders err as a finding that refuses an apply.
func unavailable(err error) providers.Finding {
	f := providers.Finding{Severity: providers.SeverityError, Summary: err.Error(), Remedy: "start the Docker engine"}
	var u *providers.UnavailableError
	if errors.As(err, &u) {
		f.Summary, f.Remedy = u.What, u.Remedy
	}
	return f
}
