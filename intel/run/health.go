package run

import (
	"context"
	"fmt"
	"time"

	"github.com/decnet/decnet/intel/api"
)

// Thresholds of health.
const (
	staleWorld = time.Minute      // after which an unreadable state is a matter
	slowIngest = 10 * time.Second // lag while journals wait
	slowStage  = 50_000           // events a stage may be behind
)

// health looks at every component.
func (d *Daemon) health(ctx context.Context) api.Health {
	components := map[string]api.Component{}
	status, err := d.db.Status(ctx)
	if err != nil {
		components["database"] = api.Component{Status: api.Unhealthy, Message: err.Error()}
	} else {
		components["database"] = api.Component{Status: api.Healthy, Details: status}
		stages := api.Component{Status: api.Healthy, Details: status.Cursors}
		for name, seq := range status.Cursors {
			if status.Head-seq > slowStage {
				stages.Status, stages.Message = api.Degraded, fmt.Sprintf("stage %s is %d events behind", name, status.Head-seq)
			}
		}
		components["stages"] = stages
	}
	components["state"] = d.worldHealth()
	components["ingest"] = d.ingestHealth()

	rules := d.rules.Stats()
	c := api.Component{Status: api.Healthy, Details: rules}
	if n := len(rules.Broken); n > 0 {
		c.Status, c.Message = api.Degraded, fmt.Sprintf("%d rules cannot be evaluated", n)
	}
	components["rules"] = c

	sinks := d.sinks.Status()
	c = api.Component{Status: api.Healthy, Details: sinks}
	for _, s := range sinks {
		if s.Error != "" {
			c.Status, c.Message = api.Degraded, "sink "+s.Name+" stands still"
		}
	}
	components["sinks"] = c
	return api.Health{Status: api.Worst(components), Components: components}
}

func (d *Daemon) worldHealth() api.Component {
	at, err := d.follower.state()
	c := api.Component{Status: api.Healthy, Details: map[string]any{"read": at, "deckies": len(d.follower.deckies())}}
	if err != nil {
		c.Message = err.Error()
		if time.Since(at) > staleWorld {
			c.Status = api.Degraded
		}
	}
	return c
}

func (d *Daemon) ingestHealth() api.Component {
	stats := d.ingester.Stats()
	c := api.Component{Status: api.Healthy, Details: stats}
	if stats.Waiting > 0 && stats.LagMS > slowIngest.Milliseconds() {
		c.Status, c.Message = api.Degraded, fmt.Sprintf("%d journals wait, %d ms behind", stats.Waiting, stats.LagMS)
	}
	return c
}
