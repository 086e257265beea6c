package controllers

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

const (
	// balancer is MetalLB's field manager.
	balancer = "controller"
	// asksFor is the annotation that names the address that a Service wants; givenFrom is
	// written where one was given.
	asksFor   = "metallb.io/loadBalancerIPs"
	givenFrom = "metallb.io/ip-allocated-from-pool"
)

// service gives an address: the one that is asked for, or the first that is free. What
// another Service has is waited for.
func (c *Controllers) service(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) || text(o, "spec", "type") != "LoadBalancer" || c.trouble(key) != Well {
		return 0, nil
	}
	has, wants := ingress(o), text(o, "metadata", "annotations", asksFor)
	if has != "" && (wants == "" || wants == has) {
		return 0, nil
	}
	taken := c.addresses()
	if wants == "" {
		free := netip.MustParseAddr("198.18.0.1")
		for taken[free.String()] != (apiserver.Key{}) {
			free = free.Next()
		}
		wants = free.String()
	}
	if other := taken[wants]; other != (apiserver.Key{}) && other != key {
		c.await(other, key)
		return 0, nil
	}
	if text(o, "metadata", "annotations", givenFrom) == "" {
		return 0, c.write(balancer, "", with(o, "default", "metadata", "annotations", givenFrom))
	}
	return 0, c.report(balancer, o, map[string]any{
		"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": wants, "ipMode": "VIP"}}},
	})
}

// addresses tells who has which.
func (c *Controllers) addresses() map[string]apiserver.Key {
	taken := map[string]apiserver.Key{}
	for _, o := range c.server.List(core("Service", "", "")) {
		if ip := ingress(o); ip != "" && text(o, "spec", "type") == "LoadBalancer" {
			taken[ip] = keyOf(o)
		}
	}
	return taken
}

// ingress is the address that a Service has.
func ingress(o apiserver.Object) string {
	for _, i := range list(o, "status", "loadBalancer", "ingress") {
		if i, ok := i.(map[string]any); ok {
			return text(i, "ip")
		}
	}
	return ""
}

// unasked is an address of a control plane that wants none in particular.
func unasked(key apiserver.Key) string {
	return fmt.Sprintf("198.19.%d.%d", hash(key)/256%256, hash(key)%256)
}
