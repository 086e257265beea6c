package reconciler

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage may pile up, in percent of what is in use.
const garbagePercent = 45

// SaveMemory trades processor time for memory, for the whole process: what is known of
// a large fleet stays, and by default Go lets as much again pile up before it looks
// for garbage. GOGC, when it is set, says otherwise.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
