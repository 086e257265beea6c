package simulation

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSettingAClockMakesNoTimePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, by := range []time.Duration{0, time.Hour, -25 * time.Hour, time.Second} {
			was := set(time.Now(), 0)
			is := set(time.Now(), by)
			if got := is.Sub(was); got != 0 {
				t.Errorf("set by %v: %v have passed", by, got)
			}
			if got := is.Round(0).Sub(was.Round(0)); got != by {
				t.Errorf("set by %v: the wall clock differs by %v", by, got)
			}
			if got := is.Add(time.Minute).Sub(was); got != time.Minute {
				t.Errorf("set by %v: a minute later is %v later", by, got)
			}
		}
	})
}
