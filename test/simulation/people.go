package simulation

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// peopleActs are what people do by commits.
var peopleActs = map[string]func(*world, Act){
	"declare":   (*world).declare,
	"remove":    (*world).remove,
	"break":     (*world).breakFile,
	"move":      (*world).move,
	"rename":    (*world).rename,
	"twin":      (*world).twin,
	"revert":    (*world).revert,
	"class":     (*world).editClass,
	"fleet":     (*world).editFleet,
	"shard":     (*world).editShard,
	"datastore": (*world).editStore,
	"own":       (*world).own,
	"adopt":     (*world).adopt,
	"provider":  (*world).provider,
	"migrate":   (*world).migrate,
}

// declare tenant= class= [team=] [shard=] [version=] [replicas=] [spread=]: tenant may be several,
// with + between them.
func (w *world) declare(a Act) {
	more, files := "", map[string][]byte{}
	for _, field := range []string{"shard", "version", "replicas"} {
		if value := a.Args[field]; value != "" {
			more += ", " + field + ": " + value
		}
	}
	if group := a.Args["spread"]; group != "" {
		more += ", spread: {group: " + group + "}"
	}
	for _, name := range strings.Split(a.Args["tenant"], "+") {
		files[tenantFile(a.get("team", "web"), name)] = tenantDeclared(name, a.get("class", "hosted"), more)
	}
	w.commit(a.String(), files)
}

// filesOf are the files of a tenant, wherever it is declared.
func (w *world) filesOf(name string) (all []string) {
	for file := range w.files() {
		if parts := strings.Split(file, "/"); len(parts) == 4 && parts[0] == "tenants" && parts[2] == name {
			all = append(all, file)
		}
	}
	slices.Sort(all)
	return all
}

// remove tenant=: several with + between them.
func (w *world) remove(a Act) {
	files := map[string][]byte{}
	for _, name := range strings.Split(a.Args["tenant"], "+") {
		for _, file := range w.filesOf(name) {
			files[file] = nil
		}
	}
	if len(files) > 0 {
		w.commit(a.String(), files)
	}
}

// What people write by mistake.
var mistakes = map[string]string{
	"yaml":  "kind: [\n",
	"empty": "",
	"class": head + "Tenant\nmetadata: {name: NAME}\nspec: {class: nobody}\n",
	"name":  head + "Tenant\nmetadata: {name: other}\nspec: {class: hosted}\n",
	"field": head + "Tenant\nmetadata: {name: NAME}\nspec: {class: hosted, sise: large}\n",
}

// break tenant= how=
func (w *world) breakFile(a Act) {
	content := strings.ReplaceAll(mistakes[a.get("how", "yaml")], "NAME", a.Args["tenant"])
	for _, file := range w.filesOf(a.Args["tenant"]) {
		if strings.HasSuffix(file, "/tenant.yaml") {
			w.commit(a.String(), map[string][]byte{file: []byte(content)})
			return
		}
	}
}

// otherTeam is the one whose folder a file is not in.
func otherTeam(file string) (was, is string) {
	if was = strings.Split(file, "/")[1]; was == "web" {
		return was, "ops"
	}
	return was, "web"
}

// move tenant= [silent=true]: to the other team's folder, and says where from, or not.
func (w *world) move(a Act) {
	name := a.Args["tenant"]
	files := w.filesOf(name)
	if len(files) != 1 {
		return
	}
	was, is := otherTeam(files[0])
	more := ", movedFrom: tenants/" + was + "/" + name
	if a.Args["silent"] == "true" {
		more = ""
	}
	w.commit(a.String(), map[string][]byte{
		files[0]: nil, tenantFile(is, name): tenantDeclared(name, w.classOf(files[0]), more),
	})
}

// classOf is the class that a file names.
func (w *world) classOf(file string) string {
	for _, class := range []string{"native", broughtClass} {
		if strings.Contains(string(w.files()[file]), "class: "+class) {
			return class
		}
	}
	return "hosted"
}

// rename tenant= to=: what people mean to be the same tenant under another name.
func (w *world) rename(a Act) {
	files, to := w.filesOf(a.Args["tenant"]), a.Args["to"]
	if len(files) != 1 || len(w.filesOf(to)) > 0 || to == a.Args["tenant"] {
		return
	}
	team := strings.Split(files[0], "/")[1]
	w.commit(a.String(), map[string][]byte{files[0]: nil, tenantFile(team, to): tenantDeclared(to, w.classOf(files[0]), "")})
}

// twin tenant=: another tenant of the same name.
func (w *world) twin(a Act) {
	if files := w.filesOf(a.Args["tenant"]); len(files) == 1 {
		_, is := otherTeam(files[0])
		w.commit(a.String(), map[string][]byte{tenantFile(is, a.Args["tenant"]): tenantDeclared(a.Args["tenant"], a.get("class", "hosted"), "")})
	}
}

