//go:build live

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/event/journal"
)

// settle has a daemon run until the newest commit is live, a plan made by
// somebody else is empty, and every drift is dealt with.
func (o *ordeal) settle(when string) {
	o.t.Helper()
	o.live()
	o.wake()
	began, last := time.Now(), ""
	for ; time.Since(began) < settled; time.Sleep(50 * time.Millisecond) {
		if last = o.unwell(); last != "" {
			continue
		}
		stdout, stderr, code := o.try("plan", "--detailed-exitcode")
		if code == 0 {
			return
		}
		last = stdout + stderr
	}
	_ = o.daemon.Process.Signal(unix.SIGQUIT) // it says what it waits for
	_ = o.daemon.Wait()
	o.daemon = nil
	o.t.Fatalf("%s: not settled after %s: %s", when, settled, last)
}

// unwell says what is not as it should be yet.
func (o *ordeal) unwell() string {
	o.t.Helper()
	s, err := o.status()
	switch {
	case err != nil:
		return err.Error()
	case s.Applied == nil || s.Applied.Commit != o.tip:
		return fmt.Sprintf("applied is %+v, the tip is %s: %+v", s.Applied, o.tip, s.Conditions)
	case s.Applied.Signer != "ops":
		o.t.Errorf("signed by %q", s.Applied.Signer)
	case s.Conditions.Get(status.Ready).Status != status.True, s.Conditions.Get(status.Healthy).Status != status.True,
		s.Conditions.Get(status.Reconciling).Status == status.True, s.Conditions.Get(status.Stalled).Status == status.True:
		return fmt.Sprintf("%+v", s.Conditions)
	case len(s.Deckies) != o.fleet.deckies, s.Drifts.Open > 0:
		return fmt.Sprintf("%+v %+v", s.Deckies, s.Drifts)
	}
	for _, d := range s.Deckies {
		if d.Sync != status.InSync || d.Health != status.HealthHealthy {
			return fmt.Sprintf("%+v", d)
		}
	}
	return ""
}

// judge looks at what is alive and on record, once all has settled.
func (o *ordeal) judge(d deed) {
	o.t.Helper()
	o.foreign()
	o.objects()
	o.history()
	counted := map[string]int{}
	fresh := o.fresh()
	for _, f := range fresh {
		counted[string(f.Address)]++
		switch {
		case d.fault == nil:
			o.t.Errorf("%s: nobody harmed %s, and there is a drift of it: %s %v", d, f.Address, f.Reason, f.Changes)
		case !d.commit && string(f.Address) != d.must && !slices.Contains(d.may, string(f.Address)) && !slices.Contains(d.may, "*"):
			o.t.Errorf("%s: %s drifted, too: %s %v", d, f.Address, f.Reason, f.Changes)
		}
	}
	if !d.commit && d.must != "" && counted[d.must] == 0 {
		o.t.Errorf("%s: nothing on record of %s", d, d.must)
	}
	for address, count := range counted {
		if count > 1 {
			o.t.Errorf("%s: %s drifted %d times", d, address, count)
		}
	}
	if o.t.Failed() {
		for _, f := range fresh {
			o.t.Logf("  %s %s %s %v, %s: %s, seen %s", f.ID, f.Address, f.Reason, f.Changes, f.Action, f.Outcome, f.Seen)
		}
	}
}

// fresh are the drifts since it was called last. Each was told, and what is in
// evidence of it is there.
func (o *ordeal) fresh() []state.Drift {
	o.t.Helper()
	store := o.store()
	defer store.Close() //nolint:errcheck // read only
	drifts, err := store.Drifts(o.t.Context(), 10_000)
	if err != nil {
		o.t.Fatal(err)
	}
	meta, err := store.Meta(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	exhibits, err := evidence.Open(evidence.Dir(o.lab.DataDir(), meta.Lineage), evidence.Options{})
	if err != nil {
		o.t.Fatal(err)
	}
	told := o.journalled(reconciler.JournalDir(o.lab.DataDir(), meta.Lineage))
	var fresh []state.Drift
	for _, d := range drifts {
		if o.seen[d.ID] {
			continue
		}
		o.seen[d.ID] = true
		fresh = append(fresh, d)
		if d.Told.IsZero() || told[d.ID] == 0 {
			o.t.Errorf("the drift %s of %s was not told", d.ID, d.Address)
		}
		if len(d.Evidence) == 0 && d.Missing == "" {
			o.t.Errorf("no evidence of the drift of %s: %s %v", d.Address, d.Reason, d.Changes)
		}
		for _, x := range d.Evidence {
			if _, err := exhibits.Get(x.SHA256); err != nil {
				o.t.Errorf("the evidence %s of the drift of %s: %v", x.Name, d.Address, err)
			}
		}
	}
	for id := range told {
		if !o.seen[id] {
			o.t.Errorf("a drift %s was told that is not on record", id)
		}
	}
	return fresh
}

// journalled counts the events of a journal by id.
func (o *ordeal) journalled(dir string) map[string]int {
	o.t.Helper()
	count := map[string]int{}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return count
	}
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close() //nolint:errcheck // read only
	for {
		records, err := r.Next(1000)
		if err != nil {
			o.t.Fatal(err)
		}
		if len(records) == 0 {
			return count
		}
		for _, record := range records {
			if record.Err != nil {
				o.t.Errorf("a record of the journal: %v", record.Err)
				continue
			}
			count[record.Event.ID]++
		}
	}
}

