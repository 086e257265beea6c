package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/volume/util"
)

// volumes are a pod's folders, by volume name.
type volumes map[string]string

// makeVolumes makes all folders and fills those that follow objects.
func (w *worker) makeVolumes(ctx context.Context, p *corev1.Pod) (volumes, error) {
	vs := volumes{}
	for _, v := range p.Spec.Volumes {
		dir, err := w.folder(v)
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
		vs[v.Name] = dir
	}
	return vs, w.fillVolumes(ctx, p, vs)
}

// folder says where a volume is on this machine.
func (w *worker) folder(v corev1.Volume) (string, error) {
	switch {
	case v.HostPath != nil:
		return v.HostPath.Path, nil
	case v.PersistentVolumeClaim != nil:
		claim, err := w.n.listers.claims.PersistentVolumeClaims(w.namespace).Get(v.PersistentVolumeClaim.ClaimName)
		if err != nil {
			return "", err
		}
		if claim.Status.Phase != corev1.ClaimBound {
			return "", fmt.Errorf("claim %s is not bound", claim.Name)
		}
		pv, err := w.n.listers.volumes.Get(claim.Spec.VolumeName)
		switch {
		case err != nil:
			return "", err
		case pv.Spec.HostPath != nil:
			return pv.Spec.HostPath.Path, nil
		case pv.Spec.Local != nil:
			return pv.Spec.Local.Path, nil
		}
		return "", fmt.Errorf("PersistentVolume %s is neither hostPath nor local", pv.Name)
	case v.EmptyDir != nil, v.Secret != nil, v.ConfigMap != nil, v.Projected != nil, v.DownwardAPI != nil:
		return filepath.Join(w.dir, "volumes", v.Name), nil
	}
	return "", errors.New("this kind of volume is not supported")
}

// fillVolumes writes files from objects. They change as a whole, by the
// kubelet's own writer, so that programs see what they see in production.
func (w *worker) fillVolumes(ctx context.Context, p *corev1.Pod, vs volumes) error {
	r := rewriter{ip: w.ip, mounts: mounts(vs, p.Spec.InitContainers, p.Spec.Containers)}
	for _, v := range p.Spec.Volumes {
		files, err := w.files(ctx, p, v, vs[v.Name])
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
		if files == nil {
			continue
		}
		payload := map[string]util.FileProjection{}
		for name, b := range files {
			payload[name] = util.FileProjection{Data: r.file(b), Mode: 0o600}
		}
		writer, err := util.NewAtomicWriter(vs[v.Name], w.String())
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
		if err := writer.Write(payload, nil); err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	return nil
}

// files returns what stands in a volume that is made from objects, else nil.
func (w *worker) files(ctx context.Context, p *corev1.Pod, v corev1.Volume, dir string) (map[string][]byte, error) {
	out := map[string][]byte{}
	var err error
	switch {
	case v.Secret != nil:
		err = w.secretFiles(out, v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.ConfigMap != nil:
		err = w.configMapFiles(out, v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.DownwardAPI != nil:
		err = fieldFiles(out, p, v.DownwardAPI.Items)
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			switch {
			case s.Secret != nil:
				err = errors.Join(err, w.secretFiles(out, s.Secret.Name, s.Secret.Items, s.Secret.Optional))
			case s.ConfigMap != nil:
				err = errors.Join(err, w.configMapFiles(out, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional))
			case s.DownwardAPI != nil:
				err = errors.Join(err, fieldFiles(out, p, s.DownwardAPI.Items))
			case s.ServiceAccountToken != nil:
				err = errors.Join(err, w.tokenFile(ctx, out, p, s.ServiceAccountToken, dir))
			default:
				err = errors.Join(err, errors.New("this kind of projection is not supported"))
			}
		}
	default:
		return nil, nil
	}
	return out, err
}

func (w *worker) secretFiles(out map[string][]byte, name string, items []corev1.KeyToPath, optional *bool) error {
	data, err := w.secret(name, optional)
	if err != nil {
		return err
	}
	return selectItems(out, "Secret "+name, data, items, optional)
}

func (w *worker) configMapFiles(out map[string][]byte, name string, items []corev1.KeyToPath, optional *bool) error {
	data, err := w.configMap(name, optional)
	if err != nil {
		return err
	}
	return selectItems(out, "ConfigMap "+name, data, items, optional)
}

// selectItems puts all of data, or the items asked for, into out.
func selectItems(out map[string][]byte, what string, data map[string][]byte, items []corev1.KeyToPath, optional *bool) error {
	if len(items) == 0 {
		for k, b := range data {
			out[k] = b
		}
		return nil
	}
	for _, i := range items {
		b, ok := data[i.Key]
		if !ok {
			if optional != nil && *optional {
				continue
			}
			return fmt.Errorf("no key %s in %s", i.Key, what)
		}
		out[i.Path] = b
	}
	return nil
}

func fieldFiles(out map[string][]byte, p *corev1.Pod, items []corev1.DownwardAPIVolumeFile) error {
	for _, i := range items {
		if i.FieldRef == nil {
			return fmt.Errorf("file %s: only fieldRef is supported", i.Path)
		}
		v, err := field(p, i.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		out[i.Path] = []byte(v)
	}
	return nil
}

// tokenFile asks for a service account token, once in the life of a pod: API
// servers give such tokens a year, whatever was asked for.
func (w *worker) tokenFile(ctx context.Context, out map[string][]byte, p *corev1.Pod, s *corev1.ServiceAccountTokenProjection, dir string) error {
	if b, err := os.ReadFile(filepath.Join(dir, s.Path)); err == nil {
		out[s.Path] = b
		return nil
	}
	req := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: s.ExpirationSeconds,
		BoundObjectRef:    &authv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: p.UID},
	}}
	if s.Audience != "" {
		req.Spec.Audiences = []string{s.Audience}
	}
	got, err := w.n.client.CoreV1().ServiceAccounts(p.Namespace).CreateToken(ctx, p.Spec.ServiceAccountName, req, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("ask for a token: %w", err)
	}
	out[s.Path] = []byte(got.Status.Token)
	return nil
}

// mounts returns the containers' mount paths and their folders.
func mounts(vs volumes, containers ...[]corev1.Container) map[string]string {
	m := map[string]string{}
	for _, cs := range containers {
		for _, c := range cs {
			for _, v := range c.VolumeMounts {
				m[strings.TrimSuffix(v.MountPath, "/")] = filepath.Join(vs[v.Name], v.SubPath)
			}
		}
	}
	return m
}
