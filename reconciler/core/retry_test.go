package core

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Pushes that fail are tried again later and later, and told of; one that is laid down
// ends that. An answer to a push that is not in flight says nothing.
func TestPushesBackOff(t *testing.T) {
	refused := errors.New("refused")
	for name, push := range map[string]struct {
		answer  func(c *Core, now time.Time, err error)
		retryAt func(*Core) time.Time
		stray   func(*Core) string
	}{
		"ledger": {
			func(c *Core, now time.Time, err error) {
				c.ledger.pushing = &PushLedger{}
				c.takeLedgerPushed(LedgerPushed{Tip: c.ledger.tip, Err: err}, now)
			},
			func(c *Core) time.Time { return c.ledger.retryAt },
			func(c *Core) string { c.takeLedgerPushed(LedgerPushed{Tip: "stray"}, time.Time{}); return c.ledger.tip },
		},
		"status": {
			func(c *Core, now time.Time, err error) {
				c.status.pushing = &PushStatus{}
				c.takeStatusPushed(StatusPushed{Tip: "s9", Err: err}, now)
			},
			func(c *Core) time.Time { return c.status.retryAt },
			func(c *Core) string { c.takeStatusPushed(StatusPushed{Tip: "stray"}, time.Time{}); return c.status.tip },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := begun(t)
			c := w.core
			var waits []time.Duration
			for _, err := range []error{refused, refused, refused, nil, refused} {
				c.unread = false
				push.answer(c, w.now, err)
				if err == nil {
					continue
				}
				waits = append(waits, push.retryAt(c).Sub(w.now))
				if !c.unread {
					t.Error("a push that failed is not told of")
				}
			}
			if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, time.Second}, waits); diff != "" {
				t.Errorf("waits: want (-) got (+):\n%s", diff)
			}
			if push.stray(c) == "stray" {
				t.Error("an answer that nobody waits for was taken")
			}
		})
	}
}
