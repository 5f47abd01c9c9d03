package delivery_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// The environment of a child: where its spool is, whom it tells, its first id.
const (
	childDir   = "DELIVERY_TEST_DIR"
	childURL   = "DELIVERY_TEST_URL"
	childFirst = "DELIVERY_TEST_FIRST"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child tells news until it is killed, and says which it has told.
func child() {
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		panic(err)
	}
	d := killable(os.Getenv(childDir), os.Getenv(childURL))
	go func() { _ = d.Run(context.Background()) }()
	for i := first; i < first+100_000; i++ {
		d.Notify(notification.Notification{ID: fmt.Sprintf("%08d", i), Kind: notification.Failed, Title: strings.Repeat("x", i%700)})
		fmt.Println(i)
		time.Sleep(time.Millisecond)
	}
	select {}
}

func killable(dir, url string) *delivery.Dispatcher {
	d, err := delivery.NewDispatcher(delivery.Config{Dir: dir, Jitter: func() float64 { return 0 }, MaxEntries: 1 << 30})
	if err != nil {
		panic(err)
	}
	d.SetSinks([]schema.Sink{{Name: "a", Type: "webhook", URL: url}})
	return d
}

// TestKillLosesNothing kills a process again and again while it tells and
// delivers: everything that it had told arrives, in order but for repetitions.
func TestKillLosesNothing(t *testing.T) {
	var mu sync.Mutex
	var got []string
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked%500 == 7 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got = append(got, r.Header.Get(delivery.DeliveryHeader))
	}))
	defer s.Close()
	rounds, dir, told := 15, t.TempDir(), 0
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+s.URL, childFirst+"="+strconv.Itoa(told+1))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		limit := 1 + rand.IntN(400)
		for n := 0; n < limit && scanner.Scan(); n++ {
			if told, err = strconv.Atoi(scanner.Text()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// What was said before the end counts, too.
		for scanner.Scan() {
			if n, err := strconv.Atoi(scanner.Text()); err == nil {
				told = n
			}
		}
		_ = cmd.Wait() // killed
	}
	d := killable(dir, s.URL)
	stop := run(t, d)
	for deadline := time.Now().Add(60 * time.Second); d.Status()[0].Queued > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", d.Status()[0])
		}
	}
	stop()
	status := d.Status()[0]
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	seen, last := map[string]bool{}, ""
	for _, id := range got {
		if !seen[id] && id < last {
			t.Errorf("%s came after %s", id, last)
		}
		seen[id], last = true, max(last, id)
	}
	missing := slices.DeleteFunc(slices.Collect(func(yield func(string) bool) {
		for i := 1; i <= told; i++ {
			if !yield(fmt.Sprintf("%08d", i)) {
				return
			}
		}
	}), func(id string) bool { return seen[id] })
	if len(missing) > 0 {
		t.Errorf("%d of %d are missing: %v", len(missing), told, missing[:min(10, len(missing))])
	}
	if status.Dropped > 0 || status.Refused > 0 {
		t.Errorf("status %+v", status)
	}
	t.Logf("%d told, %d delivered, %d of them again, %d torn records", told, len(got), len(got)-len(seen), status.Damaged)
}
