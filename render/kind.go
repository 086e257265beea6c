package render

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
)

// kind is a group, version and kind, written apps/v1/Deployment or v1/Service. Where a
// provider says what may be rendered, <group>/*/* stands for all kinds of a group.
type kind struct{ Group, Version, Kind string }

func (k kind) String() string { return path.Join(k.Group, k.Version, k.Kind) }

// every tells that k stands for all kinds of its group.
func (k kind) every() bool { return k.Kind == "*" }

// covers tells whether k is other, or stands for it.
func (k kind) covers(other kind) bool { return k == other || k.every() && k.Group == other.Group }

// concreteForm is that of versions and kinds: both stand in URLs.
var concreteForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

// concrete tells that k is the kind of some object.
func (k kind) concrete() bool {
	return concreteForm.MatchString(k.Version) && concreteForm.MatchString(k.Kind)
}

// anyCovers tells whether one of kinds is k, or stands for it.
func anyCovers(kinds []kind, k kind) bool {
	return slices.ContainsFunc(kinds, func(some kind) bool { return some.covers(k) })
}

// UnmarshalText reads what String writes.
func (k *kind) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "/")
	switch len(parts) {
	case 2:
		*k = kind{"", parts[0], parts[1]}
	case 3:
		*k = kind{parts[0], parts[1], parts[2]}
	default:
		return errors.New("want <group>/<version>/<kind> or <version>/<kind>")
	}
	if strings.Contains(string(text), "*") && (*k != kind{k.Group, "*", "*"} || k.Group == "" || k.Group == "*") {
		return errors.New("want <group>/*/* for all kinds of a group")
	}
	return nil
}

func (id ObjectID) kind() kind { return kind{id.Group, id.Version, id.Kind} }
