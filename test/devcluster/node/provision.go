package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	// Provisioner is the name that storage classes refer to.
	Provisioner           = "devcluster.tenantry.io/folder"
	provisionedBy         = "pv.kubernetes.io/provisioned-by"
	claimProvisioner      = "volume.kubernetes.io/storage-provisioner"
	provisionedPathPrefix = "pvc-"
)

// provision gives claims their volumes, and removes volumes that were released.
func (n *node) provision(ctx context.Context) error {
	claims, err := n.listers.claims.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list claims: %w", err)
	}
	var errs []error
	for _, c := range claims {
		if c.Annotations[claimProvisioner] == Provisioner && c.Spec.VolumeName == "" && c.DeletionTimestamp == nil {
			errs = append(errs, n.createVolume(ctx, c))
		}
	}
	pvs, err := n.listers.volumes.List(labels.Everything())
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("list volumes: %w", err))...)
	}
	for _, pv := range pvs {
		if pv.Annotations[provisionedBy] == Provisioner && pv.Status.Phase == corev1.VolumeReleased &&
			pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			errs = append(errs, n.deleteVolume(ctx, pv))
		}
	}
	return errors.Join(errs...)
}

// createVolume makes a folder and the PersistentVolume that stands for it.
func (n *node) createVolume(ctx context.Context, c *corev1.PersistentVolumeClaim) error {
	name := provisionedPathPrefix + string(c.UID)
	dir := filepath.Join(n.opts.dir, "volumes", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("provision %s/%s: %w", c.Namespace, c.Name, err)
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      c.Spec.Resources.Requests,
			AccessModes:                   c.Spec.AccessModes,
			VolumeMode:                    c.Spec.VolumeMode,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:                      &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: dir}},
		},
	}
	if c.Spec.StorageClassName != nil {
		pv.Spec.StorageClassName = *c.Spec.StorageClassName
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if _, err := n.client.CoreV1().PersistentVolumes().Create(ctx, pv, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("provision %s/%s: %w", c.Namespace, c.Name, err)
	}
	return nil
}

func (n *node) deleteVolume(ctx context.Context, pv *corev1.PersistentVolume) error {
	// By the name that createVolume gave, not by what may stand in the object.
	if err := os.RemoveAll(filepath.Join(n.opts.dir, "volumes", provisionedPathPrefix+string(pv.Spec.ClaimRef.UID))); err != nil {
		return fmt.Errorf("remove volume %s: %w", pv.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	err := n.client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pv.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove volume %s: %w", pv.Name, err)
	}
	return nil
}
