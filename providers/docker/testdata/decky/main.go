// Command decky stands for the real one in tests: "hold" denies egress and
// waits, "serve" greets whoever connects and ends when its link is gone, or
// tries what an intruder would. "probe" does the latter outside, as a control.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/egress"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	switch {
	case len(args) == 1 && args[0] == "hold":
		if err := egress.Apply(egress.Rules{}); err != nil {
			return err
		}
		<-stop
		return nil
	case len(args) == 3 && args[0] == "serve" && args[1] == "--spec":
		return serve(args[2], stop)
	case len(args) == 2 && args[0] == "probe":
		result, err := probe([]byte(args[1]))
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(result)
		return err
	}
	return fmt.Errorf("unknown arguments %q", args)
}

func serve(path string, stop <-chan os.Signal) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec decky.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return err
	}
	if len(spec.Host.Key) != 32 {
		return errors.New("the spec holds no key")
	}
	service := spec.Services[0]
	for _, p := range service.Ports {
		ln, err := net.Listen("tcp4", ":"+strconv.Itoa(int(p.Number)))
		if err != nil {
			return err
		}
		go greet(ln, spec.Host.Hostname+" "+service.Slug+"\n")
	}
	if service.Slug == "probe" {
		result, err := probe(service.Arguments)
		if err != nil {
			return err
		}
		if err := os.WriteFile(spec.Journal+"/result.new", result, 0o600); err != nil {
			return err
		}
		if err := os.Rename(spec.Journal+"/result.new", spec.Journal+"/result"); err != nil {
			return err
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-tick.C:
			if _, err := net.InterfaceByName("eth0"); err != nil {
				return err
			}
		}
	}
}

func greet(ln net.Listener, greeting string) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(greeting))
		_ = conn.Close()
	}
}
