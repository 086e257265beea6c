package node

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// env returns the variables of a container, as the manifest gives them.
func (w *worker) env(p *corev1.Pod, c *corev1.Container) (map[string]string, error) {
	env := map[string]string{"HOSTNAME": p.Name}
	for _, from := range c.EnvFrom {
		var data map[string][]byte
		var err error
		switch {
		case from.SecretRef != nil:
			data, err = w.secret(from.SecretRef.Name, from.SecretRef.Optional)
		case from.ConfigMapRef != nil:
			data, err = w.configMap(from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
		}
		if err != nil {
			return nil, err
		}
		for k, v := range data {
			env[from.Prefix+k] = string(v)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			env[e.Name] = expand(e.Value, env)
			continue
		}
		v, ok, err := w.valueFrom(p, e.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", e.Name, err)
		}
		if ok {
			env[e.Name] = v
		}
	}
	return env, nil
}

func (w *worker) valueFrom(p *corev1.Pod, from *corev1.EnvVarSource) (v string, ok bool, err error) {
	key := func(data map[string][]byte, name, key string, optional *bool, err error) (string, bool, error) {
		if err != nil {
			return "", false, err
		}
		b, ok := data[key]
		if !ok && (optional == nil || !*optional) {
			return "", false, fmt.Errorf("no key %s in %s", key, name)
		}
		return string(b), ok, nil
	}
	switch {
	case from.FieldRef != nil:
		v, err := field(p, from.FieldRef.FieldPath)
		return v, err == nil, err
	case from.SecretKeyRef != nil:
		r := from.SecretKeyRef
		data, err := w.secret(r.Name, r.Optional)
		return key(data, "Secret "+r.Name, r.Key, r.Optional, err)
	case from.ConfigMapKeyRef != nil:
		r := from.ConfigMapKeyRef
		data, err := w.configMap(r.Name, r.Optional)
		return key(data, "ConfigMap "+r.Name, r.Key, r.Optional, err)
	}
	return "", false, fmt.Errorf("only fieldRef, secretKeyRef and configMapKeyRef are supported")
}

// field reads a field of a pod that the downward API may name.
func field(p *corev1.Pod, path string) (string, error) {
	switch path {
	case "spec.nodeName":
		return p.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return p.Spec.ServiceAccountName, nil
	case "status.podIP", "status.podIPs":
		return p.Status.PodIP, nil
	case "status.hostIP", "status.hostIPs":
		return p.Status.HostIP, nil
	}
	v, err := fieldpath.ExtractFieldPathAsString(p, path)
	if err != nil {
		return "", fmt.Errorf("read field %s: %w", path, err)
	}
	return v, nil
}

// expand replaces $(NAME) in s.
func expand(s string, env map[string]string) string {
	return expansion.Expand(s, expansion.MappingFuncFor(env))
}

// environ returns variables sorted and rewritten.
func environ(env map[string]string, r rewriter) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+r.value(env[k]))
	}
	return out
}

// secret returns the data of a Secret; that of a missing optional one is empty.
func (w *worker) secret(name string, optional *bool) (map[string][]byte, error) {
	s, err := w.n.listers.secrets.Secrets(w.namespace).Get(name)
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Data, nil
}

// configMap returns the data of a ConfigMap; that of a missing optional one is empty.
func (w *worker) configMap(name string, optional *bool) (map[string][]byte, error) {
	c, err := w.n.listers.configMaps.ConfigMaps(w.namespace).Get(name)
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data := make(map[string][]byte, len(c.Data)+len(c.BinaryData))
	for k, v := range c.Data {
		data[k] = []byte(v)
	}
	maps.Copy(data, c.BinaryData)
	return data, nil
}
