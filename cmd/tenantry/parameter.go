package main

import (
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/fleet"
)

// parametersOf reads what was given as NAME=VALUE; nothing is nil.
func parametersOf(class *fleet.Class, given []string) (map[string]any, error) {
	if len(given) == 0 {
		return nil, nil
	}
	parameters := map[string]any{}
	for _, g := range given {
		if err := addParameter(parameters, class, g); err != nil {
			return nil, err
		}
	}
	return parameters, nil
}

// addParameter adds what was given as NAME=VALUE to parameters, in the type that the
// class's schema wants; of an array, one element. What does not fit stays text: the
// fleet's own judgement says what is wrong with it.
func addParameter(parameters map[string]any, class *fleet.Class, given string) error {
	name, value, found := strings.Cut(given, "=")
	if !found || name == "" {
		return misusef("--parameter %q: want NAME=VALUE", given)
	}
	var schema fleet.Parameter
	if class != nil && class.Spec.Parameters != nil {
		schema = class.Spec.Parameters.Properties[name]
	}
	switch schema.Type {
	case "array":
		list, _ := parameters[name].([]string) // nil when it is the first
		parameters[name] = append(list, value)
		return nil
	case "integer":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return set(parameters, name, n)
		}
	case "boolean":
		if value == "true" || value == "false" {
			return set(parameters, name, value == "true")
		}
	}
	return set(parameters, name, value)
}

func set(parameters map[string]any, name string, value any) error {
	if _, twice := parameters[name]; twice {
		return misusef("--parameter %s is given twice, and is no list", name)
	}
	parameters[name] = value
	return nil
}
