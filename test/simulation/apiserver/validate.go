package apiserver

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/validation"
	validate "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Of what real API servers find wrong with an object this package knows the mistakes
// that its clients are to be tried with: names, the keys of data, ports.

// misnamed gives what is wrong with the name of a new object.
func (k *kind) misnamed(name string) (wrong field.ErrorList) {
	valid := validation.NameIsDNSSubdomain
	switch {
	case k.custom:
	case k.Kind.Kind == "Namespace":
		valid = validation.NameIsDNSLabel
	case k.Kind.Kind == "Service":
		valid = validation.NameIsDNS1035Label
	}
	for _, why := range valid(name, false) {
		wrong = append(wrong, field.Invalid(field.NewPath("metadata", "name"), name, why))
	}
	return wrong
}

// wrong gives what is wrong with an object.
func (k *kind) wrong(o Object) (wrong field.ErrorList) {
	if k.custom {
		return nil
	}
	switch k.Kind.Kind {
	case "ConfigMap", "Secret":
		data, _ := o["data"].(Object)
		for _, name := range slices.Sorted(maps.Keys(data)) {
			for _, why := range validate.IsConfigMapKey(name) {
				wrong = append(wrong, field.Invalid(field.NewPath("data").Key(name), name, why))
			}
		}
		wrong = append(wrong, wrongSecret(o, data)...)
	case "Service":
		ports, _ := at(o, "spec", "ports").([]any)
		for i, p := range ports {
			p, _ := p.(Object)
			number, _ := p["port"].(int64)
			for _, why := range validate.IsValidPortNum(int(number)) {
				wrong = append(wrong, field.Invalid(field.NewPath("spec", "ports").Index(i).Child("port"), number, why))
			}
			name := textOf(p, "name")
			at := field.NewPath("spec", "ports").Index(i).Child("name")
			if len(ports) > 1 && name == "" {
				wrong = append(wrong, field.Required(at, ""))
			}
			if slices.ContainsFunc(ports[:i], func(other any) bool { o, _ := other.(Object); return name != "" && textOf(o, "name") == name }) {
				wrong = append(wrong, field.Duplicate(at, name))
			}
		}
	}
	return wrong
}

// wrongSecret gives what a Secret of its type has to have and has not.
func wrongSecret(o, data Object) (wrong field.ErrorList) {
	needed := map[string][]string{
		"kubernetes.io/tls": {"tls.crt", "tls.key"}, "kubernetes.io/dockerconfigjson": {".dockerconfigjson"},
	}[textOf(o, "type")]
	for _, name := range needed {
		if data[name] == nil {
			wrong = append(wrong, field.Required(field.NewPath("data").Key(name), ""))
		}
	}
	return wrong
}
