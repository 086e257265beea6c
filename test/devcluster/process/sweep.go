package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// sweepEvery leaves killed processes the time to vanish from /proc.
	sweepEvery = 20 * time.Millisecond
	// sweepLimit ends a sweep that cannot win, against another user's processes.
	sweepLimit = 15 * time.Second
)

// Sweep kills all processes that carry mark until none is left, and tells
// whether that worked.
func Sweep(mark string) bool {
	if mark == "" {
		return false
	}
	clean := 0
	for end := time.Now().Add(sweepLimit); time.Now().Before(end); time.Sleep(sweepEvery) {
		pids := Marked(mark)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		// Twice, because a process forked while /proc was read may have been missed.
		if clean++; len(pids) > 0 {
			clean = 0
		}
		if clean == 2 {
			return true
		}
	}
	return false
}

// Marked returns the living processes that carry mark, this one excepted.
func Marked(mark string) []int {
	want := []byte(MarkEnv + "=" + mark + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		// Ended or another user's processes cannot be read; a zombie's is empty.
		env, err := os.ReadFile(f)
		if err == nil && (bytes.HasPrefix(env, want) || bytes.Contains(env, append([]byte{0}, want...))) {
			pids = append(pids, pid)
		}
	}
	return pids
}