// revert [commits=]: the last ones are taken back by a new one.
func (w *world) revert(a Act) {
	log := w.git.Log(declaredBranch)
	n := a.number("commits", 1)
	if len(log) <= n+1 {
		return
	}
	was, err := w.git.Files(log[n])
	if err != nil {
		w.t.Fatal(err)
	}
	files := map[string][]byte{}
	for file := range w.files() {
		files[file] = nil
	}
	for file, content := range was {
		files[file] = content
	}
	w.commit(a.String(), files)
}

// class name= [version=] [base=] [how=broken|unrendered|gone|mended]
func (w *world) editClass(a Act) {
	name, version := a.get("name", "hosted"), a.get("version", "v1.36.3")
	file, overlay := "classes/"+name+"/class.yaml", "classes/"+name+"/kustomization.yaml"
	files := map[string][]byte{file: classFile(name, version, a.Args["base"]), overlay: nil}
	switch a.Args["how"] {
	case "broken":
		files[file] = []byte("kind: [\n")
	case "unrendered":
		files[overlay] = []byte("resources: [https://example.com/base]\n")
	case "gone":
		files[file] = nil
	}
	if len(w.files()[overlay]) == 0 && files[overlay] == nil {
		delete(files, overlay)
	}
	w.commit(a.String(), files)
}

// fleet [how=broken] [limit=] [retention=]
func (w *world) editFleet(a Act) {
	content := fmt.Sprintf(head+"Fleet\nmetadata: {name: simulated}\nspec: {deletion: {retention: %s, limit: %s}}\n",
		a.get("retention", w.settings.Retention.String()), a.get("limit", fmt.Sprint(w.settings.Limit)))
	if a.Args["how"] == "broken" {
		content = "kind: [\n"
	}
	w.commit(a.String(), map[string][]byte{"fleet.yaml": []byte(content)})
}

// shard name= how=cordoned|gone|broken|small|tainted|theirs|well
func (w *world) editShard(a Act) {
	name := a.get("name", "eu")
	i := slices.Index(shardNames, name)
	content := shardDeclared(name, i, a.Args["how"] == "cordoned")
	switch a.Args["how"] {
	case "gone":
		content = nil
	case "broken":
		content = []byte("kind: [\n")
	case "tainted":
		content = append(content[:len(content)-2], ", taints: [{key: pool, value: gold}]}\n"...)
	case "theirs": // another team's alone
		content = append(content[:len(content)-2], ", teams: [art]}\n"...)
	case "small": // of its addresses two are left
		content = bytes.Replace(content, []byte(".30]"), []byte(".2]"), 1)
	}
	if content != nil || w.files()[shardFile(name)] != nil {
		w.commit(a.String(), map[string][]byte{shardFile(name): content})
	}
}

// datastore name= how=gone|broken|well
func (w *world) editStore(a Act) {
	name := a.get("name", "sql-eu")
	content := storeDeclared(name)
	switch a.Args["how"] {
	case "gone":
		content = nil
	case "broken":
		content = []byte("kind: [\n")
	}
	if content != nil || w.files()[storeFile(name)] != nil {
		w.commit(a.String(), map[string][]byte{storeFile(name): content})
	}
}

const component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

// own tenant= how=fast|slow|refused|unknown|kind|gone: a tenant with a Component of its own.
func (w *world) own(a Act) {
	dir := "tenants/web/" + a.get("tenant", "own") + "/"
	patch := func(lines string) []byte {
		return []byte(component + "patches:\n- target: {kind: Deployment, name: control-plane}\n  patch: |\n    apiVersion: apps/v1\n" +
			"    kind: Deployment\n    metadata: {name: control-plane}\n    spec: {" + lines + "}\n")
	}
	name := a.get("tenant", "own")
	files := map[string][]byte{dir + "tenant.yaml": tenantDeclared(name, "open", "")}
	switch a.Args["how"] {
	case "slow":
		files[dir+"kustomization.yaml"] = patch("template: {spec: {nodeSelector: {disk: slow}}}")
	case "refused":
		files[dir+"kustomization.yaml"] = patch("replicas: 7")
	case "unknown":
		files[dir+"kustomization.yaml"] = []byte(component + "resources: [more.yaml]\n")
		files[dir+"more.yaml"] = []byte("kind: Unknown\n")
	case "kind":
		files[dir+"kustomization.yaml"] = []byte(component + "resources: [more.yaml]\n")
		files[dir+"more.yaml"] = fmt.Appendf(nil, "apiVersion: v1\nkind: LimitRange\nmetadata: {name: own, namespace: tenant-%s}\nspec: {limits: [{type: Container, max: {memory: 4Gi}}]}\n", name)
	case "gone":
		files = map[string][]byte{}
		for file := range w.files() {
			if strings.HasPrefix(file, dir) {
				files[file] = nil
			}
		}
		if len(files) == 0 {
			return
		}
	default:
		files[dir+"kustomization.yaml"] = patch("template: {spec: {nodeSelector: {disk: fast}}}")
	}
	w.commit(a.String(), files)
}