// history looks at what the sync remembers: each commit was applied once.
func (o *ordeal) history() {
	o.t.Helper()
	entries, err := o.client.History(o.t.Context(), "prod", 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	applied := map[string]int{}
	for i, e := range entries {
		if i > 0 && e.ID != entries[i-1].ID-1 {
			o.t.Errorf("entry %d of the history follows %d", entries[i-1].ID, e.ID)
		}
		if e.Action == "apply" {
			applied[e.Revision.Commit]++
		} else {
			o.t.Errorf("history: %+v", e)
		}
	}
	for commit, count := range applied {
		if count > 1 {
			o.t.Errorf("commit %s was applied %d times: %+v", commit, count, entries)
		}
	}
	if len(entries) == 0 || entries[0].Revision.Commit != o.tip {
		o.t.Errorf("the newest entry of the history is not the newest commit: %+v", entries)
	}
}

// told starts intel and fails unless it has each drift exactly once.
func (o *ordeal) told() {
	o.t.Helper()
	stop := o.intel()
	defer stop()
	type told struct {
		ID string `json:"id"`
	}
	count := map[string]int{}
	for _, e := range ask20(o.stage, func(all []told) bool { return len(all) >= len(o.seen) }, "events", "--kind", "drift") {
		count[e.ID]++
	}
	want := map[string]int{}
	for id := range maps.Keys(o.seen) {
		want[id] = 1
	}
	if diff := cmp.Diff(want, count); diff != "" {
		o.t.Errorf("drifts on record, and those of intel (-want +got):\n%s", diff)
	}
}

// end takes the fleet away; nothing is left.
func (o *ordeal) end() {
	o.t.Helper()
	o.must("destroy", "--auto-approve")
	o.mustBeGone()
	o.foreign()
}

// objects fails unless exactly those of the fleet are there, and each decky
// answers as the newest commit says.
func (o *ordeal) objects() {
	o.t.Helper()
	store := o.store()
	defer store.Close() //nolint:errcheck // read only
	snapshot, err := store.Snapshot(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	ips := map[string]string{} // by name
	for _, i := range snapshot.Instances {
		var config struct {
			Name string
			Host struct{ IP string }
		}
		if err := json.Unmarshal(i.Config, &config); err != nil {
			o.t.Fatal(err)
		}
		if i.Type == providers.TypeDecky {
			ips[config.Name] = config.Host.IP
		}
	}
	names := slices.Sorted(maps.Keys(ips))
	links := []string{"decnet_macvlan0", "lo", lab.OperatorLink}
	if o.foreign != nil {
		links = append(links, "foreign0", "foreign1")
	}
	o.same("links of the host", links, o.links())
	o.same("exported commits", []string{o.tip}, entriesOf(o.t, filepath.Dir(o.state), "exports"))
	var left []string
	for _, dir := range []string{o.lab.DataDir(), o.lab.RunDir()} {
		left = append(left, leftBehind(o.t, dir)...)
	}
	o.same("files left half written", nil, left)
	held, err := reservation.Others(o.t.Context(), reservation.Path(o.lab.DataDir()), "")
	if err != nil {
		o.t.Fatal(err)
	}
	var reserved []string
	for _, h := range held {
		reserved = append(reserved, h.IP)
	}
	o.same("reserved IPs", slices.Sorted(maps.Values(ips)), reserved)
	if o.runtime == providers.RuntimeNative {
		o.nativeObjects(snapshot.Lineage, names)
	} else {
		o.dockerObjects(names)
	}
	// A decky that took the IP of another has another MAC.
	if out, err := o.command(o.t.Context(), lab.Attacker, "ip", "neigh", "flush", "all").CombinedOutput(); err != nil {
		o.t.Fatalf("%v %s", err, out)
	}
	if err := o.lab.Do(lab.Attacker, func() error {
		for name, ip := range ips {
			if got := page(ip); !strings.Contains(got, "<title>"+o.fleet.title+"</title>") {
				o.t.Errorf("%s, %s, answers %q, want the title %q", name, ip, got, o.fleet.title)
			}
		}
		return nil
	}); err != nil {
		o.t.Error(err)
	}
}

// same compares two lists whatever their order.
func (o *ordeal) same(what string, want, got []string) {
	o.t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		o.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// links are those of the operator's side.
func (o *ordeal) links() []string {
	o.t.Helper()
	var names []string
	if err := o.lab.Do(lab.Operator, func() error {
		all, err := net.Interfaces()
		for _, i := range all {
			names = append(names, i.Name)
		}
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return names
}

// entriesOf are the names in a directory.
func entriesOf(t *testing.T, parts ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// halfWritten is what a file is called before it is whole.
// The next write of sync.json goes over what a killed one left.
var halfWritten = regexp.MustCompile(`\.new$|\.tmp|tmp\d|^tmp|\.part|~$`)

func leftBehind(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && halfWritten.MatchString(d.Name()) && d.Name() != "sync.json.new" {
			all = append(all, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// nativeObjects looks at namespaces, what is pinned, networks and processes.
func (o *ordeal) nativeObjects(lineage string, names []string) {
	o.t.Helper()
	run := filepath.Join(o.lab.RunDir(), lineage)
	o.same("namespaces", names, entriesOf(o.t, run, "netns"))
	o.same("networks", []string{"killed-lab.json"}, entriesOf(o.t, run, "networks"))
	o.same("kept networks", []string{"killed-lab.json"}, entriesOf(o.t, o.lab.DataDir(), lineage, "native", "networks"))
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		o.t.Fatal(err)
	}
	var want, got []string
	for _, name := range names {
		want = append(want, filepath.Join(run, "netns", name))
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], o.lab.Dir+"/") {
			got = append(got, fields[1])
		}
	}
	o.same("mounts", want, got)
	for _, name := range names {
		out, err := o.command(o.t.Context(), lab.Operator, "nsenter", "--net="+filepath.Join(run, "netns", name), "ip", "-br", "link").CombinedOutput()
		if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); err != nil || len(lines) != 2 {
			o.t.Errorf("links of %s: %s %v", name, out, err)
		}
	}
	supervisors := o.processes("supervise")
	if len(supervisors) != 1 {
		o.t.Fatalf("%d supervisors run, want one", len(supervisors))
	}
	for pid, parent := range o.processes("serve") {
		if _, ok := supervisors[parent]; !ok {
			o.t.Errorf("the worker %d belongs to %d and to no supervisor", pid, parent)
		}
	}
}

// processes are this lab's with a verb, each with its parent.
func (o *ordeal) processes(verb string) map[int]int {
	o.t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		o.t.Fatal(err)
	}
	all := map[int]int{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		argv := strings.Split(string(data), "\x00")
		if err != nil || len(argv) < 2 || argv[1] != verb || !strings.HasPrefix(argv[0], o.bin) {
			continue
		}
		var pid, parent int
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(name), "stat"))
		if err != nil {
			continue // it ended
		}
		if _, err := fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", new(rune), &parent); err != nil {
			o.t.Fatal(err)
		}
		if _, err := fmt.Sscanf(name, "/proc/%d/", &pid); err != nil {
			o.t.Fatal(err)
		}
		all[pid] = parent
	}
	return all
}

// dockerObjects looks at containers and networks.
func (o *ordeal) dockerObjects(names []string) {
	o.t.Helper()
	var want []string
	networks := []string{"host", "killed-lab", "none"}
	for _, name := range names {
		want = append(want, name+" running", name+"-http running", name+"-redis running")
		if o.fleet.ssh {
			want = append(want, name+"-ssh running")
		}
	}
	if o.foreign != nil {
		want, networks = append(want, "foreign created"), append(networks, "foreign")
	}
	list := func(argv ...string) []string {
		o.t.Helper()
		out, err := o.command(o.t.Context(), lab.Operator, append([]string{"docker"}, argv...)...).CombinedOutput()
		if err != nil {
			o.t.Fatalf("docker %s: %v\n%s", strings.Join(argv, " "), err, out)
		}
		return slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return s == "" })
	}
	o.same("containers", want, list("ps", "-a", "--format", "{{.Names}} {{.State}}"))
	o.same("docker networks", networks, list("network", "ls", "--format", "{{.Name}}"))
}

// page is what a web server says.
func page(ip string) string {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.Dial("tcp4", ip+":80")
	if err != nil {
		return err.Error()
	}
	defer conn.Close() //nolint:errcheck // all was read
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", ip); err != nil {
		return err.Error()
	}
	data, err := io.ReadAll(io.LimitReader(conn, 64<<10))
	if err != nil {
		return err.Error()
	}
	return string(data)
}
