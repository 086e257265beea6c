package apiserver_test

func applies() []scenario {
	return []scenario{
		{"Apply", "the first apply makes, the second finds nothing to do", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			first := w.ok(w.apply("me", at, configMap("a", object{"k": "v"})))
			w.same("code", 201, first.code)
			w.same("managers", map[string]string{"me Apply": `{"f:data":{"f:k":{}}}`}, first.managers())
			second := w.ok(w.apply("me", at, configMap("a", object{"k": "v"})))
			w.same("code", 200, second.code)
			w.same("object", first.object, second.object)
			third := w.ok(w.apply("me", at, configMap("a", object{"l": "v"})))
			w.same("data", any(object{"l": "v"}), third.has("data"))
		}},
		{"ApplyConflict", "nobody takes a field unasked", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			w.ok(w.apply("me", at, configMap("a", object{"k": "v", "l": "v"})))
			w.refused(w.apply("you", at, configMap("a", object{"k": "w", "l": "w"})), 409, "Conflict",
				"FieldManagerConflict .data.k", "FieldManagerConflict .data.l")
			shared := w.ok(w.apply("you", at, configMap("a", object{"k": "v"})))
			w.same("managers", map[string]string{"me Apply": `{"f:data":{"f:k":{},"f:l":{}}}`, "you Apply": `{"f:data":{"f:k":{}}}`}, shared.managers())
			taken := w.ok(w.force("you", at, configMap("a", object{"k": "w"})))
			w.same("managers", map[string]string{"me Apply": `{"f:data":{"f:l":{}}}`, "you Apply": `{"f:data":{"f:k":{}}}`}, taken.managers())
			w.ok(w.merge(at+"?fieldManager=they", object{"data": object{"k": "x"}}))
			w.refused(w.apply("you", at, configMap("a", object{"k": "w"})), 409, "Conflict", "FieldManagerConflict .data.k")
		}},
		{"ApplyUID", "an object that is named by its uid is that one or none", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			other := made("v1", "ConfigMap", "a", object{"metadata": object{"uid": "b2f16a1a-0000-4000-8000-000000000000"}})
			a := w.refused(w.force("me", at, other), 409, "Conflict")
			w.same("details", object{"name": "a", "kind": "configmaps"}, a.details())
			first := w.ok(w.apply("me", at, configMap("a", nil)))
			w.refused(w.force("me", at, other), 422, "Invalid", "FieldValueInvalid metadata.uid")
			same := made("v1", "ConfigMap", "a", object{"metadata": object{"uid": first.uid()}, "data": object{"k": "v"}})
			w.ok(w.force("me", at, same))
		}},
		{"ApplyVersion", "so is its version, if it is named", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			first := w.ok(w.apply("me", at, configMap("a", nil)))
			w.ok(w.apply("me", at, configMap("a", object{"k": "v"})))
			stale := made("v1", "ConfigMap", "a", object{"metadata": object{"resourceVersion": first.version()}, "data": object{"k": "w"}})
			w.refused(w.force("me", at, stale), 409, "Conflict")
			fresh := made("v1", "ConfigMap", "b", object{"metadata": object{"resourceVersion": first.version()}})
			w.same("of what is not there it counts for nothing", 201, w.force("me", at[:len(at)-1]+"b", fresh).code)
		}},
		{"ApplyRelease", "applying nothing gives everything back", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			w.ok(w.post(at+"?fieldManager=they", configMap("a", object{"k": "v"})))
			w.ok(w.apply("me", at+"/a", configMap("a", object{"k": "v", "l": "v"})))
			left := w.ok(w.apply("me", at+"/a", made("v1", "ConfigMap", "a", nil)))
			w.same("data", any(object{"k": "v"}), left.has("data"))
			w.same("managers", map[string]string{"they Update": `{"f:data":{".":{},"f:k":{}}}`}, left.managers())
		}},
		{"Drift", "what others do to our fields shows in our entry", func(w *world) {
			at := kindPath("v1", w.space(), "secrets") + "/a"
			ours := func(data object) object { return made("v1", "Secret", "a", object{"data": data}) }
			mine := object{"k": "dg==", "l": "dg=="}
			whole, less := `{"f:data":{"f:k":{},"f:l":{}}}`, `{"f:data":{"f:l":{}}}`
			w.ok(w.apply("me", at, ours(mine)))
			patched := w.ok(w.merge(at+"?fieldManager=they", object{"data": object{"k": "dw=="}}))
			w.same("changed", map[string]string{"me Apply": less, "they Update": `{"f:data":{"f:k":{}}}`}, patched.managers())
			healed := w.ok(w.force("me", at, ours(mine)))
			w.same("healed", map[string]string{"me Apply": whole}, healed.managers())
			removed := w.ok(w.merge(at+"?fieldManager=they", object{"data": object{"k": nil}}))
			w.same("removed", map[string]string{"me Apply": less}, removed.managers())
			w.ok(w.force("me", at, ours(mine)))
			added := w.ok(w.merge(at+"?fieldManager=they", object{"data": object{"m": "dw=="}}))
			w.same("added", map[string]string{"me Apply": whole, "they Update": `{"f:data":{"f:m":{}}}`}, added.managers())
			w.same("unchanged", added.version(), w.ok(w.force("me", at, ours(mine))).version())
		}},
		{"ApplyItems", "items of lists belong to who put them there", func(w *world) {
			at := kindPath("v1", w.space(), "services") + "/a"
			port := func(number int, name string) object {
				return made("v1", "Service", "a", object{"spec": object{"ports": []any{object{"name": name, "port": number}}}})
			}
			w.ok(w.apply("me", at, port(80, "web")))
			both := w.ok(w.apply("you", at, port(81, "more")))
			w.same("mine", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}}}}`, both.managers()["me Apply"])
			w.same("yours", `{"f:spec":{"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}}}}`, both.managers()["you Apply"])
			ports, _ := both.has("spec", "ports").([]any)
			w.same("ports", 2, len(ports))
			left := w.ok(w.apply("me", at, made("v1", "Service", "a", nil)))
			ports, _ = left.has("spec", "ports").([]any)
			w.same("ports", 1, len(ports))
		}},
		{"ApplyCustom", "custom kinds are told apart by their schema, too", func(w *world) {
			ns := w.space()
			at := kindPath("cert-manager.io/v1", ns, "certificates") + "/a"
			w.ok(w.apply("me", at, certificate("a")))
			names := made("cert-manager.io/v1", "Certificate", "a", object{"spec": object{"dnsNames": []any{"a", "b"}, "privateKey": object{"size": 256}}})
			both := w.ok(w.apply("you", at, names))
			w.same("managers", map[string]string{
				"me Apply":  `{"f:spec":{"f:commonName":{},"f:issuerRef":{"f:name":{}},"f:secretName":{}}}`,
				"you Apply": `{"f:spec":{"f:dnsNames":{},"f:privateKey":{"f:size":{}}}}`,
			}, both.managers())
			planes := kindPath("kamaji.clastix.io/v1alpha1", ns, "tenantcontrolplanes") + "/a"
			w.ok(w.apply("me", planes, plane("a", 1)))
			w.refused(w.apply("you", planes, plane("a", 2)), 409, "Conflict", "FieldManagerConflict .spec.controlPlane.deployment.replicas")
		}},
		{"ApplyMisshapen", "what is no object of the kind is refused", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			w.refused(w.apply("me", at, made("v1", "Secret", "a", nil)), 400, "BadRequest")
			w.refused(w.apply("me", at, configMap("b", nil)), 400, "BadRequest")
			w.refused(w.do("PATCH", "apply:"+at, configMap("a", nil)), 422, "Invalid", "FieldValueRequired fieldManager")
			w.refused(w.apply("me", at, made("v1", "ConfigMap", "a", object{"data": "text"})), 500, "")
			w.refused(w.apply("me", at, made("v1", "ConfigMap", "a", object{"dada": object{}})), 500, "")
			w.refused(w.apply("me", at, made("v1", "ConfigMap", "a", object{"metadata": object{"managedFields": []any{object{}}}})), 400, "BadRequest")
		}},
		{"ApplyAfterUpdate", "who updates and applies under one name has two entries", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps")
			w.ok(w.post(at+"?fieldManager=me", configMap("a", object{"k": "v"})))
			a := w.ok(w.apply("me", at+"/a", configMap("a", object{"k": "v"})))
			w.same("managers", map[string]string{"me Apply": `{"f:data":{"f:k":{}}}`, "me Update": `{"f:data":{".":{},"f:k":{}}}`}, a.managers())
		}},
		{"ForgetManagers", "managedFields can be emptied, and begin anew", func(w *world) {
			at := kindPath("v1", w.space(), "configmaps") + "/a"
			w.ok(w.apply("me", at, configMap("a", object{"k": "v"})))
			a := w.ok(w.merge(at, object{"metadata": object{"managedFields": []any{object{}}}}))
			w.same("managers", map[string]string{}, a.managers())
			b := w.ok(w.force("me", at, configMap("a", object{"k": "v"})))
			w.same("managers", map[string]string{"me Apply": `{"f:data":{"f:k":{}}}`, "before-first-apply Update": `{"f:data":{".":{},"f:k":{}}}`}, b.managers())
		}},
	}
}

func plane(name string, replicas int) object {
	return made("kamaji.clastix.io/v1alpha1", "TenantControlPlane", name, object{"spec": object{
		"controlPlane": object{"deployment": object{"replicas": replicas}, "service": object{"serviceType": "ClusterIP"}},
		"kubernetes":   object{"version": "v1.36.3", "kubelet": object{"cgroupfs": "systemd"}},
	}})
}
