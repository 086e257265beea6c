package observe

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// PeakMemory is the most memory that the daemon's process ever had, in MiB.
func (d *Daemon) PeakMemory() (float64, error) { return PeakMemory(strconv.Itoa(d.cmd.Process.Pid)) }

// PeakMemory is the most memory that a process, by its number or "self", ever had, in MiB.
func PeakMemory(process string) (float64, error) {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("read /proc/%s/status: no VmHWM", process)
}

// tick is the unit of processor time in /proc: a hundredth of a second on Linux.
const tick = 10 * time.Millisecond

// Processor is what the daemon's process has used of all processors.
func (d *Daemon) Processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the daemon's processor time: %d fields", len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, fmt.Errorf("read the daemon's processor time: %w", err)
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}
