package lease

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Namespace is where Tenantry keeps what is its own on a shard.
	Namespace = "tenantry-system"
	// Name is the Lease's.
	Name = "tenantry"

	// AnnotationTip and AnnotationAccepted carry the ledger's tip and the declared
	// commit that the holder acted on last.
	AnnotationTip      = "tenantry.io/ledger-tip"
	AnnotationAccepted = "tenantry.io/accepted-commit"

	labelManagedBy = "app.kubernetes.io/managed-by"
	manager        = "tenantry"
)

// Memory is what a lease remembers for its next holder.
type Memory struct{ Tip, Accepted string }

func memoryOf(l *coordinationv1.Lease) Memory {
	if l == nil {
		return Memory{}
	}
	return Memory{Tip: l.Annotations[AnnotationTip], Accepted: l.Annotations[AnnotationAccepted]}
}

// record is the lease to be written so that it is me who holds it; l is the one
// that was read, nil when there is none. What others put on it stays. Empty
// fields of the memory leave what the lease remembers.
func record(l *coordinationv1.Lease, me string, m Memory, duration time.Duration, now time.Time) *coordinationv1.Lease {
	next := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: Name}}
	if l != nil {
		next = l.DeepCopy()
		next.ManagedFields = nil
	}
	set(&next.Labels, labelManagedBy, manager)
	set(&next.Annotations, AnnotationTip, m.Tip)
	set(&next.Annotations, AnnotationAccepted, m.Accepted)

	stamp := metav1.NewMicroTime(now)
	seconds := int32((duration + time.Second - 1) / time.Second)
	if holder(l) != me {
		transitions := int32(0)
		if l != nil {
			transitions = 1
			if l.Spec.LeaseTransitions != nil {
				transitions += *l.Spec.LeaseTransitions
			}
		}
		next.Spec.HolderIdentity = &me
		next.Spec.AcquireTime = &stamp
		next.Spec.LeaseTransitions = &transitions
	}
	next.Spec.LeaseDurationSeconds = &seconds
	next.Spec.RenewTime = &stamp
	return next
}

// released is the lease to be written so that nobody holds it and nobody waits.
func released(l *coordinationv1.Lease, m Memory, now time.Time) *coordinationv1.Lease {
	next := record(l, holder(l), m, time.Second, now)
	next.Spec.HolderIdentity = nil
	return next
}

func set(m *map[string]string, key, value string) {
	if value == "" {
		return
	}
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}
