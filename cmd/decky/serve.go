package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/all"
	"github.com/decnet/decnet/providers/decky/jail"
	"github.com/decnet/decnet/providers/decky/listen"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/providers/decky/supervise"
)

const (
	// linkInterval is how often a container's service looks at its link.
	linkInterval = 500 * time.Millisecond
	// closePatience is how long sessions have to end when it stops.
	closePatience = 1500 * time.Millisecond
	// addressPatience is how long it waits for its address to appear.
	addressPatience = 10 * time.Second
	// maxSpec bounds the file that describes a decky.
	maxSpec = 4 << 20
)

func serve(ctx context.Context, log *slog.Logger, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "--worker":
		if err := jail.Enter(); err != nil {
			return err
		}
		return supervise.Work(ctx, log, newRuntime(log))
	case len(args) == 2 && args[0] == "--spec":
		return serveSpec(ctx, log, args[1])
	default:
		return errUsage
	}
}

func newRuntime(log *slog.Logger) *runtime.Runtime {
	return runtime.New(runtime.Options{Log: log, Catalogue: all.Services()})
}

func superviseDeckies(ctx context.Context, log *slog.Logger, args []string) error {
	options := supervise.Options{Log: log, Worker: []string{"/proc/self/exe", "serve", "--worker"}}
	if err := supervise.ParseArgs(args, &options); err != nil {
		return err
	}
	return supervise.Run(ctx, options)
}

// serveSpec serves one decky in the network namespace that it finds itself in,
// until ctx ends or that namespace is dead.
func serveSpec(ctx context.Context, log *slog.Logger, file string) error {
	spec, err := readSpec(file)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(spec.Host.IP)
	if err != nil {
		return fmt.Errorf("spec %s: %w", file, err)
	}
	sockets, err := openAll(ctx, spec, ip)
	if err != nil {
		return err
	}
	link, err := runtime.OpenLink()
	if err != nil {
		return err
	}
	defer link.Close()
	if err := jail.Harden(); err != nil {
		return err
	}
	server := newRuntime(log)
	for i, svc := range spec.Services {
		if err := server.AddService(spec, svc, sockets[i]); err != nil {
			return err
		}
	}
	log.Info("serving", "decky", spec.Host.Address, "services", len(spec.Services))
	err = link.Watch(ctx, ip, linkInterval)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	return errors.Join(err, server.Close(closing))
}

func readSpec(file string) (decky.Spec, error) {
	var spec decky.Spec
	info, err := os.Stat(file)
	if err != nil {
		return spec, fmt.Errorf("read spec: %w", err)
	}
	if info.Size() > maxSpec {
		return spec, fmt.Errorf("read spec %s: %d bytes exceed %d", file, info.Size(), maxSpec)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return spec, fmt.Errorf("read spec: %w", err)
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		return spec, fmt.Errorf("read spec %s: %w", file, err)
	}
	if spec.Host.Address == "" || len(spec.Services) == 0 || spec.Journal == "" || spec.Store == "" {
		return spec, fmt.Errorf("read spec %s: it needs host, services, journal and store", file)
	}
	return spec, nil
}

// openAll opens the listeners of every service, in the order of their ports. The
// decky's address may still be on its way.
func openAll(ctx context.Context, spec decky.Spec, ip netip.Addr) ([][]net.Listener, error) {
	sockets := make([][]net.Listener, len(spec.Services))
	for i, svc := range spec.Services {
		for _, port := range svc.Ports {
			if port.Transport != "tcp" {
				return nil, fmt.Errorf("service %s: port %d/%s: only tcp is served", svc.Name, port.Number, port.Transport)
			}
			l, err := openWhenThere(ctx, netip.AddrPortFrom(ip, port.Number))
			if err != nil {
				return nil, fmt.Errorf("service %s: %w", svc.Name, err)
			}
			sockets[i] = append(sockets[i], l)
		}
	}
	return sockets, nil
}

func openWhenThere(ctx context.Context, address netip.AddrPort) (net.Listener, error) {
	deadline := time.Now().Add(addressPatience)
	for {
		l, err := listen.TCP(address.String(), listen.Options{})
		if err == nil || !errors.Is(err, syscall.EADDRNOTAVAIL) || time.Now().After(deadline) {
			return l, err
		}
		pause := time.NewTimer(100 * time.Millisecond)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		case <-pause.C:
		}
	}
}
