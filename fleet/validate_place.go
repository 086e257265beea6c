package fleet

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What declarations say of where tenants are placed.

func (c check) capacity(s ShardCapacity) {
	at := specPath.Child("capacity")
	c.notNegative(at.Child("tenants"), s.Tenants)
	for _, f := range []struct{ name, value, example string }{{"cpu", s.CPU, "32"}, {"memory", s.Memory, "128Gi"}} {
		if f.value == "" {
			continue
		}
		if q, err := resource.ParseQuantity(f.value); err != nil {
			c.add(field.Invalid(at.Child(f.name), f.value, "want a quantity ("+f.example+")"), "")
		} else if q.Sign() <= 0 {
			c.add(field.Invalid(at.Child(f.name), f.value, "must be more than nothing"), "spec.cordon keeps new tenants away")
		}
	}
}

func (c check) providers(names []string) {
	at := specPath.Child("providers")
	for i, name := range names {
		c.name(at.Index(i), name)
		c.repeated(at.Index(i), name, names[:i])
	}
}

// teams are folders of tenants/, which may come later.
func (c check) teams(names []string) {
	at := specPath.Child("teams")
	for i, name := range names {
		c.name(at.Index(i), name)
		c.repeated(at.Index(i), name, names[:i])
	}
}

func (c check) repeated(at *field.Path, name string, before []string) {
	if name != "" && slices.Contains(before, name) {
		c.add(field.Duplicate(at, name), "")
	}
}

const noSchedule = "NoSchedule"

func (c check) taints(name string, taints []Taint) {
	for i, t := range taints {
		at := specPath.Child(name).Index(i)
		if t.Key == "" {
			c.add(field.Required(at.Child("key"), ""), "a taint is named as a label is")
		} else {
			c.labelParts(at.Child("key"), at.Child("value"), t.Key, t.Value)
		}
		if t.Effect != "" && t.Effect != noSchedule {
			c.add(field.NotSupported(at.Child("effect"), t.Effect, []string{noSchedule}), "who lives on a shard is never sent away from it")
		}
		if t.Key != "" && slices.ContainsFunc(taints[:i], t.Meets) {
			c.add(field.Duplicate(at.Child("key"), t.Key), "")
		}
	}
}

func (c check) prefer(all []map[string]string) {
	at := specPath.Child("prefer")
	for i, labels := range all {
		if len(labels) == 0 {
			c.add(field.Required(at.Index(i), "name a label"), "for example {region: eu}")
		}
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			c.label(at.Index(i), key, labels[key])
		}
		if slices.ContainsFunc(all[:i], func(o map[string]string) bool { return maps.Equal(o, labels) }) {
			c.add(field.Invalid(at.Index(i), field.OmitValueType{}, "stands there already"), "remove one of them")
		}
	}
}

func (c check) spread(s Spread) {
	at := specPath.Child("spread")
	if !c.e.index().Written(at.String()) {
		return
	}
	if s.Group == "" {
		c.add(field.Required(at.Child("group"), ""), "tenants of the team with the same group are kept apart")
	}
	c.name(at.Child("group"), s.Group)
	if most := at.Child("maxPerShard"); c.e.index().Written(most.String()) && s.MaxPerShard < 1 {
		c.add(field.Invalid(most, s.MaxPerShard, "want 1 or more"), "")
	}
}
