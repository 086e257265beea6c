package apiserver_test

import "net/http"

func writes() []scenario {
	return []scenario{
		{"Create", "a new object has what the server gives it, and belongs to who made it", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			a := w.ok(w.post(at+"?fieldManager=me", configMap("a", object{"k": "v"})))
			w.same("code", http.StatusCreated, a.code)
			if len(a.uid()) != 36 || a.version() == "" || a.has("metadata", "creationTimestamp") == nil || a.has("metadata", "generation") != nil {
				w.Errorf("metadata are %v", a.meta())
			}
			w.same("managers", map[string]string{"me Update": `{"f:data":{".":{},"f:k":{}}}`}, a.managers())
			again := w.refused(w.post(at, configMap("a", nil)), 409, "AlreadyExists")
			w.same("details", object{"name": "a", "kind": "configmaps"}, again.details())
		}},
		{"CreateNowhere", "nothing is made in a namespace that is not there", func(w *world) {
			a := w.refused(w.post("/api/v1/namespaces/nowhere/configmaps", configMap("a", nil)), 404, "NotFound")
			w.same("details", object{"name": "nowhere", "kind": "namespaces"}, a.details())
			w.refused(w.apply("me", "/api/v1/namespaces/nowhere/configmaps/a", configMap("a", nil)), 404, "NotFound")
		}},
		{"Absent", "what is not there is told with its name, whatever is asked", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			for _, a := range []answer{w.get(at), w.put(at, configMap("a", nil)), w.merge(at, object{}), w.remove(at, nil)} {
				w.refused(a, 404, "NotFound")
				w.same("details", object{"name": "a", "kind": "configmaps"}, a.details())
			}
		}},
		{"UpdateStale", "who has read an older version does not write over a newer one", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			first := w.ok(w.post(at, configMap("a", object{"k": "v"})))
			w.ok(w.merge(at+"/a", object{"data": object{"k": "w"}}))
			a := w.refused(w.put(at+"/a", first.object), 409, "Conflict")
			w.same("details", object{"name": "a", "kind": "configmaps"}, a.details())
			w.refused(w.merge(at+"/a", object{"metadata": object{"resourceVersion": first.version()}, "data": object{"k": "x"}}), 409, "Conflict")
		}},
		{"UpdateOther", "nor one who has read a namesake", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			w.ok(w.post(at, configMap("a", nil)))
			other := made("v1", "ConfigMap", "a", object{"metadata": object{"uid": "b2f16a1a-0000-4000-8000-000000000000"}})
			w.refused(w.put(at+"/a", other), 409, "Conflict")
			w.refused(w.merge(at+"/a", object{"metadata": object{"uid": "x"}}), 422, "Invalid", "FieldValueInvalid metadata.uid")
		}},
		{"UpdateUnconditional", "some kinds can be written over, others not", func(w *world) {
			ns := w.space()
			at, leases := kindPath("v1", ns, "configmaps"), kindPath("coordination.k8s.io/v1", ns, "leases")
			w.ok(w.post(at, configMap("a", object{"k": "v"})))
			a := w.ok(w.put(at+"/a", configMap("a", object{"l": "v"})))
			w.same("data", any(object{"l": "v"}), a.has("data"))
			lease := made("coordination.k8s.io/v1", "Lease", "a", object{"spec": object{"holderIdentity": "me"}})
			w.ok(w.post(leases, lease))
			w.refused(w.put(leases+"/a", lease), 422, "Invalid", "FieldValueInvalid metadata.resourceVersion")
		}},
		{"NothingChanged", "a write that changes nothing is none", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			first := w.ok(w.post(at+"?fieldManager=me", configMap("a", object{"k": "v"})))
			w.same("after an update", first.version(), w.ok(w.put(at+"/a?fieldManager=you", first.object)).version())
			w.same("after a merge patch", first.version(), w.ok(w.merge(at+"/a?fieldManager=you", object{"data": object{"k": "v"}})).version())
			w.same("after a strategic one", first.version(), w.ok(w.do("PATCH", "strategic:"+at+"/a", object{"data": object{"k": "v"}})).version())
			w.same("managers", map[string]string{"me Update": `{"f:data":{".":{},"f:k":{}}}`}, w.get(at+"/a").managers())
		}},
		{"Misnamed", "what is sent has to be what it is sent to", func(w *world) {
			ns := w.space()
			at := kindPath("v1", ns, "configmaps")
			w.ok(w.post(at, configMap("a", nil)))
			w.refused(w.put(at+"/a", configMap("b", nil)), 400, "BadRequest")
			w.refused(w.put(at+"/a", made("v1", "Secret", "a", nil)), 400, "BadRequest")
			w.refused(w.post(at, made("v1", "ConfigMap", "b", object{"metadata": object{"namespace": "elsewhere"}})), 400, "BadRequest")
			w.refused(w.post(at, made("v1", "ConfigMap", "b", object{"metadata": object{"resourceVersion": "1"}})), 500, "")
			w.refused(w.post(at, configMap("Bad_Name", nil)), 422, "Invalid", "FieldValueInvalid metadata.name")
		}},
		{"Immutable", "some fields never change", func(w *world) {
			ns := w.space()
			at := kindPath("v1", ns, "secrets")
			w.ok(w.post(at, made("v1", "Secret", "a", object{"type": "one"})))
			w.refused(w.merge(at+"/a", object{"type": "two"}), 422, "Invalid", "FieldValueInvalid type")
			at = kindPath("v1", ns, "configmaps")
			w.ok(w.post(at, made("v1", "ConfigMap", "a", object{"immutable": true, "data": object{"k": "v"}})))
			w.refused(w.merge(at+"/a", object{"data": object{"k": "w"}}), 422, "Invalid", "FieldValueForbidden data")
			at = kindPath("v1", ns, "services")
			service := w.ok(w.post(at, made("v1", "Service", "a", object{"spec": object{"ports": []any{object{"port": 80}}}})))
			if service.has("spec", "clusterIP") == nil {
				w.Error("a Service got no address")
			}
			w.refused(w.merge(at+"/a", object{"spec": object{"clusterIP": "10.0.0.250"}}), 422, "Invalid", "FieldValueInvalid spec.clusterIPs[0]")
			kept := w.ok(w.put(at+"/a", made("v1", "Service", "a", object{"spec": object{"ports": []any{object{"port": 81}}}})))
			w.same("address", service.has("spec", "clusterIP"), kept.has("spec", "clusterIP"))
			at = kindPath("batch/v1", ns, "jobs")
			w.ok(w.post(at, job("a", "one")))
			w.refused(w.force("me", at+"/a", job("a", "two")), 422, "Invalid", "FieldValueInvalid spec.template")
			at = kindPath("apps/v1", ns, "deployments")
			w.ok(w.post(at, deployment("a", "a")))
			w.refused(w.force("me", at+"/a", deployment("a", "b")), 422, "Invalid", "FieldValueInvalid spec.selector")
		}},
		{"Generations", "a generation rises with what is asked for, of the kinds that have one", func(w *world) {
			ns := w.space()
			steps := func(at, name string, o object, changes ...object) (all []int) {
				all = append(all, w.ok(w.post(at, o)).generation())
				for _, change := range changes {
					all = append(all, w.ok(w.merge(at+"/"+name, change)).generation())
				}
				return all
			}
			label, note := object{"metadata": object{"labels": object{"a": "b"}}}, object{"metadata": object{"annotations": object{"a": "b"}}}
			w.same("Deployment", []int{1, 1, 2, 3, 3},
				steps(kindPath("apps/v1", ns, "deployments"), "a", deployment("a", "a"), label, note, object{"spec": object{"paused": true}}, object{"spec": object{"paused": true}}))
			w.same("Job", []int{1, 1, 1, 2},
				steps(kindPath("batch/v1", ns, "jobs"), "a", job("a", "one"), label, note, object{"spec": object{"suspend": true}}))
			w.same("Certificate", []int{1, 1, 1, 2},
				steps(kindPath("cert-manager.io/v1", ns, "certificates"), "a", certificate("a"), label, note, object{"spec": object{"commonName": "b"}}))
			w.same("NetworkPolicy", []int{1, 1, 1, 2},
				steps(kindPath("networking.k8s.io/v1", ns, "networkpolicies"), "a",
					made("networking.k8s.io/v1", "NetworkPolicy", "a", object{"spec": object{"podSelector": object{}}}), label, note,
					object{"spec": object{"podSelector": object{"matchLabels": object{"a": "b"}}}}))
			w.same("PodDisruptionBudget", []int{1, 1, 1, 2},
				steps(kindPath("policy/v1", ns, "poddisruptionbudgets"), "a",
					made("policy/v1", "PodDisruptionBudget", "a", object{"spec": object{"minAvailable": 1, "selector": object{"matchLabels": object{"a": "b"}}}}),
					label, note, object{"spec": object{"minAvailable": 2}}))
			w.same("StatefulSet", []int{1, 1, 1, 2},
				steps(kindPath("apps/v1", ns, "statefulsets"), "a", statefulSet("a"), label, note, object{"spec": object{"replicas": 0}}))
			w.same("ConfigMap", []int{0, 0, 0, 0}, steps(kindPath("v1", ns, "configmaps"), "a", configMap("a", nil), label, note, object{"data": object{"a": "b"}}))
			w.same("Service", []int{0, 0, 0, 0}, steps(kindPath("v1", ns, "services"), "a",
				made("v1", "Service", "a", object{"spec": object{"ports": []any{object{"port": 80}}}}), label, note, object{"spec": object{"selector": object{"a": "b"}}}))
			w.same("LimitRange", []int{0, 0}, steps(kindPath("v1", ns, "limitranges"), "a",
				made("v1", "LimitRange", "a", object{"spec": object{"limits": []any{object{"type": "Pod", "max": object{"cpu": "1"}}}}}), label))
		}},
		{"Status", "what is asked for and what came of it are written apart", func(w *world) {
			ns := w.space()
			at := kindPath("cert-manager.io/v1", ns, "certificates")
			o := certificate("a")
			o["status"] = object{"revision": 7}
			first := w.ok(w.post(at+"?fieldManager=me", o))
			w.same("status of a new one", nil, first.has("status"))
			second := w.ok(w.merge(at+"/a/status?fieldManager=you", object{"status": object{"revision": 1}, "spec": object{"commonName": "b"}, "metadata": object{"labels": object{"a": "b"}}}))
			w.same("status", any(object{"revision": 1.0}), second.has("status"))
			w.same("name", any("a"), second.has("spec", "commonName"))
			w.same("labels", nil, second.has("metadata", "labels"))
			w.same("generation", 1, second.generation())
			w.same("manager", `{"f:status":{".":{},"f:revision":{}}}`, second.managers()["you Update status"])
			third := second.object
			third["status"] = object{"revision": 2}
			w.same("version", second.version(), w.ok(w.put(at+"/a", third)).version())
			third["spec"].(object)["commonName"] = "c"
			put := w.ok(w.put(at+"/a/status?fieldManager=they", third))
			w.same("after an update of the status", any(object{"revision": 2.0}), put.has("status"))
			w.same("name after it", any("a"), put.has("spec", "commonName"))
			applied := w.ok(w.force("we", at+"/a/status", made("cert-manager.io/v1", "Certificate", "a", object{"status": object{"revision": 3}})))
			w.same("managers", "we Apply status", first1(applied.managers(), "we"))
			w.refused(w.get(kindPath("v1", ns, "configmaps")+"/a/status"), 404, "NotFound")
		}},
		{"DryRun", "a rehearsal changes nothing", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			w.ok(w.post(at+"?dryRun=All", configMap("a", nil)))
			w.refused(w.get(at+"/a"), 404, "NotFound")
			w.same("code", 201, w.ok(w.do("PATCH", "apply:"+at+"/a?fieldManager=me&dryRun=All", configMap("a", nil))).code)
			w.refused(w.get(at+"/a"), 404, "NotFound")
			first := w.ok(w.post(at, configMap("a", object{"k": "v"})))
			changed := w.ok(w.do("PATCH", "apply:"+at+"/a?fieldManager=me&force=true&dryRun=All", configMap("a", object{"k": "w"})))
			w.same("what it would be", any("w"), changed.has("data", "k"))
			w.same("version", first.version(), changed.version())
			w.ok(w.merge(at+"/a?dryRun=All", object{"data": object{"k": "x"}}))
			w.ok(w.remove(at+"/a?dryRun=All", nil))
			w.same("what it is", first.object, w.get(at+"/a").object)
		}},
	}
}

func job(name, image string) object {
	return made("batch/v1", "Job", name, object{"spec": object{"parallelism": 0, "template": object{"spec": object{
		"restartPolicy": "Never", "containers": []any{object{"name": "c", "image": image}},
	}}}})
}

func deployment(name, label string) object {
	return made("apps/v1", "Deployment", name, object{"spec": object{
		"replicas": 0, "selector": object{"matchLabels": object{"app": label}}, "template": object{
			"metadata": object{"labels": object{"app": label}}, "spec": object{"containers": []any{object{"name": "c", "image": "i"}}},
		},
	}})
}

func statefulSet(name string) object {
	o := deployment(name, name)
	o["kind"] = "StatefulSet"
	o["spec"].(object)["serviceName"], o["spec"].(object)["replicas"] = name, 1
	o["spec"].(object)["template"].(object)["spec"].(object)["schedulerName"] = "nobody"
	return o
}

func certificate(name string) object {
	return made("cert-manager.io/v1", "Certificate", name, object{"spec": object{
		"commonName": name, "secretName": name, "issuerRef": object{"name": "i"},
	}})
}

// first1 gives the name of the entry of a manager.
func first1(managers map[string]string, prefix string) string {
	for name := range managers {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			return name
		}
	}
	return ""
}
