package up

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tenantry/tenantry/test/devcluster/process"
)

const pollEvery = 50 * time.Millisecond

// wait polls url until it answers 200, p ends or ctx does.
func wait(ctx context.Context, p *process.Process, url string) error {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		// The controllers' health ports have certificates that they signed themselves.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	last := "no answer"
	for {
		if answer, ok := probe(ctx, client, url); ok {
			return nil
		} else if answer != "" {
			last = answer
		}
		select {
		case <-p.Done():
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %s); see %s", p.Name, context.Cause(ctx), last, p.Log)
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, client *http.Client, url string) (answer string, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error(), false
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error(), false
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return strings.TrimSpace(string(body)), resp.StatusCode == http.StatusOK
}
