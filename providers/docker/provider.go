// Package docker makes networks, deckies and services live on a Docker engine:
// per decky one base container that owns the network endpoint, the sysctls and
// the egress rules, and one container per service that shares its network
// namespace and has nothing else. Images are made through the Engine API from
// the decky binary; no registry is ever asked.
//
// It refuses to touch an object that does not carry its labels, and it needs
// the engine on this host: it looks into the containers' network namespaces
// and binds host directories into them.
//
// A restarted engine (20.10, and moby issue 50326 says newer ones too) starts
// containers in no order and never tries again one that shares the namespace of
// a container it has not started yet. Most services come back by themselves; one
// that lost that race is drift, and is started by the next apply, or by a
// reconciler within its first pass.
//
// Known limits: whatever changes a decky's packet filters beside the rules of
// its egress, or its routes in other tables than the main one, is no difference.
// A quarantined decky that the engine starts again has its network until it is
// cut off again; its egress rules stand from the first moment.
package docker

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/decnet/decnet/providers"
)

// provider is the docker leaf.
type provider struct {
	env      providers.Env
	engine   *engine
	world    world
	images   *images
	user     int // uid and gid of service processes
	settings *limiter
	// elsewhere is set once a container ran whose processes are not on this host.
	elsewhere atomic.Bool
}

// New returns the docker provider. It does not touch the engine before a
// handler is called.
func New(env providers.Env) providers.Provider {
	return newProvider(env, kernel{})
}

func newProvider(env providers.Env, w world) *provider {
	e := &engine{host: env.DockerHost}
	return &provider{
		env: env, engine: e, world: w, user: serviceUser, settings: &limiter{},
		images: &images{engine: e, binary: env.Decky, digest: env.DeckyDigest},
	}
}

// Name is "docker".
func (p *provider) Name() string { return "docker" }

// Resources are the network, the decky and the service of the docker runtime.
func (p *provider) Resources() []providers.Resource {
	runtime := providers.RuntimeDocker
	return []providers.Resource{
		providers.NewResource(providers.Spec{Type: providers.TypeNetwork, Runtime: runtime}, &networks{provider: p}),
		providers.NewResource(providers.Spec{Type: providers.TypeDecky, Runtime: runtime, Parallel: 4}, &deckies{provider: p}),
		providers.NewResource(providers.Spec{Type: providers.TypeService, Runtime: runtime, Parallel: 4}, &services{provider: p}),
	}
}

// Close releases the connections to the engine.
func (p *provider) Close() error { return p.engine.close() }

// Probe tells whether an engine answers, and which.
func (p *provider) Probe(ctx context.Context) []providers.Finding {
	c, err := p.engine.client(ctx)
	if err != nil {
		return []providers.Finding{unavailable(err)}
	}
	v, err := c.ServerVersion(ctx)
	if err != nil {
		return []providers.Finding{unavailable(p.engine.explain("ask the engine's version", err))}
	}
	findings := []providers.Finding{{
		Severity: providers.SeverityOK,
		Summary:  fmt.Sprintf("Docker engine %s answers at %s (API %s, spoken %s)", v.Version, c.DaemonHost(), v.APIVersion, c.ClientVersion()),
	}}
	if v.Os != "linux" {
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityError, Summary: "the Docker engine runs " + v.Os + " containers",
			Remedy: "point DOCKER_HOST to an engine for Linux containers on this host, or set runtime = \"native\"",
		})
	}
	if p.env.DeckyDigest == "" {
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityError, Summary: "the decky binary is missing: " + p.env.Decky,
			Remedy: "build it with make build, or install it beside decnet",
		})
	}
	return findings
}
