package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet/strict"
	"github.com/tenantry/tenantry/reconciler/core"
)

// readStatus reads every tenant's status from the status branch, sorted by name
// and shard. An error tells of files that could not be read; the others are there.
func readStatus(fsys fs.FS, p *progress) ([]core.TenantStatus, error) {
	task := p.begin("read the status")
	defer task.end()
	statuses := []core.TenantStatus{}
	var broken []error
	err := fs.WalkDir(fsys, "status", func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == "status" {
			return fs.SkipAll // a branch that has just begun
		}
		if err != nil || d.IsDir() || path.Ext(p) != ".yaml" || path.Base(p) == "_shard.yaml" {
			return err
		}
		raw, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		var s core.TenantStatus
		if err := yaml.Unmarshal(raw, &s); err != nil {
			broken = append(broken, fmt.Errorf("read %s: %w", p, err))
		} else if s.Kind == "TenantStatus" { // all else is somebody else's file
			statuses = append(statuses, s)
		}
		return nil
	})
	slices.SortFunc(statuses, func(a, b core.TenantStatus) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Shard, b.Shard))
	})
	return statuses, errors.Join(append(broken, err)...)
}

// findStatus gives the status of one tenant.
func findStatus(statuses []core.TenantStatus, name string) (core.TenantStatus, error) {
	for _, s := range statuses {
		if s.Name == name {
			return s, nil
		}
	}
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = s.Name
	}
	advice := `"tenantry status" lists the tenants that have one; a new one appears with the next status commit`
	if near := strict.Nearest(name, names); near != "" {
		advice = fmt.Sprintf("did you mean %s?", near)
	}
	return core.TenantStatus{}, hint(fmt.Errorf("tenant %s has no status", name), advice)
}

// condition gives a status's condition of a type, or a zero one.
func condition(s core.TenantStatus, kind string) core.Condition {
	for _, c := range s.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return core.Condition{}
}

// phaseSince is when a tenant came into its phase, as its conditions tell it.
func phaseSince(s core.TenantStatus) time.Time {
	if why := s.Why(); why.Type != "" && s.Phase != core.Ready {
		return why.LastTransitionTime
	}
	return condition(s, "Ready").LastTransitionTime
}
