package render

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

// TestObjectsDecodeStrictly holds every rendered object against Kubernetes' own
// types: no field that they do not have, no value of another type. Strings that look
// like numbers (a uid of 1e5) are found here.
func TestObjectsDecodeStrictly(t *testing.T) {
	codec := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	r := newRenderer(t)
	judge := func(t *testing.T, unit *Unit) {
		t.Helper()
		for _, o := range unit.Objects {
			if placeholder.Match(o.JSON) {
				t.Errorf("%s: a placeholder is left: %s", o.ID, placeholder.Find(o.JSON))
			}
			kind := schema.GroupVersionKind{Group: o.ID.Group, Version: o.ID.Version, Kind: o.ID.Kind}
			if slices.Contains([]string{"cert-manager.io", "k0smotron.io", "kamaji.clastix.io"}, o.ID.Group) || strings.HasSuffix("."+o.ID.Group, ".cluster.x-k8s.io") {
				continue // no Kubernetes type; API servers with their CRDs judge them
			}
			if !scheme.Scheme.Recognizes(kind) {
				t.Errorf("%s: Kubernetes does not know %s", o.ID, kind)
				continue
			}
			if _, _, err := codec.Decode(o.JSON, nil, nil); err != nil {
				t.Errorf("%s: %v", o.ID, err)
			}
		}
	}
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			unit, err := in.render(r)
			if err != nil {
				t.Fatal(err)
			}
			judge(t, unit)
		})
	}
	for _, uid := range []string{"0", "12345", "1e5", "0777", "0x9", "true", "null", "yes", "1.5", "2026-01-01"} {
		t.Run("uid "+uid, func(t *testing.T) {
			in := acme()
			in.UID = uid
			unit, err := r.Tenant(in)
			if err != nil {
				t.Fatal(err)
			}
			judge(t, unit)
			spec := find(t, unit, "Certificate", "etcd-client")["spec"].(map[string]any)
			if got, want := spec["commonName"], "t-"+uid; got != want {
				t.Errorf("common name is %v, want %s", got, want)
			}
			label := find(t, unit, "Certificate", "admin")["spec"].(map[string]any)["secretTemplate"].(map[string]any)["labels"].(map[string]any)[LabelUID]
			if label != uid {
				t.Errorf("the admin Secret's label is %#v, want %q", label, uid)
			}
		})
	}
}

// TestEveryObjectIsOwned: label, names and digest are on each object.
func TestEveryObjectIsOwned(t *testing.T) {
	r := newRenderer(t)
	for file, in := range inputs(t) {
		t.Run(file, func(t *testing.T) {
			unit, err := in.render(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range unit.Objects {
				for _, want := range []string{
					`"` + LabelUID + `":"` + unit.Owner.UID + `"`,
					`"` + LabelManagedBy + `":"` + FieldManager + `"`,
					`"` + AnnotationObject + `":"` + o.ID.String() + `"`,
					`"` + AnnotationDigest + `":"` + o.Digest + `"`,
				} {
					if !strings.Contains(string(o.JSON), want) {
						t.Errorf("%s lacks %s", o.ID, want)
					}
				}
				if len(o.Digest) != 32 {
					t.Errorf("%s: digest %s has not 32 digits", o.ID, o.Digest)
				}
			}
		})
	}
}
