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
	remarks  prometheus.Gauge
	hooks    *prometheus.CounterVec
	healed   *prometheus.CounterVec

	mu       sync.Mutex
	passed   time.Time // when the loop was last seen alive
	told     time.Time // when the gauges were last set
	changed  bool      // steps were taken since
	notReady []string
}

// newMetrics makes the daemon's figures and registers them. Without a registry they get
// one of their own, with the process's figures.
func newMetrics(registry *prometheus.Registry) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	m := &metrics{
		registry: registry,
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
		remarks: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tenantry_not_as_declared", Help: "Classes, datastores, shards and settings that are not in force as they are declared.",
		}),
		healed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantry_drift_healed_total", Help: "Objects put right after somebody else had changed them, by shard.",
		}, []string{"shard"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantry_webhook_deliveries_total", Help: "Deliveries to the webhook by what became of them: accepted, repeated, refused, failed.",
		}, []string{"result"}),
		passed:   time.Now(),
		notReady: []string{"Starting"},
	}
	m.registry.MustRegister(m.steps, m.tenants, m.shards, m.problems, m.events, m.remarks, m.healed, m.hooks)
	return m
}

// tellEvery bounds how often the gauges are set: counting a large fleet is work.
const tellEvery = 2 * time.Second

// observe notes that a step was taken.
func (m *metrics) observe(c *core.Core, took time.Duration) {
	m.steps.Observe(took.Seconds())
	problems := c.Problems()
	m.mu.Lock()
	m.changed = true
	m.notReady = m.notReady[:0:0]
	for _, p := range problems {
		m.notReady = append(m.notReady, p.Reason+": "+p.Message)
	}
	m.mu.Unlock()
	m.pass(c)
}

// pass notes that the loop is alive, and sets the gauges when that is due: after
// the last of many steps, too.
func (m *metrics) pass(c *core.Core) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passed = now
	if !m.changed || now.Sub(m.told) < tellEvery {
		return
	}
	m.told, m.changed = now, false
	m.remarks.Set(float64(len(c.Remarks())))
	m.problems.Reset()
	for _, p := range c.Problems() {
		m.problems.WithLabelValues(p.Reason).Set(1)
	}
	m.tenants.Reset()
	for _, t := range c.Tenants() {
		m.tenants.WithLabelValues(t.Shard, string(t.Phase)).Inc()
	}
	m.shards.Reset()
	for name, is := range c.Open() {
		open := 0.0
		if is {
			open = 1
		}
		m.shards.WithLabelValues(name).Set(open)
	}
}

// gatherer gives the figures for scrapes, never half of them: the gauges of a
// fleet are counted anew each time.
func (m *metrics) gatherer() prometheus.Gatherer {
	return prometheus.GathererFunc(locked(&m.mu, m.registry.Gather))
}

func locked[T any](mu *sync.Mutex, gather func() (T, error)) func() (T, error) {
	return func() (T, error) {
		mu.Lock()
		defer mu.Unlock()
		return gather()
	}
}

// delivered counts a delivery to the webhook.
func (m *metrics) delivered(result string) { m.hooks.WithLabelValues(result).Inc() }

// failed counts a failure.
func (m *metrics) failed(what string) { m.events.WithLabelValues(what).Inc() }

// stalled is after how long the loop counts as stuck: it passes whenever it looks
// for kubeconfigs, however rarely there is something to step with.
const stalled = 5 * time.Minute

func (m *metrics) alive(now time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.passed) > stalled {
		return []string{"Stalled: the loop has not come round since " + m.passed.Format(time.RFC3339)}
	}
	return nil
}

func (m *metrics) ready() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notReady
}
