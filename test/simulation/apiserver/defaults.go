package apiserver

// Defaults are what an API server puts into its own kinds where an object says nothing.
// Who makes or updates an object comes to own them; who applies it does not.

// defaultsOf are those of a kind that depend on nothing, and what finds the others.
func defaultsOf(kind string) (fixed Object, more func(Object) Object) {
	one := int64(1)
	switch kind {
	case "Secret":
		return Object{"type": "Opaque"}, stringData
	case "Namespace":
		return nil, func(o Object) Object {
			if name := metaOf(o)["name"]; at(o, "metadata", "labels", "kubernetes.io/metadata.name") != name {
				return set(o, name, "metadata", "labels", "kubernetes.io/metadata.name")
			}
			return o
		}
	case "NetworkPolicy":
		return nil, func(o Object) Object {
			types := []any{"Ingress"}
			if egress, _ := at(o, "spec", "egress").([]any); len(egress) > 0 {
				types = append(types, "Egress")
			}
			o = filled(o, Object{"spec": Object{"policyTypes": types}})
			for _, direction := range []string{"ingress", "egress"} {
				o = each(o, func(rule Object) Object {
					return each(rule, func(port Object) Object { return filled(port, Object{"protocol": "TCP"}) }, "ports")
				}, "spec", direction)
			}
			return o
		}
	case "Service":
		return Object{"spec": Object{"type": "ClusterIP", "sessionAffinity": "None"}}, service
	case "Deployment":
		return Object{"spec": Object{
				"replicas": one, "revisionHistoryLimit": int64(10), "progressDeadlineSeconds": int64(600), "strategy": Object{
					"type": "RollingUpdate",
				},
			}}, func(o Object) Object {
				if at(o, "spec", "strategy", "type") == "RollingUpdate" {
					o = filled(o, Object{"spec": Object{"strategy": Object{"rollingUpdate": Object{"maxSurge": "25%", "maxUnavailable": "25%"}}}})
				}
				return template(o)
			}
	case "StatefulSet":
		return Object{"spec": Object{
				"replicas": one, "revisionHistoryLimit": int64(10), "podManagementPolicy": "OrderedReady",
				"updateStrategy":                       Object{"type": "RollingUpdate", "rollingUpdate": Object{"partition": int64(0)}},
				"persistentVolumeClaimRetentionPolicy": Object{"whenDeleted": "Retain", "whenScaled": "Retain"},
			}}, func(o Object) Object {
				return each(template(o), func(claim Object) Object {
					return filled(claim, Object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": Object{"volumeMode": "Filesystem"},
						"status": Object{"phase": "Pending"}})
				}, "spec", "volumeClaimTemplates")
			}
	case "Job":
		return Object{"spec": Object{
			"completions": one, "parallelism": one, "backoffLimit": int64(6), "completionMode": "NonIndexed", "suspend": false, "manualSelector": false,
			"podReplacementPolicy": "TerminatingOrFailed",
		}}, template
	case "RoleBinding":
		return nil, func(o Object) Object {
			const group = "rbac.authorization.k8s.io"
			if at(o, "roleRef", "apiGroup") == "" {
				o = set(o, group, "roleRef", "apiGroup")
			}
			return each(o, func(subject Object) Object {
				if subject["kind"] == "ServiceAccount" || textOf(subject, "apiGroup") != "" {
					return subject
				}
				return set(subject, group, "apiGroup")
			}, "subjects")
		}
	case "ValidatingAdmissionPolicy":
		return Object{"spec": Object{"failurePolicy": "Fail"}}, func(o Object) Object {
			return each(matched(o, "matchConstraints"), func(rule Object) Object {
				return filled(rule, Object{"scope": "*"})
			}, "spec", "matchConstraints", "resourceRules")
		}
	case "ValidatingAdmissionPolicyBinding":
		return nil, func(o Object) Object { return matched(o, "matchResources") }
	case "PersistentVolumeClaim":
		return Object{"spec": Object{"volumeMode": "Filesystem"}, "status": Object{"phase": "Pending"}}, nil
	}
	return nil, nil
}

