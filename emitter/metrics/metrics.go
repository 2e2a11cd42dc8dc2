// Package metrics shows what the emitter does in Prometheus' form. It only counts.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// Metrics are the figures of one emitter.
type Metrics struct {
	registry *prometheus.Registry
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
	disabled prometheus.Counter
}

// New returns figures that stand at zero.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kirimcheck_attempts_total",
			Help: "Delivery attempts by event, outcome (delivered, retry, terminal) and trouble (empty where there was an answer).",
		}, []string{"event", "outcome", "trouble"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kirimcheck_attempt_duration_seconds",
			Help:    "Real time of a delivery attempt's exchange.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10},
		}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kirimcheck_subscriptions_disabled_total",
			Help: "Subscriptions that too many failed deliveries in a row disabled.",
		}),
	}
	m.registry.MustRegister(m.attempts, m.duration, m.disabled,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Attempt counts an attempt.
func (m *Metrics) Attempt(r pipeline.Record) {
	m.attempts.WithLabelValues(r.Event.Name, string(r.Outcome), string(r.Trouble)).Inc()
	m.duration.Observe(r.Took.Seconds())
	if r.Disabled {
		m.disabled.Inc()
	}
}

// Watch shows the state of an engine at the time of each look.
func (m *Metrics) Watch(engine *pipeline.Engine) {
	gauge := func(name, help string, value func(pipeline.Stats) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value(engine.Stats())) }))
	}
	gauge("kirimcheck_subscriptions", "Subscriptions that the delivery engine knows.",
		func(s pipeline.Stats) int { return s.Subscriptions })
	gauge("kirimcheck_deliveries_ready", "Deliveries that wait for a place among their subscription's attempts.",
		func(s pipeline.Stats) int { return s.Ready })
	gauge("kirimcheck_deliveries_waiting", "Deliveries whose next attempt is due later.",
		func(s pipeline.Stats) int { return s.Future })
	gauge("kirimcheck_attempts_in_flight", "Attempts that are being made.",
		func(s pipeline.Stats) int { return s.InFlight })
}

// Handler serves GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
