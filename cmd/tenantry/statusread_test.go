package main

import (
	"testing"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
)

func TestPhaseSince(t *testing.T) {
	early := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	late := early.Add(time.Hour)
	ready := core.Condition{Type: "Ready", Status: "True", LastTransitionTime: early}
	tests := []struct {
		name   string
		reason string
		status core.TenantStatus
		want   time.Time
	}{
		{"Ready", "The plain case.", core.TenantStatus{Phase: core.Ready, Conditions: []core.Condition{ready}}, early},
		{"Contested", "It has been ready all the while.", core.TenantStatus{Phase: core.Ready, Conditions: []core.Condition{
			ready, {Type: "Applied", Status: "False", LastTransitionTime: late},
		}}, early},
		{"Held", "Its API was ready long before anybody held it.", core.TenantStatus{Phase: core.Held, Conditions: []core.Condition{
			ready, {Type: "Held", Status: "True", LastTransitionTime: late},
		}}, late},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := phaseSince(tt.status); !got.Equal(tt.want) {
				t.Errorf("%s\ngot %v, want %v", tt.reason, got, tt.want)
			}
		})
	}
}
