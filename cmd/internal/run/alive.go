package run

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// statusInterval is how often the line of systemctl status is renewed.
const statusInterval = 10 * time.Second

// maxStatus bounds that line.
const maxStatus = 512

// Stuck names, with a reason each, the watched parts that make no progress.
func (d *Daemon) Stuck() []string {
	now := time.Now()
	var stuck []string
	for _, p := range d.parts {
		d.mu.Lock()
		begun := p.begun
		d.mu.Unlock()
		if !begun || p.Stall == 0 {
			continue
		}
		last := p.self.last()
		if p.Progress != nil {
			if at := p.Progress(); at.After(last) {
				last = at
			}
		}
		if idle := now.Sub(last); idle > p.Stall {
			stuck = append(stuck, fmt.Sprintf("%s: no progress for %s", p.Name, idle.Round(time.Second)))
		}
	}
	return stuck
}

// Started tells whether every part is ready and none was asked to end.
func (d *Daemon) Started() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.started
}

// feed tells the watchdog that all is well, twice as often as it wants to hear
// it, and says nothing while a part is stuck: systemd then restarts the daemon.
func (d *Daemon) feed(ctx context.Context) {
	var watchdog <-chan time.Time
	if d.config.Watchdog > 0 {
		ticker := time.NewTicker(d.config.Watchdog / 2)
		defer ticker.Stop()
		watchdog = ticker.C
	}
	var status <-chan time.Time
	if d.config.Status != nil {
		ticker := time.NewTicker(statusInterval)
		defer ticker.Stop()
		status = ticker.C
	}
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-watchdog:
			if stuck := d.Stuck(); len(stuck) > 0 {
				d.config.Log.Error("the watchdog is not fed", "stuck", strings.Join(stuck, "; "))
				continue
			}
			d.notify("WATCHDOG=1")
		case <-status:
			if line := statusLine(d.config.Status()); line != said && d.Started() {
				d.notify(line)
				said = line
			}
		}
	}
}

// statusLine is a status in one line, whatever stands in it.
func statusLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "")
	}
	return "STATUS=" + text
}

func (d *Daemon) notify(state string) {
	if err := d.config.Notify(state); err != nil {
		d.config.Log.Warn("tell systemd", "error", err)
	}
}
