package render

import (
	"bytes"
	"fmt"
)

// derive adds what the provider declares but cannot render.
func (u *Unit) derive(how *Provider, doc document, namespace string) error {
	u.Endpoint = doc.endpoint()
	for _, d := range how.derive {
		var failed error
		value := func(e expression) string {
			v, err := eval[string](e, "tenant", doc)
			if err != nil && failed == nil {
				failed = err
			}
			return v
		}
		u.Derived = append(u.Derived, Derived{
			ID:          ObjectID{Version: "v1", Kind: "Secret", Namespace: namespace, Name: value(d.Secret)},
			Key:         d.Key,
			Certificate: ObjectID{Version: "v1", Kind: "Secret", Namespace: namespace, Name: value(d.Certificate)},
			Server:      value(d.Server),
			Cluster:     value(d.Cluster),
			User:        value(d.User),
		})
		if failed != nil {
			return fmt.Errorf("derive: %w", failed)
		}
	}
	if how.kubeconfig == nil {
		return nil
	}
	name, err := eval[string](how.kubeconfig.Secret, "tenant", doc)
	if err != nil {
		return fmt.Errorf("name kubeconfig: %w", err)
	}
	u.Kubeconfig = &SecretKey{Namespace: namespace, Name: name, Key: how.kubeconfig.Key}
	return nil
}

// digest covers what is applied and what is derived: a unit with the same digest asks
// the shard for the same. It is over the canonical JSON of a list, an element an
// object: its version and own name, and its digest.
func (u *Unit) digest() (string, error) {
	text := append(make([]byte, 0, 192*(len(u.Objects)+1)), '[')
	for _, o := range u.Objects {
		id, err := escape(o.ID.Group + "/" + o.ID.Version + " " + o.ID.String())
		if err != nil {
			return "", err
		}
		text = append(text, `{"ID":"`...)
		text = append(text, id...)
		text = append(text, `","Digest":"`...)
		text = append(text, o.Digest...)
		text = append(text, `"},`...)
	}
	for _, d := range u.Derived {
		data, err := canonical(d)
		if err != nil {
			return "", err
		}
		text = append(append(text, data...), ',')
	}
	return digest(append(bytes.TrimSuffix(text, []byte(",")), ']')), nil
}
