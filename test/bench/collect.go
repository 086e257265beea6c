package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/tenantry/tenantry/git/gittest"
)

// figure is one thing measured.
type figure struct {
	name  string
	value float64
	unit  string
}

func (f figure) String() string {
	return fmt.Sprintf("figure: %s %s %s", f.name, strconv.FormatFloat(f.value, 'f', -1, 64), f.unit)
}

// parseFigure reads a line as figures are written.
func parseFigure(line string) (figure, bool) {
	words := strings.Fields(line)
	if len(words) != 4 || words[0] != "figure:" {
		return figure{}, false
	}
	value, err := strconv.ParseFloat(words[2], 64)
	return figure{words[1], value, words[3]}, err == nil
}

// promised are the figures that every run ends with.
var promised = []string{
	"fleet_objects", "fleet_bytes",
	"pass_cold_10k_seconds", "pass_one_changed_ms", "pass_peak_rss_mib", "stamp_vs_krusty_ratio",
	"writes_per_object_created", "writes_unchanged", "quiet_minute_requests_beyond_leases",
	"commit_to_applied_p50_ms", "commit_to_applied_p99_ms", "ledger_commit_history_ratio",
	"place_10k_on_50_shards_seconds", "place_ten_more_ms", "place_load_spread_percent",
}

// bench is one run of everything.
type bench struct {
	profiles       string
	only           string // one part, else all
	tenants        int
	stdout, stderr io.Writer
	figures        map[string]figure
}

func (b *bench) run(ctx context.Context) error {
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tenantry-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var failed []error
	for _, part := range []struct {
		name, what string
		do         func() error
	}{
		{"pass", "a pass over a large fleet", func() error { return b.pass(ctx, dir) }},
		{"profiles", "where the pass spends its time and memory", func() error { return b.tops(ctx) }},
		{"render", "rendering", func() error { return b.goBench(ctx, "./render", "StampVsKrusty") }},
		{"placement", "placing tenants", func() error { return b.goBench(ctx, "./test/bench", "Placement") }},
		{"ledger", "commits to a long ledger", func() error { return b.goBench(ctx, "./reconciler/repository", "LedgerCommitHistory") }},
		{"shards", "a fleet on two management clusters", func() error { return b.goBench(ctx, "./test/bench", "Shards") }},
	} {
		if b.only != "" && b.only != part.name {
			continue
		}
		fmt.Fprintf(b.stdout, "== %s\n", part.what)
		if err := part.do(); err != nil {
			failed = append(failed, fmt.Errorf("measure %s: %w", part.what, err))
		}
	}
	fmt.Fprintln(b.stdout, "== figures")
	for _, name := range slices.Sorted(maps.Keys(b.figures)) {
		fmt.Fprintln(b.stdout, b.figures[name])
	}
	for _, name := range promised {
		if _, there := b.figures[name]; !there && b.only == "" {
			failed = append(failed, fmt.Errorf("the figure %s is missing", name))
		}
	}
	return errors.Join(failed...)
}

// pass measures a pass in a process of its own.
func (b *bench) pass(ctx context.Context, dir string) error {
	repo, err := gittest.Init(filepath.Join(dir, "fleet.git"))
	if err != nil {
		return err
	}
	if _, err := repo.Commit("main", "Begin", largeFleet(b.tenants).Files); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Memory is bounded as the Deployment of examples/install bounds it.
	return b.command(ctx, "env", "GOMEMLIMIT=340MiB", "GOGC=200", self, "pass", "--repository", repo.Dir, "--profiles", b.profiles, "--tenants", strconv.Itoa(b.tenants))
}

// tops prints the first lines of the profiles.
func (b *bench) tops(ctx context.Context) error {
	for _, p := range []struct{ file, by string }{{coldProfile, "cum"}, {changeProfile, "cum"}, {heapProfile, "flat"}} {
		args := []string{"tool", "pprof", "-top", "-nodecount=25"}
		switch {
		case p.file == heapProfile:
			args = append(args, "-sample_index=inuse_space")
		case p.by == "cum":
			args = append(args, "-cum")
		}
		if err := b.command(ctx, "go", append(args, filepath.Join(b.profiles, p.file))...); err != nil {
			return err
		}
	}
	return nil
}

// goBench runs one package's benchmarks once.
func (b *bench) goBench(ctx context.Context, pkg, which string) error {
	return b.command(ctx, "go", "test", "-vet=off", "-run", "^$", "-bench", which, "-benchtime", "1x", "-timeout", "15m", pkg)
}

// command runs a program, shows what it prints, and keeps the figures among it.
func (b *bench) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = b.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(b.stdout, lines.Text())
		if f, ok := parseFigure(lines.Text()); ok {
			b.figures[f.name] = f
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("run %s: %w", filepath.Base(name), err)
	}
	return lines.Err()
}
