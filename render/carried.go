package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
)

// Which base a unit is rendered from: one that the binary carries, or a folder of the
// fleet's own.

// Providers are the names of all providers that are carried, sorted.
func (r *Renderer) Providers() []string { return slices.Sorted(maps.Keys(r.bases)) }

// LatestBase is the newest version of provider's base that is carried; empty when
// there is no such provider.
func (r *Renderer) LatestBase(provider string) string {
	versions := slices.SortedFunc(maps.Keys(r.bases[provider]), compareVersions)
	if len(versions) == 0 {
		return ""
	}
	return versions[len(versions)-1]
}

// BaseFor is the version that a class begins with: the one that it names, else the
// newest that is carried, or that of the fleet's own folder; empty when there is no such
// provider.
func (r *Renderer) BaseFor(class *fleet.Class) string {
	if class.Own != nil && class.Spec.BaseVersion == "" {
		if b, _ := r.own(class.Own); b != nil {
			return b.version
		}
		return ""
	}
	return cmp.Or(class.Spec.BaseVersion, r.LatestBase(class.Spec.Provider))
}

// CheckBase says why nothing of a version of provider's base can be rendered, or
// judged: only another binary carries it.
func (r *Renderer) CheckBase(provider, version string) error {
	_, err := r.base(provider, version)
	return err
}

// CheckClassBase is CheckBase of the base that a class stands on, which may be the fleet's own.
func (r *Renderer) CheckClassBase(class *fleet.Class, version string) error {
	_, err := r.baseOf(class, version)
	return err
}

// KeepsState tells whether a version of the base of a class's provider keeps the state of
// its tenants itself: it describes no datastores, and its tenants are placed without one.
func (r *Renderer) KeepsState(class *fleet.Class, version string) bool {
	b, err := r.baseOf(class, version)
	return err == nil && b.parts[partDataStore] == nil
}

// Capabilities are what control planes of a version of the base of a class's provider can
// live through: nothing where it is not carried.
func (r *Renderer) Capabilities(class *fleet.Class, version string) Capabilities {
	b, err := r.baseOf(class, version)
	if err != nil {
		return Capabilities{}
	}
	return b.parts[partTenant].Capabilities
}

// baseOf is the base that a class stands on: that of its own provider, or one that is
// carried. Neither ever stands in for the other.
func (r *Renderer) baseOf(class *fleet.Class, version string) (*base, error) {
	if class.Own == nil {
		return r.base(class.Spec.Provider, version)
	}
	if class.Own.Name != class.Spec.Provider {
		return nil, fmt.Errorf("provider %q was asked for, and %s is there", class.Spec.Provider, class.Own.Name)
	}
	b, findings := r.own(class.Own)
	if err := findings.Err(); err != nil {
		return nil, fmt.Errorf("provider %s of the fleet's own: %w", class.Own.Name, err)
	}
	if b.version != version {
		return nil, fmt.Errorf("base version %q of provider %s is unknown: providers/%s is version %s", version, b.name, b.name, b.version)
	}
	return b, nil
}

func (r *Renderer) base(provider, version string) (*base, error) {
	versions := r.bases[provider]
	if versions == nil {
		return nil, fmt.Errorf("provider %q is unknown: this binary carries %s, and the fleet has no folder of that name in providers/", provider, strings.Join(r.Providers(), ", "))
	}
	b := versions[version]
	if b == nil {
		have := slices.SortedFunc(maps.Keys(versions), compareVersions)
		return nil, fmt.Errorf("base version %q of provider %s is unknown: this binary carries %s", version, provider, strings.Join(have, ", "))
	}
	return b, nil
}

// compareVersions orders base versions, which are whole numbers.
func compareVersions(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
