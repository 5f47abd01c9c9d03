package docker

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// An incarnation names one life of a container: its id, the process that the
// life began with, when that was started (in ticks since boot), and the boot.
// Ids of processes come again, start times come again after a boot; all
// together never do. It is read from /proc in the pass that finds the process
// of a container anyway, so that observing a fleet costs no call more.
//
// Whose doing a new incarnation is follows from who returned it. Create and
// Update end by looking at what they made, so that the state holds the
// incarnation that they began and it is no drift. A heal restarts nothing but
// its own object: a decky whose process lives is mended in place and its
// services go on; a decky that must be started again gets a new namespace, its
// services are seen as not running (or not in their decky's namespace), and
// each is brought along by the step of its own that the same observation
// planned, whose result holds the incarnation. Where a decky dies only after
// its services were looked at, the next look sees them. So every incarnation
// that no step returned is somebody else's: the engine's restart policy, or an
// operator's hand.
func incarnation(container, life string) string {
	if container == "" || life == "" {
		return ""
	}
	return short(container) + "/" + life
}

var bootID = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(strings.TrimSpace(string(data)), "-")
	return id
})

// startTicks is when a process was started (proc(5), stat, field 22).
func startTicks(fields []string) (uint64, bool) {
	const starttime = 22 - 3 // the first of fields is field 3
	if len(fields) <= starttime {
		return 0, false
	}
	ticks, err := strconv.ParseUint(fields[starttime], 10, 64)
	return ticks, err == nil
}

// began is when the life began that an incarnation names, by today's clock.
func began(incarnation string) (time.Time, bool) {
	_, life, _ := strings.Cut(incarnation, "/")
	parts := strings.Split(life, ".") // of the kernel's life
	if len(parts) != 3 || parts[2] != bootID() {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseUint(parts[1], 10, 63)
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return time.Time{}, false
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100
	return time.Now().Add(time.Duration(ticks)*tick - time.Duration(up.Nano())), true
}

// Began is when the present life of the service container began.
func (h *services) Began(have ServiceState) (time.Time, bool) { return began(have.Incarnation) }

// life names the life of a process, empty if it ended.
func (kernel) life(pid int) string {
	fields := processStat(pid)
	ticks, ok := startTicks(fields)
	if !ok || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fmt.Sprintf("%d.%d.%s", pid, ticks, bootID())
}

// lifeOf names the present life of one container; empty where it has none.
func (p *provider) lifeOf(ctx context.Context, id string) (string, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return "", err
	}
	found, err := c.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", p.engine.explain("inspect container "+short(id), err)
	}
	if found.State == nil || found.State.Pid <= 0 {
		return "", nil
	}
	return incarnation(id, p.world.life(found.State.Pid)), nil
}
