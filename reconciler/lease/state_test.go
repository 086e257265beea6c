package lease

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func held(by string, renewed time.Time, seconds int32) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{UID: "u", Namespace: Namespace, Name: Name},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr(by), LeaseDurationSeconds: ptr(seconds), RenewTime: ptr(metav1.NewMicroTime(renewed)),
		},
	}
}

func TestDecide(t *testing.T) {
	free := held("", noon, 1)
	free.Spec.HolderIdentity = nil
	cases := []struct {
		name, reason string
		lease        *coordinationv1.Lease
		seen         time.Time // when this very record was seen first
		now          time.Time
		want         Action
	}{
		{
			name: "absent", reason: "the first one makes it",
			now: noon, want: Action{Verb: Create},
		},
		{
			name: "free", reason: "released: nobody has to wait",
			lease: free, seen: noon, now: noon, want: Action{Verb: Take},
		},
		{
			name: "mine", reason: "also when an acknowledgement was lost, and however old it is",
			lease: held("me", noon.Add(-time.Hour), 15), seen: noon, now: noon, want: Action{Verb: Renew},
		},
		{
			name: "just seen", reason: "however long ago it claims to be renewed: its clock may be an hour behind",
			lease: held("you", noon.Add(-time.Hour), 15), seen: noon, now: noon,
			want: Action{Verb: Wait, Holder: "you", Until: noon.Add(15 * time.Second)},
		},
		{
			name: "claims the future", reason: "its clock may be an hour ahead, and it is dead all the same",
			lease: held("you", noon.Add(time.Hour), 15), seen: noon, now: noon.Add(15 * time.Second),
			want: Action{Verb: Steal},
		},
		{
			name: "almost expired", reason: "until the last moment it is the other's",
			lease: held("you", noon, 15), seen: noon, now: noon.Add(15*time.Second - 1),
			want: Action{Verb: Wait, Holder: "you", Until: noon.Add(15 * time.Second)},
		},
		{
			name: "expired", reason: "not renewed for its duration by our clock",
			lease: held("you", noon, 15), seen: noon, now: noon.Add(15 * time.Second), want: Action{Verb: Steal},
		},
		{
			name: "longer than ours", reason: "the holder's promise counts, not our own setting",
			lease: held("you", noon, 60), seen: noon, now: noon.Add(20 * time.Second),
			want: Action{Verb: Wait, Holder: "you", Until: noon.Add(60 * time.Second)},
		},
		{
			name: "names no duration", reason: "ours is assumed",
			lease: held("you", noon, 0), seen: noon, now: noon.Add(10 * time.Second),
			want: Action{Verb: Wait, Holder: "you", Until: noon.Add(15 * time.Second)},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			seen := State{}.Look(c.lease, c.seen)
			if got := Decide(c.lease, "me", seen, c.now, 15*time.Second); got != c.want {
				t.Errorf("got %+v, want %+v: %s", got, c.want, c.reason)
			}
		})
	}
}

func TestLook(t *testing.T) {
	first := held("you", noon, 15)
	annotated := held("you", noon, 15)
	annotated.Annotations, annotated.ResourceVersion = map[string]string{"note": "by a person"}, "17"
	recreated := held("you", noon, 15)
	recreated.UID = "another"
	cases := []struct {
		name, reason string
		next         *coordinationv1.Lease
		restarts     bool
	}{
		{"unchanged", "no sign of life", first, false},
		{"annotated", "a person's note is no sign of life of the holder", annotated, false},
		{"renewed", "the holder lives", held("you", noon.Add(time.Second), 15), true},
		{"another holder", "it has just begun", held("they", noon, 15), true},
		{"recreated", "another lease, whoever made it", recreated, true},
		{"gone", "nothing to wait for", nil, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := State{}.Look(first, noon).Look(c.next, noon.Add(5*time.Second))
			want := noon
			if c.restarts {
				want = noon.Add(5 * time.Second)
			}
			if !s.since.Equal(want) {
				t.Errorf("seen since %v, want %v: %s", s.since, want, c.reason)
			}
		})
	}
}

func TestRecordKeepsWhatOthersPutOn(t *testing.T) {
	l := held("you", noon, 15)
	l.Labels = map[string]string{"team": "x"}
	l.Annotations = map[string]string{"note": "y", AnnotationTip: "old"}
	l.Spec.LeaseTransitions = ptr(int32(4))

	taken := record(l, "me", Memory{Accepted: "c1"}, 15*time.Second, noon.Add(time.Minute))
	switch {
	case holder(taken) != "me", *taken.Spec.LeaseTransitions != 5, !taken.Spec.AcquireTime.Time.Equal(noon.Add(time.Minute)):
		t.Errorf("spec is %+v", taken.Spec)
	case taken.Labels["team"] != "x", taken.Annotations["note"] != "y", taken.Labels[labelManagedBy] != "tenantry":
		t.Errorf("metadata is %+v", taken.ObjectMeta)
	case memoryOf(taken) != Memory{Tip: "old", Accepted: "c1"}:
		t.Errorf("it remembers %+v: an empty word has to leave what is there", memoryOf(taken))
	}
	renewed := record(taken, "me", Memory{Tip: "new"}, 15*time.Second, noon.Add(2*time.Minute))
	if *renewed.Spec.LeaseTransitions != 5 || !renewed.Spec.AcquireTime.Time.Equal(noon.Add(time.Minute)) {
		t.Errorf("a renewal is no transition: %+v", renewed.Spec)
	}
	free := released(renewed, Memory{}, noon.Add(3*time.Minute))
	if holder(free) != "" || memoryOf(free) != (Memory{Tip: "new", Accepted: "c1"}) || *free.Spec.LeaseDurationSeconds != 1 {
		t.Errorf("released is %+v %+v", free.Spec, free.Annotations)
	}
	if holder(l) != "you" || l.Annotations[AnnotationTip] != "old" {
		t.Error("the lease that was read has been changed")
	}
}
