package render

// rank orders kinds for applying: what others need comes first, and workloads come
// after what they mount. Kinds without a rank come last.
var rank = map[string]int{
	"Namespace":                        0,
	"ResourceQuota":                    1,
	"LimitRange":                       1,
	"ValidatingAdmissionPolicy":        2,
	"ValidatingAdmissionPolicyBinding": 3,
	"ServiceAccount":                   4,
	"Role":                             4,
	"RoleBinding":                      4,
	"NetworkPolicy":                    5,
	"ClusterIssuer":                    6,
	"Issuer":                           6,
	"Certificate":                      7,
	"ConfigMap":                        8,
	"Service":                          9,
	"PodDisruptionBudget":              10,
	"Job":                              11,
	"StatefulSet":                      12,
	"Deployment":                       13,
}

func rankOf(id ObjectID) int {
	if r, ok := rank[id.Kind]; ok {
		return r
	}
	return len(rank)
}
