// Command decky is a stand-in for the real one: it supervises and works, and
// its only service answers a line with the decky's address, its own name and
// arguments. The line "write" leaves a file in journal and store, "panic" kills
// the worker.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/jail"
	"github.com/decnet/decnet/providers/decky/supervise"
)

// tag makes one build differ from another.
var tag string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log = log.With("build", tag)
	switch args[0] {
	case "supervise":
		options := supervise.Options{Log: log, Worker: []string{"/proc/self/exe", "serve", "--worker"}}
		if err := supervise.ParseArgs(args[1:], &options); err != nil {
			return err
		}
		return supervise.Run(ctx, options)
	case "serve":
		if err := jail.Enter(); err != nil {
			return err
		}
		return supervise.Work(ctx, log, &server{listeners: map[string][]net.Listener{}})
	}
	return fmt.Errorf("unknown verb %q", args[0])
}

type server struct {
	mu        sync.Mutex
	listeners map[string][]net.Listener
}

func (s *server) AddService(spec decky.Spec, svc decky.ServiceSpec, listeners []net.Listener) error {
	if svc.Slug == "refused" {
		return errors.New("no such service")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spec.Host.Address + " " + svc.Name
	if s.listeners[key] != nil {
		return errors.New("served already")
	}
	s.listeners[key] = listeners
	for _, ln := range listeners {
		go accept(ln, spec, svc)
	}
	return nil
}

func accept(ln net.Listener, spec decky.Spec, svc decky.ServiceSpec) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go talk(conn, spec, svc)
	}
}

func talk(conn net.Conn, spec decky.Spec, svc decky.ServiceSpec) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch lines.Text() {
		case "panic":
			panic("as asked")
		case "write":
			for _, dir := range []string{spec.Journal, spec.Store} {
				if err := os.WriteFile(dir+"/written", []byte(svc.Name), 0o600); err != nil {
					fmt.Fprintln(conn, err)
					return
				}
			}
		}
		fmt.Fprintln(conn, spec.Host.Address, svc.Name, string(svc.Arguments))
	}
}

func (s *server) RemoveService(_ context.Context, address, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ln := range s.listeners[address+" "+name] {
		if err := ln.Close(); err != nil {
			return err
		}
	}
	delete(s.listeners, address+" "+name)
	return nil
}

func (s *server) Close(context.Context) error { return nil }
