package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

func TestBrakeCounts(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	tests := []struct {
		name            string
		living, removed int
		since           time.Duration // how long the removed ones have been so
		absent          int
		change          func(*fleet.Fleet)
		want            string
	}{
		{"as many as the limit", 10, 0, 0, 3, nil, ""},
		{"more", 10, 0, 0, 4, nil, "4 tenants would go and 0 went within 24 hours, but fleet.yaml allows 3"},
		{"as many as the percentage", 100, 0, 0, 5, nil, ""},
		{"one more", 100, 0, 0, 6, nil, "fleet.yaml allows 5"},
		{"a part of a tenant is none", 119, 0, 0, 6, nil, "fleet.yaml allows 5"},
		{"with those that went today", 95, 2, time.Hour, 2, nil, ""},
		{"one more with those that went today", 95, 2, time.Hour, 3, nil, "3 tenants would go and 2 went within 24 hours, but fleet.yaml allows 4"},
		{"those that went today make the fleet larger", 98, 2, time.Hour, 3, nil, ""},
		{"just within the day", 50, 3, day - time.Nanosecond, 1, nil, "1 tenants would go and 3 went"},
		{"a day ago", 50, 3, day, 1, nil, ""},
		{"the last", 1, 0, 0, 1, nil, "the fleet's last tenant would go"},
		{"the last ones, though others went long ago", 2, 3, 2 * day, 2, nil, "the fleet's last tenant would go"},
		{"the last but one", 2, 0, 0, 1, nil, ""},
		{"the last, if allowed", 1, 0, 0, 1, func(f *fleet.Fleet) { f.Settings.Deletion.AllowLast = true }, ""},
		{"nobody knows", 10, 0, 0, 1, func(f *fleet.Fleet) { f.SettingsBroken = true }, "fleet.yaml is missing or invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, l := &fleet.Fleet{}, ledger.Empty()
			f.Settings.Deletion.Limit, f.Settings.Deletion.Percent = 3, 5
			if tt.change != nil {
				tt.change(f)
			}
			for i := range tt.living {
				l.Tenants[fmt.Sprint("living-", i)] = &ledger.Tenant{Lifecycle: ledger.Living}
			}
			for i := range tt.removed {
				l.Tenants[fmt.Sprint("removed-", i)] = &ledger.Tenant{
					Lifecycle: ledger.Tombstoned, Tombstone: &ledger.Tombstone{Since: now.Add(-tt.since)},
				}
			}
			got := brake(f, l, tt.absent, now)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

func TestNextPurge(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	of := func(lifecycle ledger.Lifecycle, in time.Duration) *ledger.Tenant {
		return &ledger.Tenant{Lifecycle: lifecycle, Tombstone: &ledger.Tombstone{PurgeAfter: now.Add(in)}}
	}
	l := ledger.Empty()
	if next := nextPurge(l, now); !next.IsZero() {
		t.Errorf("nothing is to be purged, but at %v", next)
	}
	l.Tenants["living"] = &ledger.Tenant{Lifecycle: ledger.Living}
	l.Tenants["over"], l.Tenants["due"] = of(ledger.Tombstoned, -time.Hour), of(ledger.Tombstoned, 0)
	l.Tenants["purging"], l.Tenants["purged"] = of(ledger.Purging, time.Minute), of(ledger.Purged, time.Minute)
	if next := nextPurge(l, now); !next.IsZero() {
		t.Errorf("nothing is still to be waited for, but %v", next)
	}
	for i, hours := range []int{5, 2, 9, 3} {
		l.Tenants[fmt.Sprint("removed-", i)] = of(ledger.Tombstoned, time.Duration(hours)*time.Hour)
	}
	if next, want := nextPurge(l, now), now.Add(2*time.Hour); !next.Equal(want) {
		t.Errorf("want %v, got %v", want, next)
	}
}
