package fleetgen

// kind is what generated declarations say of one provider's control planes.
type kind struct {
	// dataStore is the rest of a datastore's spec.
	dataStore string
	// kind and object, as the base has it, name what classes and tenants change: classes
	// at path to value, which has room for a number, and tenants at field.
	kind, object string
	path, value  string
	field        string
}

var kinds = map[string]kind{
	"native": {
		dataStore: "  driver: etcd\n  managed: {}\n",
		kind:      "apps/v1/Deployment", object: "control-plane",
		path: "/spec/revisionHistoryLimit", value: "%d",
		field: "spec.template.spec.tolerations",
	},
	"kamaji": {
		dataStore: `  driver: PostgreSQL
  endpoints: [postgres.databases.svc:5432]
  basicAuth:
    username: {namespace: databases, name: postgres, key: username}
    password: {namespace: databases, name: postgres, key: password}
  tls:
    ca:
      certificate: {namespace: databases, name: postgres, key: ca.crt}
`,
		kind: "kamaji.clastix.io/v1alpha1/TenantControlPlane", object: "'*'",
		path: "/spec/controlPlane/deployment/extraArgs", value: "{apiServer: [--max-requests-inflight=%d00]}",
		field: "spec.controlPlane.deployment.tolerations",
	},
}
