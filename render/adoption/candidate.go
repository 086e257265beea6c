package adoption

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// found is an object that is to be declared.
type found struct {
	how    *render.Import
	object *live
	says   render.Imported
	// name is that of the declaration.
	name string
	// warnings are told of who is declared.
	warnings []string
}

// candidates are the tenants that can be declared as far as they themselves say, and the
// datastores' objects. Whatever cannot is told.
func (x *run) candidates() []*found {
	var out []*found
	for _, how := range x.renderer.Imports() {
		if how.Owner() != render.OwnerTenant {
			continue
		}
		kinds := how.Kinds()
		for _, o := range x.shard.of(kinds[0]) {
			if x.Wanted != nil && !x.Wanted(o.id.Namespace, o.id.Name) {
				continue
			}
			if f := x.candidate(how, o); f != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

func (x *run) candidate(how *render.Import, o *live) *found {
	if o.fault != nil {
		x.leave(o, "", o.fault.Error())
		return nil
	}
	beside := x.shard.beside(o, how.Kinds()[1:])
	if ours, err := how.Matches(o.content, beside...); err != nil {
		x.leaveAll(o, err)
		return nil
	} else if !ours {
		return nil
	}
	if ok, why := x.shard.judge(o); !ok {
		if why != "" {
			x.leave(o, "", why)
		}
		return nil
	}
	if owner, ok := x.declared(o); ok {
		x.result.Declared = append(x.result.Declared, owner)
		return nil
	}
	if !x.sayable(how, o) {
		return nil
	}
	says, err := how.Read(o.content, beside...)
	if err != nil {
		x.leaveAll(o, err)
		return nil
	}
	f := &found{how: how, object: o, says: says, warnings: tenders(o.content)}
	wrong := f.wrong()
	if whose, ok := strings.CutPrefix(o.id.Namespace, render.NamespacePrefix); ok && x.Fleet.Tenants[whose] != nil && x.Fleet.Tenants[whose].Spec.Adopt == nil {
		wrong = append(wrong, fmt.Sprintf("its namespace %s is that of tenant %s, and goes with it", o.id.Namespace, whose))
	}
	for _, why := range wrong {
		x.leave(o, "", why)
	}
	if len(wrong) > 0 {
		return nil
	}
	return f
}

// sayable tells whether all of an object that somebody wants can be said in a file.
func (x *run) sayable(how *render.Import, o *live) bool {
	rest, err := how.Forget(o.content)
	if err != nil {
		x.leaveAll(o, err)
		return false
	}
	sayable := true
	unsayable(nil, wanted(rest), func(at []string, why string) {
		sayable = false
		x.leave(o, join(at), why+": no file of a fleet can say so")
	})
	return sayable
}

var versionForm = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

// wrong is what of a control plane is no tenant's.
func (f *found) wrong() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	s := f.says
	if !versionForm.MatchString(s.Spec.Version) {
		add("its version is %q: want vMAJOR.MINOR.PATCH", s.Spec.Version)
	}
	switch n := s.Spec.Replicas; {
	case n == 0:
		add("it is asleep, with 0 replicas: wake it, and import again; a tenant has 1 to 9")
	case n < 0 || n > 9:
		add("it has %d replicas: want 1 to 9", n)
	}
	if s.Address == "" && s.Host == "" && s.Spec.Replicas != 0 {
		add("it has no endpoint yet: import it once it is ready")
	}
	if s.Host != strings.ToLower(s.Host) {
		add("its endpoint is %q: want lower-case letters", s.Host)
	}
	if fault := fleet.NameFault(f.object.id.Name); fault != "" && fleet.NameFault(f.object.id.Namespace+"-"+f.object.id.Name) != "" {
		add("its name %s, and so does %s-%s", fault, f.object.id.Namespace, f.object.id.Name)
	}
	return out
}
