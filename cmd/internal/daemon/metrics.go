package daemon

import (
	"net/http"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// maxReason bounds the text of a reason in a label. Reasons are words of ours.
const maxReason = 64

// metrics are the figures of a daemon. Labels are names of syncs, as the
// daemon's own file has them, and words of ours; nothing that a repository or an
// attacker wrote but the commit's digest is one.
type metrics struct {
	registry *prometheus.Registry
	seen     *prometheus.CounterVec
	news     *prometheus.CounterVec

	mu      sync.Mutex
	keepers []*keeper
	syncs   func() []status.Sync // nil: nothing is followed
	spool   func() int           // nil: there is none
}

type description = prometheus.Desc

func describe(name, help string, labels ...string) *description {
	return prometheus.NewDesc("decnet_"+name, help, labels, nil)
}

// What is collected when somebody asks.
var (
	passes     = describe("reconcile_passes_total", "Looks at what is live.", "sync", "outcome")
	adopted    = describe("reconcile_adopted_total", "Configurations that were applied.", "sync")
	heals      = describe("reconcile_heals_total", "Addresses that were made as they should be, by applies and by healing.", "sync", "outcome")
	notices    = describe("reconcile_notices_total", "Notices of engines and the kernel.", "sync")
	wakes      = describe("reconcile_wakes_total", "Looks that a notice or a caller led to.", "sync")
	deaf       = describe("reconcile_watchers_ended_total", "Times that a provider's watcher ended and was started again.", "sync")
	lockWaits  = describe("reconcile_lock_waits_total", "Passes and applies that another's lock on the state put off.", "sync")
	stale      = describe("reconcile_stale_plans_total", "Plans under which the world moved.", "sync")
	durations  = describe("reconcile_pass_duration_seconds", "How long passes took.", "sync")
	drifts     = describe("drifts_total", "Drifts since the state exists, by what was done.", "sync", "action")
	open       = describe("drifts_open", "Drifts that are not healed yet.", "sync")
	troubles   = describe("reconcile_waiting", "Addresses that are left alone for a while because healing them failed or never lasts.", "sync")
	held       = describe("reconcile_held", "1 while nothing is healed, because somebody said so.", "sync")
	deckies    = describe("deckies", "Deckies by their health.", "sync", "health")
	conditions = describe("condition", "Conditions: 1 is True, 0 False, -1 Unknown.", "sync", "type")
	reasons    = describe("condition_reason", "The reason of a condition; always 1.", "sync", "type", "reason")
	revision   = describe("sync_applied_revision_info", "The commit that was applied last; always 1.", "sync", "commit")
	applied    = describe("sync_applied_revision_time_seconds", "When that commit was made.", "sync")
	checked    = describe("sync_checked_time_seconds", "When the repository was last asked.", "sync")
	pending    = describe("sync_pending", "1 while a plan waits for approval.", "sync")
	suspended  = describe("sync_suspended", "1 while the sync is suspended.", "sync")
	spooled    = describe("notifications_spooled", "Notifications that are not delivered yet.")
)

// BuildMetrics are the figures of a daemon that has no others: which build it is,
// and what it takes of the machine.
func BuildMetrics(version string) http.Handler {
	return promhttp.HandlerFor(buildRegistry(version), promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func buildRegistry(version string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "decnet_build_info", Help: "Which decnet this is; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: buildRegistry(version),
		seen: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "decnet_reconcile_changes_seen_total", Help: "Changes that passes and applies found to be made, by their action.",
		}, []string{"sync", "action"}),
		news: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "decnet_notifications_total", Help: "Notifications by kind and severity.",
		}, []string{"sync", "kind", "severity"}),
	}
	m.registry.MustRegister(m.seen, m.news, m)
	return m
}

