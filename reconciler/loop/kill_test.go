package loop_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// A child of the kill test is this very program: it keeps what stands in a
// directory live, makes the faults that it finds ordered there, and never ends
// by itself.
const childDir = "DECNET_TEST_LOOP_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commit is a configuration: its number decides how many deckies there are
// beside the five that faults are made on, and what those are called.
func commit(number int) *schema.Desired {
	return fake.Fleet{
		Deckies: 5 + number%4, Services: []string{"ssh"},
		Decky: func(i int, d *schema.Decky) {
			if i >= 5 {
				d.Host.Hostname = fmt.Sprintf("host-%d-%d", number, i)
			}
		},
	}.Desired()
}

// daemon is a loop over a directory.
type daemon struct {
	dir     string
	world   *fake.World
	store   *state.Store
	engine  *reconciler.Engine
	loop    *loop.Loop
	adopted int
}

func open(dir string, delay time.Duration) (*daemon, error) {
	d := &daemon{dir: dir, adopted: -1}
	var err error
	if d.world, err = fake.Open(fake.Options{Dir: filepath.Join(dir, "world"), Delay: delay}); err != nil {
		return nil, err
	}
	if d.store, err = state.Open(state.DefaultPath(dir)); err != nil {
		return nil, err
	}
	registry, err := providers.NewRegistry(d.world.Providers()...)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	d.engine, err = reconciler.New(reconciler.Config{
		Store: d.store, Registry: registry, DataDir: data, Dir: dir, Tell: reconciler.Teller(d.store, data), Parallelism: 4,
	})
	if err != nil {
		return nil, err
	}
	d.loop, err = loop.New(loop.Config{
		Engine: d.engine, Store: d.store, Registry: registry, Holder: holder(), Interval: time.Second,
		Runtime: providers.RuntimeNative, Heals: 1000, LockWait: 10 * time.Second,
	})
	return d, err
}

