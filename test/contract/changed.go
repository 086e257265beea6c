package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tenantry/tenantry/test/crds"
)

// change is a tenant whose class says other things as time goes by: golden files of one
// provider and one tenant, without their endings.
type change struct {
	provider string
	// plain says nothing beyond the provider's base. Each of classes comes and goes.
	plain   string
	classes []string
	// apart cannot come to what is plain, but follows the last of classes and goes back
	// to it.
	apart string
}

var changes = []change{
	{
		provider: "kamaji", plain: "tenant-address",
		classes: []string{
			"tenant-addons", "tenant-limited", "tenant-settings", "tenant-class", "tenant-dual-stack", "tenant-node-port", "tenant-external-ip",
		},
		// A load balancer keeps its class.
		apart: "tenant-load-balancer",
	},
	{provider: "k0smotron", plain: "tenant-address", classes: []string{"tenant-class", "tenant-host"}},
	{provider: "kamaji", plain: "tenant-host", classes: []string{"tenant-gateway", "tenant-ingress", "tenant-host-port"}},
}

// changed are the histories of changes: one for each class that comes and goes, and one
// from each to the next.
func changed(repository string) ([]history, error) {
	var all []history
	for _, c := range changes {
		plain, err := c.read(repository, c.plain)
		if err != nil {
			return nil, err
		}
		through := history{name: fmt.Sprintf("%s/%s through all classes", c.provider, c.plain)}
		for _, class := range c.classes {
			with, err := c.read(repository, class)
			if err != nil {
				return nil, err
			}
			through.steps = append(through.steps, with)
			all = append(all, history{
				name:  fmt.Sprintf("%s/%s with %s and without", c.provider, c.plain, class),
				steps: [][]*unstructured.Unstructured{plain, with, plain, with},
			})
		}
		if c.apart != "" {
			with, err := c.read(repository, c.apart)
			if err != nil {
				return nil, err
			}
			through.steps = append(through.steps, with, through.steps[len(through.steps)-1])
		}
		all = append(all, through)
	}
	return all, nil
}

func (c change) read(repository, name string) ([]*unstructured.Unstructured, error) {
	file := filepath.Join(repository, "render", "providers", c.provider, "testdata", name+".golden.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read golden: %w", err)
	}
	objects, err := crds.Documents(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return objects, nil
}
