package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
	"github.com/tenantry/tenantry/render"
)

func newRender() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "render TENANT",
		Short: "Print the objects that a tenant's shard is asked to hold",
		Long: `Render prints the objects of a tenant as they would be applied.

With --repository it renders what is in force: the declaration, class and base that
the ledger names, where the ledger placed the tenant. Without, it takes the fleet in
--fleet (the working directory by default) and an empty ledger: the uid and the place
are a preview then, the same each time. With both, it is the folder's declaration in
the ledger's place.

With --export it writes a plain Kustomize tree instead, on which "kustomize build"
gives the same objects. Kubeconfigs are made on the shard and stand in neither.`,
		Example: `  tenantry render acme
  tenantry render acme --export ./acme && kustomize build ./acme
  tenantry render acme --repository https://git.example.com/fleet.git -o json`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, append([]string{"branch", "ledger-branch", "image"}, remoteSettings...)...)
	dir := cmd.Flags().String("fleet", "", "`DIR` with the fleet; by default the working directory, if there is no repository")
	export := cmd.Flags().String("export", "", "`DIR` to write a Kustomize tree to; it must be empty, or not be there")
	form := addOutput(cmd, "yaml", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *export != "" {
			if err := emptyFolder(*export); err != nil {
				return err
			}
		}
		renderer, err := render.New(render.Options{Image: c.image})
		if err != nil {
			return err
		}
		s, err := c.subject(cmd.Context(), renderer, args[0], *dir)
		if err != nil {
			return fmt.Errorf("render %s: %w", args[0], err)
		}
		unit, err := renderer.Tenant(s.input)
		if err != nil {
			return err
		}
		s.describe(cmd.ErrOrStderr(), renderer, unit)
		if *export == "" {
			return printObjects(cmd.OutOrStdout(), form.value, unit)
		}
		files, err := renderer.Export(s.input)
		if err != nil {
			return err
		}
		if err := writeTree(*export, files); err != nil {
			return fmt.Errorf("export %s: %w", args[0], err)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s written to %s\n", args[0], plural(len(files), "file"), *export)
		return nil
	}
	return cmd
}

// describe says on stderr what is not an object.
func (s *subject) describe(w io.Writer, r *render.Renderer, unit *render.Unit) {
	name, p := s.input.Name, s.input.Placement
	size := 0
	for _, o := range unit.Objects {
		size += len(o.JSON)
	}
	fmt.Fprintf(w, "%s: %s, %d KiB, digest %s\n", name, plural(len(unit.Objects), "object"), (size+1023)/1024, unit.Digest)
	fmt.Fprintf(w, "%s: %s, %s\n", name, p.Where(), cmp.Or(p.Address, p.Host))
	for _, note := range s.notes {
		fmt.Fprintf(w, "%s: %s\n", name, note)
	}
	for _, d := range unit.Derived {
		fmt.Fprintf(w, "%s: made on the shard, and not shown: Secret %s/%s\n", name, d.ID.Namespace, d.ID.Name)
	}
	class := s.input.Class
	if f, err := r.Footprint(class, s.input.BaseVersion); err == nil {
		fmt.Fprintf(w, "class %s: a tenant requests %dm CPU and %d MiB in %s\n", class.Metadata.Name, f.MilliCPU, f.Memory>>20, plural(int(f.Pods), "pod"))
	}
}

// printObjects writes a YAML stream, or one List, as kubectl takes them.
func printObjects(w io.Writer, form string, unit *render.Unit) error {
	if form == "json" {
		list := struct {
			APIVersion string            `json:"apiVersion"`
			Kind       string            `json:"kind"`
			Items      []json.RawMessage `json:"items"`
		}{APIVersion: "v1", Kind: "List"}
		for _, o := range unit.Objects {
			list.Items = append(list.Items, o.JSON)
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	for i, o := range unit.Objects {
		data, err := yaml.JSONToYAML(o.JSON)
		if err != nil {
			return fmt.Errorf("print %s: %w", o.ID, err)
		}
		if i > 0 {
			data = append([]byte("---\n"), data...)
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// emptyFolder wants a folder that can be written to without overwriting anything.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &misuse{err}
	case len(entries) > 0:
		return misusef("--export %s is not empty", dir)
	}
	return nil
}

func writeTree(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // nothing in it is a secret
			return err
		}
		if err := os.WriteFile(file, files[name], 0o644); err != nil { //nolint:gosec // nothing in it is a secret
			return err
		}
	}
	return nil
}

// declarationOf gives a tenant and its class out of a fleet, or says why it cannot be used.
func declarationOf(f *fleet.Fleet, name string) (*fleet.Tenant, *fleet.Class, error) {
	if b, ok := f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}]; ok {
		return nil, nil, errors.New(b.Message)
	}
	t := f.Tenants[name]
	if t == nil {
		err := errors.New("no tenant of that name is declared")
		if near := strict.Nearest(name, slices.Sorted(maps.Keys(f.Tenants))); near != "" {
			return nil, nil, hint(err, fmt.Sprintf("did you mean %s?", near))
		}
		return nil, nil, err
	}
	class := f.Classes[t.Spec.Class]
	if class == nil {
		if b, ok := f.Broken[fleet.Ref{Kind: fleet.KindClass, Name: t.Spec.Class}]; ok {
			return nil, nil, errors.New(b.Message)
		}
		return nil, nil, fmt.Errorf("class %s is not declared", t.Spec.Class)
	}
	return t, class, nil
}
