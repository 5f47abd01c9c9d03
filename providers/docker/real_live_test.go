//go:build live

package docker_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// real is a network, a decky and its redis, served by cmd/decky.
func (b *bench) real() []object {
	want := b.wanted(1)[:2]
	d := b.host(0)
	s := schema.Service{Name: "redis", Slug: "redis", Decky: d.Name, Ports: []schema.Port{{Number: 6379, Transport: "tcp"}}, Host: d.Host}
	return append(want, object{b.service, d.Host.Address + ".service.redis", b.encode(s)})
}

// echo asks the redis of decky 0 from the attacker's side.
func (b *bench) echo(word string) (answer string, err error) {
	err = b.lab.Do(lab.Attacker, func() error {
		conn, err := net.DialTimeout("tcp4", b.host(0).Host.IP+":6379", time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(conn, "PING %s\r\n", word); err != nil {
			return err
		}
		in := bufio.NewReader(conn)
		if _, err := in.ReadString('\n'); err != nil {
			return err
		}
		answer, err = in.ReadString('\n')
		return err
	})
	return strings.TrimSpace(answer), err
}

func (b *bench) echoes(word string) {
	b.t.Helper()
	var got string
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = b.echo(word); err == nil && got == word {
			return
		}
	}
	b.t.Fatalf("redis answers %q, %v\n%s", got, err, b.logs(b.host(0).Name+"-redis"))
}

// logs is the end of what a container wrote.
func (b *bench) logs(name string) string {
	out, err := b.api.ContainerLogs(context.Background(), name, container.LogsOptions{ShowStderr: true, ShowStdout: true, Tail: "20"})
	if err != nil {
		return err.Error()
	}
	defer out.Close()
	data := make([]byte, 4096)
	n, _ := out.Read(data)
	return string(data[:n])
}

// The same story with the binary that users get: it answers, records, is
// confined, and heals.
func TestTheRealDecky(t *testing.T) {
	b := newBenchWith(t, os.Getenv(envReal))
	want := b.real()
	b.mustApply(want)
	b.echoes("first")
	b.checkProcess(b.host(0).Name + "-redis")
	b.recorded("first")

	b.inside(b.host(0).Name, "ip", "link", "del", "eth0")
	if plan := b.plan(want); len(plan) != 2 {
		t.Errorf("plan after the link was deleted: %v", plan)
	}
	b.mustApply(want)
	b.echoes("second")
	b.recorded("second")

	// Another binary is a replacement, with its reason.
	b.env.DeckyDigest = strings.Repeat("ab", 32)
	b.open()
	for _, o := range want[1:] {
		o.resource = map[string]providers.Resource{providers.TypeDecky: b.decky, providers.TypeService: b.service}[o.resource.Spec().Type]
		have, err := b.find(o)
		b.must(err)
		changes, err := o.resource.Diff(o.config, have)
		if err != nil || len(changes) != 1 || changes[0].Cause != providers.CauseImage || !changes[0].Replace {
			t.Errorf("%s with another binary: %+v, %v", o.address, changes, err)
		}
	}
}

// recorded fails unless the journal on the host holds a query with that word.
func (b *bench) recorded(word string) {
	b.t.Helper()
	dir := filepath.Join(b.env.DataDir, b.lineage, "journal", b.host(0).Name+"-redis")
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	records, err := r.Next(10000)
	b.must(err)
	for _, record := range records {
		if record.Err != nil {
			b.t.Errorf("a record is no event: %s", record.Raw)
			continue
		}
		q, ok := record.Event.Body.(*event.Query)
		if !ok {
			continue
		}
		text, err := json.Marshal(q)
		b.must(err)
		if strings.Contains(string(text), word) && record.Event.Decky == b.host(0).Host.Address {
			return
		}
	}
	b.t.Errorf("%d records and none has %q", len(records), word)
}
