package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInsist(t *testing.T) {
	tests := []struct {
		name, reason string
		fail         int // how many attempts fail
		attempts     int
		err          string
	}{
		{"AtOnce", "nothing is repeated that went well", 0, 1, ""},
		{"Later", "a datastore that starts late is waited for", 3, 4, ""},
		{"Never", "the time is bounded, and the last reason is told", 1000, 6, "gave up: no etcd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stderr strings.Builder
				attempts := 0
				err := insist(t.Context(), &stderr, 11*time.Second, 2*time.Second, func(context.Context) error {
					if attempts++; attempts <= tt.fail {
						return errors.New("no etcd")
					}
					return nil
				})
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != tt.err || attempts != tt.attempts {
					t.Errorf("%s: %d attempts, error %q; want %d, %q", tt.reason, attempts, got, tt.attempts, tt.err)
				}
				if told := strings.Count(stderr.String(), "no etcd"); told > 1 {
					t.Errorf("the same reason was told %d times", told)
				}
			})
		})
	}
}
