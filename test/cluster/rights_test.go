package cluster_test

import (
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// admitted is a client with the daemon's rights on a shard.
func admitted(t *testing.T, shard string) *kubernetes.Clientset {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", fixture.Start(t).Admit(t, shard))
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// What the daemon needs is proven by every test that runs with its rights; here is
// what it must not be able to do.
func TestDaemonMayNot(t *testing.T) {
	daemon := admitted(t, "eu-1")
	cases := []struct {
		name, reason                             string
		verb, group, resource, sub, namespace, n string
	}{
		{"AnyVerb", "no wildcard slipped in", "*", "*", "*", "", "", ""},
		{"CreatePods", "workloads are made by controllers, of what Git declares", "create", "", "pods", "", "default", ""},
		{"Exec", "the way into a control plane, past Git", "create", "", "pods", "exec", "default", ""},
		{"Attach", "the same", "create", "", "pods", "attach", "default", ""},
		{"PortForward", "the same", "create", "", "pods", "portforward", "default", ""},
		{"Logs", "logs may hold secrets", "get", "", "pods", "log", "default", ""},
		{"Token", "would be anybody", "create", "", "serviceaccounts", "token", "kube-system", ""},
		{"ImpersonateUser", "would be anybody", "impersonate", "", "users", "", "", "admin"},
		{"ImpersonateGroup", "would be system:masters", "impersonate", "", "groups", "", "", "system:masters"},
		{"ImpersonateServiceAccount", "would be anybody", "impersonate", "", "serviceaccounts", "", "kube-system", ""},
		{"BindClusterRole", "would give away what it does not have", "bind", rbacv1.GroupName, "clusterroles", "", "", "cluster-admin"},
		{"BindRole", "the same", "bind", rbacv1.GroupName, "roles", "", "default", ""},
		{"EscalateRole", "the same", "escalate", rbacv1.GroupName, "roles", "", "default", ""},
		{"ClusterRole", "rights in the whole cluster are an administrator's to give", "create", rbacv1.GroupName, "clusterroles", "", "", ""},
		{"ClusterRoleBinding", "the same", "create", rbacv1.GroupName, "clusterrolebindings", "", "", ""},
		{"Nodes", "machines are not its business", "get", "", "nodes", "", "", ""},
		{"PatchNodes", "the same", "patch", "", "nodes", "", "", ""},
		{"NodeProxy", "the kubelets' API is the way into every pod", "get", "", "nodes", "proxy", "", ""},
		{"DeleteVolumes", "data is never deleted from here", "delete", "", "persistentvolumes", "", "", ""},
		{"DeleteClaims", "the same", "delete", "", "persistentvolumeclaims", "", "default", ""},
		{"CRDs", "kinds are an administrator's to install", "create", "apiextensions.k8s.io", "customresourcedefinitions", "", "", ""},
		{"Webhooks", "would see every Secret that anybody writes", "create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "", ""},
		{"ApproveCertificates", "would sign itself an administrator's", "update", "certificates.k8s.io", "certificatesigningrequests", "approval", "", ""},
		{"DeleteSecretsAtOnce", "deletes name an object, its uid and its version", "deletecollection", "", "secrets", "", "default", ""},
		{"ReplaceSecrets", "objects are applied, never replaced", "update", "", "secrets", "", "default", ""},
		{"ReplaceConfigMaps", "anchors alone are replaced, in their namespace", "update", "", "configmaps", "", "default", ""},
		{"OtherLeases", "leader elections of others", "update", "coordination.k8s.io", "leases", "", "kube-system", ""},
		{"OtherLeasesAtHome", "one Lease is its own", "update", "coordination.k8s.io", "leases", "", "tenantry-system", "other"},
		{"Statuses", "those are controllers' to write", "patch", "apps", "deployments", "status", "default", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			review, err := daemon.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: c.verb, Group: c.group, Resource: c.resource, Subresource: c.sub, Namespace: c.namespace, Name: c.n,
				}},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed {
				t.Errorf("the daemon may %s %s/%s in %q (%s): %s", c.verb, c.resource, c.sub, c.namespace, review.Status.Reason, c.reason)
			}
		})
	}
}

// Roles are given to tenants' people; what they may hold ends where the daemon's own
// rights end.
func TestDaemonGivesAwayOnlyItsOwnRights(t *testing.T) {
	daemon := admitted(t, "eu-1").RbacV1()
	_, space := namespace("rights")
	at := space.ID.Name
	admin := clients(t, "eu-1")
	_, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: at}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	role := func(name string, rule rbacv1.PolicyRule) error {
		_, err := daemon.Roles(at).Create(t.Context(), &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{rule},
		}, metav1.CreateOptions{})
		return err
	}
	bind := func(name, kind, to string) error {
		_, err := daemon.RoleBindings(at).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: to},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "team"}},
		}, metav1.CreateOptions{})
		return err
	}
	if err := role("one-secret", rbacv1.PolicyRule{
		APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"acme-kubeconfig"}, Verbs: []string{"get"},
	}); err != nil {
		t.Errorf("make a Role that reads one Secret: %v", err)
	}
	if err := bind("one-secret", "Role", "one-secret"); err != nil {
		t.Errorf("bind it: %v", err)
	}
	if err := role("exec", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}}); !apierrors.IsForbidden(err) {
		t.Errorf("make a Role that runs programs in pods: %v, want a refusal", err)
	}
	if err := bind("admin", "ClusterRole", "cluster-admin"); !apierrors.IsForbidden(err) {
		t.Errorf("bind cluster-admin: %v, want a refusal", err)
	}
}
