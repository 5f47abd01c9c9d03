package supervise

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// manager is the service manager that started the supervisor (sd_notify(3)); nil
// where none did.
type manager struct {
	address string
	// watchdog is how often it wants to hear of us, 0 for never
	// (sd_watchdog_enabled(3)).
	watchdog time.Duration
	log      *slog.Logger
}

// serviceManager reads what the environment says, and takes it out: it is for
// this process alone.
func serviceManager(log *slog.Logger) *manager {
	m := &manager{address: os.Getenv("NOTIFY_SOCKET"), log: log}
	interval, owner := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name) // these names are valid
	}
	if !strings.HasPrefix(m.address, "/") && !strings.HasPrefix(m.address, "@") {
		return nil
	}
	if usec, err := strconv.ParseInt(interval, 10, 64); err == nil && usec > 0 && (owner == "" || owner == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(usec) * time.Microsecond
	}
	return m
}

// say tells the manager a state.
func (m *manager) say(state string) {
	if m == nil {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		m.log.Warn("tell the service manager", "state", state, "error", err)
	}
}

// beat tells the manager that we live, until ctx ends, as long as alive returns.
func (m *manager) beat(ctx context.Context, alive func()) {
	if m == nil || m.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(m.watchdog / 3)
	defer ticker.Stop()
	for {
		alive()
		m.say("WATCHDOG=1")
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