// follow says whose figures are told from now on.
func (m *metrics) follow(keepers []*keeper, syncs func() []status.Sync, spool func() int) {
	m.mu.Lock()
	m.keepers, m.syncs, m.spool = keepers, syncs, spool
	m.mu.Unlock()
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// passed counts what a pass saw.
func (m *metrics) passed(site string, p loop.Pass) {
	for action, n := range map[string]int{
		"create": p.Seen.Create, "update": p.Seen.Update, "replace": p.Seen.Replace, "delete": p.Seen.Delete, "forget": p.Seen.Forget,
	} {
		if n > 0 {
			m.seen.WithLabelValues(site, action).Add(float64(n))
		}
	}
}

// told counts a notification.
func (m *metrics) told(n notification.Notification) {
	m.news.WithLabelValues(n.Sync, string(n.Kind), string(n.Severity)).Inc()
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*description{
		passes, adopted, heals, notices, wakes, deaf, lockWaits, stale, durations, drifts, open, troubles, held, deckies, conditions, reasons,
		revision, applied, checked, pending, suspended, spooled,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	keepers, syncs, spool := m.keepers, m.syncs, m.spool
	m.mu.Unlock()
	s := sample{ch}
	followed := map[string]bool{}
	if syncs != nil {
		for _, one := range syncs() {
			followed[one.Name] = true
			s.sync(one)
		}
	}
	for _, k := range keepers {
		report := k.loop.Report()
		s.loop(k.site.Name, k.loop.Metrics(), report)
		if !followed[k.site.Name] {
			s.conditions(k.site.Name, report.Conditions)
			s.drifts(k.site.Name, report.Drifts)
			s.deckies(k.site.Name, report.Deckies)
		}
	}
	if spool != nil {
		s.gauge(spooled, float64(spool()))
	}
}

// sample hands single figures on.
type sample struct{ ch chan<- prometheus.Metric }

func (s sample) count(d *description, n int64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (s sample) gauge(d *description, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sample) loop(site string, m loop.Metrics, report loop.Report) {
	s.count(passes, m.Passes-m.Broken, site, "done")
	s.count(passes, m.Broken, site, "failed")
	s.count(adopted, m.Adopted, site)
	s.count(heals, m.Heals, site, "healed")
	s.count(heals, m.Failures, site, "failed")
	s.count(heals, m.Flaps, site, "flapping")
	s.count(notices, m.Notices, site)
	s.count(wakes, m.Wakes, site)
	s.count(deaf, m.Deaf, site)
	s.count(lockWaits, m.LockWaits, site)
	s.count(stale, m.Stale, site)
	s.gauge(troubles, float64(len(report.Waiting)), site)
	s.gauge(held, truth(report.Held), site)
	buckets, below := map[float64]uint64{}, uint64(0)
	for i, bound := range loop.Buckets {
		below += uint64(max(0, m.Durations[i]))
		buckets[bound.Seconds()] = below
	}
	all := below + uint64(max(0, m.Durations[len(loop.Buckets)]))
	s.ch <- prometheus.MustNewConstHistogram(durations, all, m.Seconds, buckets, site)
}

func (s sample) sync(one status.Sync) {
	s.conditions(one.Name, one.Conditions)
	s.drifts(one.Name, one.Drifts)
	s.deckies(one.Name, one.Deckies)
	if one.Applied != nil {
		s.gauge(revision, 1, one.Name, hexOnly(one.Applied.Commit))
		s.gauge(applied, float64(one.Applied.Time.Unix()), one.Name)
	}
	if !one.Checked.IsZero() {
		s.gauge(checked, float64(one.Checked.Unix()), one.Name)
	}
	s.gauge(pending, truth(one.Pending != nil), one.Name)
	s.gauge(suspended, truth(one.Suspended != ""), one.Name)
}

func (s sample) conditions(site string, all status.Conditions) {
	for _, c := range all {
		value := -1.0
		switch c.Status {
		case status.True:
			value = 1
		case status.False:
			value = 0
		}
		s.gauge(conditions, value, site, string(c.Type))
		s.gauge(reasons, 1, site, string(c.Type), word(c.Reason))
	}
}

func (s sample) drifts(site string, d status.Drifts) {
	s.count(drifts, d.Healed, site, "healed")
	s.count(drifts, d.ByItself, site, "by_itself")
	s.count(drifts, d.Reported, site, "reported")
	s.count(drifts, d.Quarantined, site, "quarantined")
	s.count(drifts, d.Recycled, site, "recycled")
	s.gauge(open, float64(d.Open), site)
}

// healths are what a decky may be; all are told, so that none vanishes.
var healths = []status.Health{
	status.HealthHealthy, status.HealthProgressing, status.HealthDegraded, status.HealthMissing, status.HealthQuarantined, status.HealthUnknown,
}

func (s sample) deckies(site string, all []status.Decky) {
	counts := map[status.Health]int{}
	for _, d := range all {
		counts[d.Health]++
	}
	for _, h := range healths {
		s.gauge(deckies, float64(counts[h]), site, string(h))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// word is a reason as a label: letters only, capped.
func word(reason string) string {
	for i, r := range reason {
		if r > 'z' || r < 'A' || r > 'Z' && r < 'a' || i >= maxReason {
			return "Other"
		}
	}
	if reason == "" {
		return "Other"
	}
	return reason
}

// hexOnly is a commit's digest as a label.
func hexOnly(commit string) string {
	for i, r := range commit {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') || i >= maxReason {
			return "unknown"
		}
	}
	return commit
}