func child(dir string) error {
	d, err := open(dir, time.Millisecond)
	if err != nil {
		return err
	}
	go d.loop.Run(context.Background()) //nolint:errcheck // it ends with the process
	for {
		if err := d.follow(); err != nil {
			return err
		}
		if err := d.obey(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// follow adopts the commit that is wanted now.
func (d *daemon) follow() error {
	number, err := readNumber(filepath.Join(d.dir, "wanted"))
	if err != nil || number == d.adopted {
		return err
	}
	desired := commit(number)
	for {
		p, err := d.loop.Plan(context.Background(), desired)
		if err != nil {
			return err
		}
		var stale *reconciler.StaleError
		_, err = d.loop.Adopt(context.Background(), desired, p, "sync")
		if errors.As(err, &stale) {
			continue
		}
		d.adopted = number
		return err
	}
}

// obey makes the fault that is ordered, once: the order is taken first.
func (d *daemon) obey() error {
	order, taken := filepath.Join(d.dir, "order"), filepath.Join(d.dir, "taken")
	if err := os.Rename(order, taken); err != nil {
		return nil //nolint:nilerr // there is none
	}
	data, err := os.ReadFile(taken)
	if err != nil {
		return err
	}
	return fault(d.dir, d.world, string(data))
}

// fault makes "NUMBER remove ADDRESS" or "NUMBER change ADDRESS" happen to an
// object that is as it should be, and keeps a note before and after.
func fault(dir string, world *fake.World, order string) error {
	fields := strings.Fields(order)
	address := fields[2]
	o, ok := world.Get(address)
	if !ok || !o.Complete || string(o.Live) != string(o.Config) {
		return nil // it is broken already
	}
	if err := note(dir, "before "+order); err != nil {
		return err
	}
	var err error
	if fields[1] == "remove" {
		err = world.Remove(address)
	} else {
		err = world.Change(address, func(live map[string]any) { live["name"] = "fault-" + fields[0] + "-" })
	}
	if err != nil {
		return err
	}
	return note(dir, "after "+order)
}

func note(dir, line string) error {
	f, err := os.OpenFile(filepath.Join(dir, "faults"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

func readNumber(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(data))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestKilledAtRandomMoments kills the daemon again and again, under faults and
// commits, and makes some of the faults while it is dead.
func TestKilledAtRandomMoments(t *testing.T) {
	kills := iterations(t, "DECNET_LOOP_KILLS", 6)
	dir, random := t.TempDir(), rand.New(rand.NewPCG(3, 5))
	wanted, number := 0, 0
	write(t, filepath.Join(dir, "wanted"), "0")
	order := func() string {
		number++
		verb, address := "change", fmt.Sprintf("decky.web[%d].service.ssh", number%5)
		if random.IntN(3) == 0 {
			verb = "remove"
		}
		return fmt.Sprintf("%d %s %s", number, verb, address)
	}
	for range kills {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), childDir+"="+dir)
		var output strings.Builder
		command.Stdout, command.Stderr = &output, &output
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(time.Duration(20+random.IntN(600)) * time.Millisecond)
		for time.Now().Before(end) {
			switch random.IntN(4) {
			case 0:
				wanted++
				write(t, filepath.Join(dir, "wanted"), strconv.Itoa(wanted))
			case 1, 2:
				write(t, filepath.Join(dir, "order"), order())
			}
			time.Sleep(min(time.Until(end), time.Duration(random.IntN(120))*time.Millisecond))
		}
		if err := command.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		command.Wait() //nolint:errcheck // it was killed
		if output.Len() > 0 {
			t.Fatalf("the daemon ended by itself: %s", output.String())
		}
		if random.IntN(2) == 0 {
			world, err := fake.Open(fake.Options{Dir: filepath.Join(dir, "world")})
			if err != nil {
				t.Fatal(err)
			}
			if err := fault(dir, world, order()); err != nil {
				t.Fatal(err)
			}
		}
	}
	convergeAndCheck(t, dir, commit(wanted))
}

// convergeAndCheck lets a daemon that nobody kills settle.
func convergeAndCheck(t *testing.T, dir string, desired *schema.Desired) {
	t.Helper()
	d, err := open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.loop.Run(ctx) }()
	if err := d.follow(); err != nil {
		t.Fatal(err)
	}
	settled := func() bool {
		p, err := d.loop.Plan(ctx, desired)
		if err != nil {
			t.Fatal(err)
		}
		pending, err := d.store.PendingDrifts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return p.Empty() && len(p.Records)+len(p.Drift)+len(pending) == 0
	}
	for limit := time.Now().Add(20 * time.Second); !settled(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("it does not converge: %+v", d.loop.Report())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := d.world.Check(); err != nil {
		t.Error(err)
	}
	if got, want := len(d.world.Objects()), len(desired.Instances); got != want {
		t.Errorf("%d objects live, want %d", got, want)
	}
	for _, i := range desired.Instances {
		if _, ok := d.world.Get(string(i.Address)); !ok {
			t.Errorf("%s is missing", i.Address)
		}
	}
	checkEvents(t, dir, d)
}

// checkEvents compares the notes of the faults with what is on record.
func checkEvents(t *testing.T, dir string, d *daemon) {
	t.Helper()
	drifts, err := d.store.Drifts(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	told := events(t, dir, d)
	of := func(marker, address string) (n int) {
		for _, x := range drifts {
			if x.Address != "" && string(x.Address) == address && (marker == "" && x.Reason == state.DriftGone || marker != "" && strings.Contains(strings.Join(x.Changes, " "), marker)) {
				n++
			}
		}
		return n
	}
	for _, x := range drifts {
		if told[x.ID] == nil {
			t.Errorf("%s %s is on record, and nobody was told", x.Address, x.Reason)
		}
	}
	if len(told) != len(drifts) {
		t.Errorf("%d events, %d drifts on record", len(told), len(drifts))
	}
	least, most := map[string]int{}, map[string]int{}
	notes, err := os.ReadFile(filepath.Join(dir, "faults"))
	if err != nil {
		t.Fatal(err)
	}
	faults := 0
	for line := range strings.Lines(string(notes)) {
		fields := strings.Fields(line)
		after := fields[0] == "after"
		switch n := of("fault-"+fields[1]+"-", fields[3]); {
		case fields[2] == "remove" && after:
			least[fields[3]]++
		case fields[2] == "remove":
			most[fields[3]]++
		case n > 1 || after && n == 0:
			t.Errorf("%s: %d drifts on record", strings.TrimSpace(line), n)
		}
		if after {
			faults++
		}
	}
	for address := range most {
		if n := of("", address); n < least[address] || n > most[address] {
			t.Errorf("%s: %d drifts on record that it is gone, %d to %d faults", address, n, least[address], most[address])
		}
	}
	t.Logf("%d faults, %d drifts on record", faults, len(drifts))
}

// events are all that was told, by id.
func events(t *testing.T, dir string, d *daemon) map[string]*event.Event {
	t.Helper()
	meta, err := d.store.Meta(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := journal.NewReader(reconciler.JournalDir(filepath.Join(dir, "data"), meta.Lineage), journal.Position{})
	defer r.Close()
	all := map[string]*event.Event{}
	for {
		records, err := r.Next(1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return all
		}
		for _, x := range records {
			if x.Err != nil {
				t.Errorf("the journal: %v", x.Err)
				continue
			}
			all[x.Event.ID] = x.Event
		}
	}
}
