package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tenantry/tenantry/test/simulation/planted"
)

// build builds the simulator's test binary, with the bugs if there are any.
func (s *sim) build(ctx context.Context, to string, bugs []planted.Bug) (string, error) {
	binary := filepath.Join(s.opts.dir, to)
	args := []string{"test", "-c", "-vet=off", "-o", binary}
	if len(bugs) > 0 {
		overlays := filepath.Join(s.opts.dir, "_overlay") // go ./... looks into no such folder
		if err := os.RemoveAll(overlays); err != nil {    // of files that have no bug any more
			return "", err
		}
		if err := os.MkdirAll(overlays, 0o755); err != nil {
			return "", err
		}
		overlay, err := planted.Write(s.opts.root, overlays, bugs)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./test/simulation")...)
	cmd.Dir = s.opts.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", to, err, strings.TrimSpace(string(out)))
	}
	return binary, nil
}
