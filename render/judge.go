package render

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/tenantry/tenantry/fleet"
)

// JudgeProvider says all that is wrong with a provider of the fleet's own, each with its
// place. It is what a fleet.Loader asks.
func (r *Renderer) JudgeProvider(p *fleet.Provider) fleet.Findings {
	if r.bases[p.Name] != nil {
		return fleet.Findings{{
			File: path.Join("providers", p.Name), Message: fmt.Sprintf("provider %s is one that the binary carries", p.Name),
			Hint: "name the folder otherwise: nothing takes a built-in provider's place",
		}}
	}
	_, findings := readOwn(p)
	return findings
}

// readOwn is ReadProvider of files that were read already; with findings there is no base.
func readOwn(p *fleet.Provider) (*base, fleet.Findings) {
	f := &folder{dir: path.Join("providers", p.Name), files: p.Files}
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		if ext := path.Ext(file); ext == ".yaml" || ext == ".yml" {
			f.scan(file, p.Files[file])
		}
	}
	r := &reading{file: path.Join(f.dir, descriptionFile), findings: f.findings}
	b := r.read(p.Name, p.Files)
	if len(r.findings) == 0 && b.name != p.Name {
		// Of an own provider there is one base at a time, that of the folder.
		r.findings = append(r.findings, fleet.Finding{
			File: r.file, Field: "metadata.name", Message: fmt.Sprintf("is %s: want the folder's name, %s", b.name, p.Name),
			Hint: "a fleet has one version of a provider of its own at a time",
		})
	}
	r.findings.Sort()
	if len(r.findings) > 0 {
		return nil, r.findings
	}
	return b, nil
}
