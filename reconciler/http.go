package reconciler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// server serves until its context ends.
type server func(context.Context) error

// listen opens the addresses for metrics, health, readiness and the webhook, and gives
// what serves them. They are closed when ctx ends.
func (r *reconciler) listen(ctx context.Context, hook http.Handler) ([]server, error) {
	mux, apart := http.NewServeMux(), http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.gatherer(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, r.metrics.alive(time.Now()))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, r.metrics.ready())
	})
	webhookListen := ""
	switch {
	case hook == nil:
	case r.opts.WebhookListen == "":
		mux.Handle("/webhook", hook)
	default:
		webhookListen = r.opts.WebhookListen
		apart.Handle("/webhook", hook)
	}
	var servers []server
	for _, s := range []struct {
		address, what string
		handler       http.Handler
	}{{r.opts.Listen, "metrics and health", mux}, {webhookListen, "the webhook", apart}} {
		if s.address == "" {
			continue
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
		if err != nil {
			return nil, fmt.Errorf("listen for %s: %w", s.what, err)
		}
		context.AfterFunc(ctx, func() { _ = listener.Close() })
		r.log.Info("serve "+s.what, "address", listener.Addr().String())
		servers = append(servers, serve(listener, s.what, s.handler))
	}
	return servers, nil
}

// serve answers on one address. Whoever is slow there is cut off: it may be in reach of
// strangers.
func serve(listener net.Listener, what string, handler http.Handler) server {
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = s.Close() })
		defer stop()
		if err := s.Serve(listener); ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", what, err)
		}
		return nil
	}
}

// answer says ok, or each problem on a line of its own.
func answer(w http.ResponseWriter, problems []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		for _, p := range problems {
			fmt.Fprintln(w, strings.Join(strings.Fields(p), " "))
		}
		return
	}
	fmt.Fprintln(w, "ok")
}
