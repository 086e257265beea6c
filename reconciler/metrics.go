package reconciler

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tenantry/tenantry/reconciler/core"
)

// metrics are the daemon's figures. The loop writes them, scrapes read them.
type metrics struct {
	registry *prometheus.Registry
	steps    prometheus.Histogram
	tenants  *prometheus.GaugeVec
	shards   *prometheus.GaugeVec
	problems *prometheus.GaugeVec
	events   *prometheus.CounterVec

	mu       sync.Mutex
	stepped  time.Time
	told     time.Time
	notReady []string
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		steps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tenantry_step_seconds", Help: "How long one step of the core took.", Buckets: prometheus.ExponentialBuckets(1e-5, 10, 7),
		}),
		tenants: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tenantry_tenants", Help: "Tenants by shard and phase; no shard when not placed.",
		}, []string{"shard", "phase"}),
		shards: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tenantry_shard_open", Help: "1 when this replica works on the shard, 0 when it cannot.",
		}, []string{"shard"}),
		problems: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tenantry_problem", Help: "1 for each problem that makes the daemon not ready.",
		}, []string{"reason"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantry_failures_total", Help: "Failures by what failed: fetch, decide, report, work.",
		}, []string{"what"}),
		stepped:  time.Now(),
		notReady: []string{"Starting"},
	}
	m.registry.MustRegister(m.steps, m.tenants, m.shards, m.problems, m.events, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// tellEvery bounds how often the gauges are set: counting a large fleet is work.
const tellEvery = 2 * time.Second

// observe notes that a step was taken.
func (m *metrics) observe(c *core.Core, took time.Duration) {
	m.steps.Observe(took.Seconds())
	now := time.Now()
	problems := c.Problems()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stepped = now
	m.notReady = m.notReady[:0:0]
	for _, p := range problems {
		m.notReady = append(m.notReady, p.Reason+": "+p.Message)
	}
	if now.Sub(m.told) < tellEvery {
		return
	}
	m.told = now
	m.problems.Reset()
	for _, p := range problems {
		m.problems.WithLabelValues(p.Reason).Set(1)
	}
	m.tenants.Reset()
	for _, t := range c.Tenants() {
		m.tenants.WithLabelValues(t.Shard, string(t.Phase)).Inc()
	}
	m.shards.Reset()
	for _, s := range c.Shards() {
		open := 0.0
		if s.Open() {
			open = 1
		}
		m.shards.WithLabelValues(s.Name).Set(open)
	}
}

// failed counts a failure.
func (m *metrics) failed(what string) { m.events.WithLabelValues(what).Inc() }

// stalled is after how long without a step the loop counts as stuck: it steps at
// least once in every interval.
const stalled = 5 * time.Minute

func (m *metrics) alive(now time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.stepped) > stalled {
		return []string{"Stalled: the core has not stepped since " + m.stepped.Format(time.RFC3339)}
	}
	return nil
}

func (m *metrics) ready() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notReady
}