// matched completes what says which objects an admission policy is about.
func matched(o Object, name string) Object {
	if at(o, "spec", name) == nil {
		return o
	}
	return filled(o, Object{"spec": Object{name: Object{"matchPolicy": "Equivalent", "namespaceSelector": Object{}, "objectSelector": Object{}}}})
}

// stringData moves a Secret's texts into its data.
func stringData(o Object) Object {
	given, ok := o["stringData"].(Object)
	if !ok {
		return o
	}
	for name, value := range given {
		text, _ := value.(string)
		o = set(o, base64Of(text), "data", name)
	}
	return set(o, nil, "stringData")
}

func service(o Object) Object {
	if at(o, "spec", "type") != "ExternalName" {
		o = filled(o, Object{"spec": Object{"internalTrafficPolicy": "Cluster"}})
	}
	if kind := at(o, "spec", "type"); kind == "LoadBalancer" || kind == "NodePort" || at(o, "spec", "externalIPs") != nil {
		o = filled(o, Object{"spec": Object{"externalTrafficPolicy": "Cluster"}})
		if kind == "LoadBalancer" {
			o = filled(o, Object{"spec": Object{"allocateLoadBalancerNodePorts": true}})
		}
	}
	return each(o, func(port Object) Object {
		if port["targetPort"] == int64(0) {
			port = set(port, port["port"], "targetPort")
		}
		return filled(port, Object{"protocol": "TCP", "targetPort": port["port"]})
	}, "spec", "ports")
}

// template completes the pods that a workload makes.
func template(o Object) Object {
	spec, ok := at(o, "spec", "template", "spec").(Object)
	if !ok {
		return o
	}
	next := filled(spec, Object{
		"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
		"terminationGracePeriodSeconds": int64(30), "securityContext": Object{},
	})
	if account, ok := next["serviceAccountName"]; ok {
		next = set(next, account, "serviceAccount")
	}
	next = each(each(next, container, "containers"), container, "initContainers")
	next = each(next, volume, "volumes")
	if same(next, spec) {
		return o
	}
	return set(o, next, "spec", "template", "spec")
}

func container(c Object) Object {
	pull := "Always"
	if image := textOf(c, "image"); tagged(image) {
		pull = "IfNotPresent"
	}
	c = filled(c, Object{
		"imagePullPolicy": pull, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "resources": Object{},
	})
	c = each(c, func(port Object) Object { return filled(port, Object{"protocol": "TCP"}) }, "ports")
	c = each(c, func(env Object) Object {
		if at(env, "valueFrom", "fieldRef") != nil {
			return filled(env, Object{"valueFrom": Object{"fieldRef": Object{"apiVersion": "v1"}}})
		}
		return env
	}, "env")
	for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		probe, ok := c[name].(Object)
		if !ok {
			continue
		}
		next := filled(probe, Object{
			"timeoutSeconds": int64(1), "periodSeconds": int64(10), "successThreshold": int64(1), "failureThreshold": int64(3),
		})
		if _, ok := next["httpGet"]; ok {
			next = filled(next, Object{"httpGet": Object{"scheme": "HTTP", "path": "/"}})
		}
		if !same(next, probe) {
			c = set(c, next, name)
		}
	}
	return c
}

// tagged tells an image with a tag or digest that is not "latest".
func tagged(image string) bool {
	for i := len(image) - 1; i >= 0 && image[i] != '/'; i-- {
		if image[i] == ':' {
			return image[i+1:] != "latest"
		}
	}
	return false
}

func volume(v Object) Object {
	mode := int64(0o644)
	for _, name := range []string{"secret", "configMap"} {
		if _, ok := v[name]; ok {
			return filled(v, Object{name: Object{"defaultMode": mode}})
		}
	}
	if _, ok := v["projected"]; ok {
		return filled(v, Object{"projected": Object{"defaultMode": mode}})
	}
	return v
}

// each gives an object with every item of a list in it changed; itself, when none was.
func each(o Object, change func(Object) Object, path ...string) Object {
	list, _ := at(o, path...).([]any)
	next := []any(nil)
	for i, item := range list {
		before, ok := item.(Object)
		if !ok {
			continue
		}
		if after := change(before); !same(after, before) {
			if next == nil {
				next = append(next, list...)
			}
			next[i] = after
		}
	}
	if next == nil {
		return o
	}
	return set(o, next, path...)
}
