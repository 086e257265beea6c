package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/fleetgen"
	"github.com/tenantry/tenantry/test/observe"
)

// The fleet that is measured: half of it on each provider, one tenant in twenty with a
// patch of its own.
const (
	fleetSeed    = 3
	fleetTenants = 10_000
	fleetClasses = 20
	fleetShards  = 20
	patchEvery   = 20
	// changes is how many tenants are changed, one after the other.
	changes = 40
)

func largeFleet(tenants int) *fleetgen.Fleet {
	return fleetgen.New(fleetgen.Options{
		Seed: fleetSeed, Tenants: tenants, Classes: fleetClasses, Shards: fleetShards,
		Providers: []string{"native", "kamaji"}, PatchEvery: patchEvery,
	})
}

// Profiles of a pass.
const (
	coldProfile   = "pass-cold.pprof"
	changeProfile = "pass-change.pprof"
	heapProfile   = "pass-heap.pprof"
)

// measured is a pass over a fleet in a repository on this machine.
type measured struct {
	*pass
	fleet    *fleetgen.Fleet
	changed  map[string]string // the tenants' files to be committed one after the other
	repo     *gittest.Repo
	profiles string
	out      io.Writer
}

// measurePass tells what a pass over the fleet in the repository dir costs, and leaves
// profiles.
func measurePass(ctx context.Context, dir, profiles string, tenants int, out io.Writer) error {
	made := largeFleet(tenants)
	p, stop, err := newPass(ctx, dir, made.Shards)
	if err != nil {
		return err
	}
	defer stop()
	m := &measured{p, made, map[string]string{}, &gittest.Repo{Dir: dir, Author: "A Person <person@example.org>"}, profiles, out}
	for i := range min(changes, tenants) {
		dir := made.Tenants[i*tenants/min(changes, tenants)]
		m.changed[dir] = made.Scaled(dir, 4)
	}
	made.Files = nil // no part of what is measured
	for _, part := range []func() error{m.cold, m.change, m.memory} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (m *measured) figure(name string, value float64, unit string) {
	fmt.Fprintln(m.out, figure{name, value, unit})
}

// cold measures from nothing to the work for every tenant.
func (m *measured) cold() error {
	end, err := profile(filepath.Join(m.profiles, coldProfile))
	if err != nil {
		return err
	}
	tenants := len(m.fleet.Tenants)
	start, busy := time.Now(), processorTime()
	err = m.until(func() bool { return len(m.worked) == tenants })
	took, busy := time.Since(start), processorTime()-busy
	end()
	if err != nil {
		return err
	}
	m.figure("pass_cold_10k_seconds", took.Seconds(), "s")
	m.figure("pass_cold_10k_cpu_seconds", busy.Seconds(), "s")
	m.figure("pass_cold_load_seconds", m.loaded.Sub(start).Seconds(), "s")
	m.figure("pass_cold_longest_step_ms", m.longest.Seconds()*1000, "ms")
	if err := m.until(m.settled); err != nil {
		return err
	}
	settled := time.Now() // statuses follow when their interval is over
	if err := m.until(func() bool { return m.reported.After(settled) || time.Since(settled) > 15*time.Second }); err != nil {
		return err
	}
	if why := m.unready(); len(why) > 0 {
		return fmt.Errorf("tenants are not ready: %s", strings.Join(why[:min(3, len(why))], "; "))
	}
	objects, bytes := 0, 0
	for _, s := range m.shards {
		objects, bytes = objects+s.objects, bytes+s.bytes
	}
	m.figure("fleet_objects", float64(objects), "objects")
	m.figure("fleet_bytes", float64(bytes), "bytes")
	return nil
}

// change measures from "look at Git" to the work for the one tenant that a commit
// changed.
func (m *measured) change() error {
	end, err := profile(filepath.Join(m.profiles, changeProfile))
	if err != nil {
		return err
	}
	defer end()
	var took []float64
	busy := time.Duration(0)
	for dir, content := range m.changed {
		if _, err := m.repo.Commit("main", "Change a tenant", map[string]string{dir + "/tenant.yaml": content}); err != nil {
			return err
		}
		clear(m.worked)
		start, before := time.Now(), processorTime()
		m.look()
		if err := m.until(func() bool { return m.worked[filepath.Base(dir)] }); err != nil {
			return err
		}
		took, busy = append(took, time.Since(start).Seconds()*1000), busy+processorTime()-before
		if len(m.worked) != 1 {
			return fmt.Errorf("one tenant changed, but %d were worked on", len(m.worked))
		}
		if err := m.until(m.settled); err != nil {
			return err
		}
	}
	slices.Sort(took)
	m.figure("pass_one_changed_ms", took[len(took)/2], "ms")
	m.figure("pass_one_changed_max_ms", took[len(took)-1], "ms")
	m.figure("pass_one_changed_cpu_ms", busy.Seconds()*1000/float64(len(took)), "ms")
	return nil
}

// memory measures the most memory that the pass ever had.
func (m *measured) memory() error {
	peak, err := observe.PeakMemory("self")
	if err != nil {
		return err
	}
	m.figure("pass_peak_rss_mib", peak, "MiB")
	heap, err := os.Create(filepath.Join(m.profiles, heapProfile))
	if err != nil {
		return err
	}
	defer heap.Close()
	runtime.GC()
	return pprof.WriteHeapProfile(heap)
}

// profile begins a CPU profile; the function ends it.
func profile(path string) (end func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}
