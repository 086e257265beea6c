package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// callLimit ends a call to an API server that is gone without a word.
const callLimit = 10 * time.Second

// reportUntil writes the pod's status whenever it changed.
func (w *worker) reportUntil(ctx context.Context) {
	var written *corev1.PodStatus
	w.report.loop(ctx, func(ctx context.Context) error {
		status := w.current().Status
		if written != nil && equality.Semantic.DeepEqual(status, *written) {
			return nil
		}
		if err := w.writeStatus(ctx, &status); err != nil {
			return err
		}
		written = &status
		return nil
	})
}

// writeStatus patches the status, so that others' conditions stay.
func (w *worker) writeStatus(ctx context.Context, status *corev1.PodStatus) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": w.uid}, "status": status})
	if err != nil {
		return fmt.Errorf("write status of %s: %w", w, err)
	}
	_, err = w.n.client.CoreV1().Pods(w.namespace).Patch(ctx, w.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // gone, or another pod of that name
		return nil
	}
	if err != nil {
		return fmt.Errorf("write status of %s: %w", w, err)
	}
	return nil
}

// finish writes the last status and lets the API server forget the pod.
func (w *worker) finish() {
	ctx, cancel := context.WithCancel(w.killed)
	defer cancel()
	defer context.AfterFunc(w.n.stopping, cancel)()
	_ = wait.PollUntilContextCancel(ctx, retry, true, func(ctx context.Context) (bool, error) {
		status := w.current().Status
		err := w.writeStatus(ctx, &status)
		if err == nil {
			err = w.deleteObject(ctx)
		}
		if err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Pod has ended but is not deleted yet", "pod", w)
		}
		return err == nil, nil
	})
}

func (w *worker) deleteObject(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	now := int64(0)
	err := w.n.client.CoreV1().Pods(w.namespace).Delete(ctx, w.name, metav1.DeleteOptions{
		GracePeriodSeconds: &now,
		Preconditions:      &metav1.Preconditions{UID: &w.uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete pod %s: %w", w, err)
	}
	return nil
}
