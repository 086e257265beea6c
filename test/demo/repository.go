package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/git/gittest"
)

// pushFleet serves an empty bare repository and pushes the example, as a person would.
func (d *demo) pushFleet(ctx context.Context) error {
	began := time.Now()
	server, err := gittest.Serve(gittest.Options{Root: filepath.Join(d.dir, "git")})
	if err != nil {
		return err
	}
	d.server = server
	repo, err := server.Create("fleet.git")
	if err != nil {
		return err
	}
	clone := filepath.Join(d.dir, "fleet")
	if err := d.enter(clone, server.URL(filepath.Base(repo.Dir))); err != nil {
		return err
	}
	d.out.progress("serving %s", server.URL("fleet.git"))
	if err := os.CopyFS(clone, os.DirFS(d.opts.fleet)); err != nil {
		return fmt.Errorf("copy %s: %w", d.opts.fleet, err)
	}
	if err := d.usePools(clone); err != nil {
		return err
	}
	if d.tenants, err = tenantsIn(clone); err != nil {
		return err
	}
	d.out.progress("copied %s, with this machine's addresses in shards/", filepath.Base(d.opts.fleet))
	err = d.showAll(ctx,
		"tenantry validate .",
		`git init -q -b main && git config user.name "A Person" && git config user.email person@example.org`,
		`git add . && git commit -q -m "Begin the fleet"`,
		"git remote add origin $TENANTRY_REPOSITORY && git push -q -u origin main",
	)
	d.timed(began, "a fleet validated, committed and pushed")
	return err
}

// enter makes the clone's folder the one for commands, and writes their environment
// down for people.
func (d *demo) enter(clone, url string) error {
	settings := []string{
		"TENANTRY_REPOSITORY=" + url,
		"TENANTRY_KUBECONFIGS=" + filepath.Join(d.dir, "shards"),
		"CLUSTERS=" + filepath.Join(d.dir, "clusters", "kubeconfigs"),
		"INSTALL=" + d.opts.install,
		"KUBECONFIG=" + filepath.Join(d.dir, "kubeconfig"),
		"KUBECACHEDIR=" + filepath.Join(d.dir, "kubecache"),
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"no_proxy=127.0.0.0/8,127.0.0.1",
	}
	bin := filepath.Join(d.dir, "bin")
	d.shell = &shell{dir: clone, out: d.out, env: environment(os.Environ(),
		append(settings, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C")...)}
	lines := []string{"# Read by `. env`: for playing with the demo while it runs."}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		lines = append(lines, "export "+name+"='"+value+"'")
	}
	lines = append(lines, "export PATH='"+bin+"':\"$PATH\"", "cd '"+clone+"'", "")
	text := strings.Join(lines, "\n")
	return errors.Join(os.MkdirAll(clone, 0o700), os.WriteFile(filepath.Join(d.dir, "env"), []byte(text), 0o600))
}

// pool is an address range in a shard's addressPool.
var pool = regexp.MustCompile(`(?m)^(\s*- )[0-9.]+-[0-9.]+$`)

// usePools puts the clusters' load balancer addresses into the shards' declarations.
func (d *demo) usePools(clone string) error {
	for _, s := range d.shards {
		path := filepath.Join(clone, "shards", s.Name+".yaml")
		was, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read shard %s: %w", s.Name, err)
		}
		is, err := withPool(string(was), s.AddressPool)
		if err != nil {
			return fmt.Errorf("change shards/%s.yaml: %w", s.Name, err)
		}
		if err := os.WriteFile(path, []byte(is), 0o600); err != nil {
			return fmt.Errorf("write shard %s: %w", s.Name, err)
		}
	}
	return nil
}

// withPool is a shard's declaration with another address pool.
func withPool(declaration, addresses string) (string, error) {
	if n := len(pool.FindAllString(declaration, -1)); n != 1 {
		return "", fmt.Errorf("want one address pool of the form FIRST-LAST, found %d", n)
	}
	return pool.ReplaceAllString(declaration, "${1}"+addresses), nil
}

// tenantsIn are the names of the tenants that a clone declares.
func tenantsIn(clone string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(clone, "tenants", "*", "*", "tenant.yaml"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range found {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	slices.Sort(names)
	return names, nil
}

// showAll shows commands until one fails.
func (d *demo) showAll(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		if _, err := d.show(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
