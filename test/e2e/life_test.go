package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/test/kamaji"
)

// moments are what every provider's control planes live through, in this order.
var moments = []string{"pending", "newborn", "starting", "ready", "failing", "mended", "upgrading", "upgraded", "rotated", "asleep", "awake"}

// script is what a provider's controllers write in each moment, as their sources and
// documentation say, and what is to be told then: testdata/lives/<provider>.yaml. In its
// texts $(tenant), $(store), $(shard) stand for what they name, in moments $(address), too,
// and in what is played $(generation).
type script struct {
	// Class is the spec of the class; Upgrade is the version that comes after its own.
	Class   map[string]any `json:"class"`
	Upgrade string         `json:"upgrade"`
	// Folder is that of a provider of the fleet's own. Files are declared beside it. Secrets are what the shard has: namespace/name to keys.
	Folder  string                       `json:"folder"`
	Files   map[string]string            `json:"files"`
	Secrets map[string]map[string]string `json:"secrets"`
	// Objects are what the provider renders for a tenant, the main one first, as
	// resource.version.group/name, where the name may be the tenant's; their controllers
	// keep them by a finalizer.
	Objects []string `json:"objects"`
	// Kubeconfig is the Secret that a controller makes; none where it is derived.
	Kubeconfig *struct{ Secret, Key string } `json:"kubeconfig"`
	Moments    map[string]moment             `json:"moments"`
}

// moment is one of a control plane's life.
type moment struct {
	Why string `json:"why"`
	// Passing: it comes and goes by itself. It counts if it was told at any time since
	// the moment before.
	Passing bool `json:"passing"`
	// Until is what has to stand in the main object, all at once, before anything is removed
	// or played; null is what does not.
	Until map[string]any `json:"until"`
	// Commit declares files; Remove takes an object away, as resource.version.group/name.
	Commit map[string]string `json:"commit"`
	Remove string            `json:"remove"`
	Play   []play            `json:"play"`
	Want   struct {
		Phase, Reason, Version, Endpoint string
		Kubeconfig                       bool
	} `json:"want"`
}

// play is what a controller writes into one object.
type play struct {
	// Object is resource.version.group/name, where the name may be the tenant's. What is
	// not in the tenant's namespace says so.
	Object  string         `json:"object"`
	Cluster bool           `json:"cluster"`
	Spec    map[string]any `json:"spec"`
	Status  map[string]any `json:"status"`
}

func readScript(t *testing.T, provider string) *script {
	t.Helper()
	data, err := os.ReadFile("testdata/lives/" + provider + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var s script
	if err := yaml.UnmarshalStrict(data, &s); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Moments)) {
		if !slices.Contains(moments, name) {
			t.Errorf("there is no moment %s", name)
		}
	}
	for _, name := range moments {
		if s.Moments[name].Want.Phase == "" {
			t.Errorf("it is not said what is to be told when it is %s", name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return &s
}

// conformity is one tenant that lives through a provider's script.
type conformity struct {
	*fleet
	*script
	shard  *shard
	tenant string
	words  map[string]string
	// uid is the main object's: it is never made anew.
	uid types.UID
	// told is the status branch's tip when the moment before was told.
	told string
	// confs are the kubeconfigs that there are one after the other.
	confs [][]byte
}

func conform(t *testing.T, s *shard, provider string) {
	t.Helper()
	life := readScript(t, provider)
	name := "conform-" + provider
	c := &conformity{fleet: newFleet(t, provider, s), script: life, shard: s, tenant: name, words: map[string]string{
		"$(tenant)": name, "$(shard)": s.name, "$(store)": s.name + "-" + provider,
	}}
	c.patience = 90 * time.Second
	for range 2 {
		conf, err := kamaji.Kubeconfig()
		if err != nil {
			t.Fatal(err)
		}
		c.confs = append(c.confs, conf)
	}
	spec, err := json.Marshal(life.Class)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"classes/conform/class.yaml": `{"apiVersion": "tenantry.io/v1alpha1", "kind": "ControlPlaneClass", "metadata": {"name": "conform"}, "spec": ` + string(spec) + "}\n",
	}
	if life.Folder != "" {
		for path, content := range filesOf(t, life.Folder) {
			files["providers/"+provider+"/"+path] = content
		}
	}
	for path, content := range life.Files {
		files[c.say(path)] = c.say(content)
	}
	path, content := tenant(name)
	files[path] = strings.Replace(content, "class: standard", "class: conform", 1)
	c.MustCommit(declared, files)
	daemon := c.start()
	for _, name := range []string{"pending", "newborn", "starting", "ready", "failing", "mended"} {
		c.live(name)
		if name == "pending" {
			c.provide(t)
		}
	}
	path, content = tenant(name, "version: "+life.Upgrade)
	c.MustCommit(declared, map[string]string{path: strings.Replace(content, "class: standard", "class: conform", 1)})
	c.live("upgrading")
	c.live("upgraded")
	c.confs = c.confs[1:]
	c.live("rotated")
	c.deletion("retention: 1h, allowLast: true")
	c.MustCommit(declared, map[string]string{path: ""})
	c.live("asleep")
	c.revert()
	c.live("awake")
	c.deletion("retention: 1s, allowLast: true")
	c.MustCommit(declared, map[string]string{path: ""})
	c.eventually("it is purged", func() error { return errors.Join(c.letGo(), c.lifecycle(c.tenant, "Purged")) })
	if err := s.absent("Namespace", "tenant-"+c.tenant); err != nil {
		t.Error(err)
	}
	daemon.stop(t)
}

// say puts in what words stand for.
func (c *conformity) say(text string) string {
	for word, is := range c.words {
		text = strings.ReplaceAll(text, word, is)
	}
	return text
}

// provide puts the Secrets there that the shard is to have.
func (c *conformity) provide(t *testing.T) {
	t.Helper()
	for name, data := range c.Secrets {
		content := map[string]any{}
		for k, v := range data {
			content[k] = v
		}
		namespace, name := split(c.say(name))
		c.put(namespace, name, content)
		t.Cleanup(func() { c.shard.delete(t, "Secret", namespace+"/"+name) })
	}
}

// put writes a Secret.
func (c *conformity) put(namespace, name string, data map[string]any) {
	c.t.Helper()
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}, "stringData": data,
	}}
	_, err := c.shard.client.Resource(resource("Secret")).Namespace(namespace).Apply(c.t.Context(), name, secret, metav1.ApplyOptions{FieldManager: "controller", Force: true})
	if err != nil {
		c.t.Fatal(err)
	}
}

// live plays a moment, and wants what is told of it.
func (c *conformity) live(name string) {
	c.t.Helper()
	m := c.Moments[name]
	what := c.tenant + " is " + name
	before, _ := c.status(c.tenant) // there is none in the beginning
	if e, err := c.entry(c.tenant); err == nil {
		c.words["$(address)"] = e.Placement.Address
	}
	if len(m.Commit) > 0 {
		c.MustCommit(declared, m.Commit)
	}
	c.eventually(what+": what has to stand is written", func() error {
		for path, want := range m.Until {
			o, err := c.main()
			if err != nil {
				return err
			}
			if got := field(o, strings.Split(path, ".")...); fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("%s is %v, want %v", path, got, want)
			}
		}
		return nil
	})
	if m.Remove != "" {
		to, called := c.of(m.Remove, false)
		if err := to.Delete(c.t.Context(), called, metav1.DeleteOptions{}); err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
	}
	made := m.Want.Kubeconfig && c.Kubeconfig != nil
	first := made && before.Kubeconfig == nil
	if made { // controllers write it first, and say so then
		c.make(!first)
	}
	for _, p := range m.Play {
		c.play(what, p)
	}
	if first {
		c.lack(what)
		c.make(true)
	}
	generation := c.generation(what)
	c.eventually(what, func() error {
		commits, err := c.since(c.told)
		if !m.Passing {
			commits = commits[max(len(commits)-1, 0):]
		}
		for _, commit := range commits {
			var st status
			if err = c.readAt(commit, "status", c.tenant, &st); err == nil {
				err = c.judge(&m, st, name == "rotated", before)
			}
			if err == nil {
				c.told = commit
				return nil
			}
		}
		return err
	})
	if now := c.generation(what); len(m.Play) > 0 && now != generation {
		c.t.Errorf("%s: the daemon has written into what its controllers wrote: generation %d, then %d", what, generation, now)
	}
	if m.Want.Phase == "Ready" {
		c.fetch(what, m.Want.Kubeconfig)
	}
}

// since are the commits on the status branch from one on, oldest first; there is one at
// least.
func (c *conformity) since(commit string) ([]string, error) {
	args := []string{"rev-list", "--reverse", observed}
	if commit != "" {
		args = append(args, "^"+commit)
	}
	out, err := c.Git(args...)
	commits := strings.Fields(out)
	if commit != "" {
		commits = slices.Insert(commits, 0, commit)
	}
	if err == nil && len(commits) == 0 {
		err = errors.New("there is no status yet")
	}
	return commits, err
}

// judge compares what a status says with what is wanted of it.
func (c *conformity) judge(m *moment, st status, rotated bool, before status) error {
	ready := st.because("Ready")
	switch {
	case st.Phase != m.Want.Phase, !strings.Contains(fmt.Sprintf("%+v", st.Conditions), "Reason:"+m.Want.Reason),
		m.Want.Version != "" && st.Version != m.Want.Version,
		m.Want.Endpoint != "" && st.Endpoint != c.say(m.Want.Endpoint),
		!m.Passing && m.Want.Kubeconfig != (st.Kubeconfig != nil):
		return fmt.Errorf("it is %s (%s), version %s, endpoint %s, kubeconfig %v; want %+v", st.Phase, ready, st.Version, st.Endpoint, st.Kubeconfig, m.Want)
	case c.Kubeconfig != nil && st.Kubeconfig != nil && st.Kubeconfig.Fingerprint != fingerprint(c.t, c.confs[0]):
		return errors.New("it names another kubeconfig than there is")
	case rotated && m.Want.Kubeconfig && st.Kubeconfig.Fingerprint == before.Kubeconfig.Fingerprint:
		return errors.New("the kubeconfig is still the old one")
	}
	return nil
}

// main reads the main object.
func (c *conformity) main() (*unstructured.Unstructured, error) {
	to, name := c.of(c.Objects[0], false)
	return to.Get(c.t.Context(), name, metav1.GetOptions{})
}

// generation is that of the main object, 0 while there is none. It is one and the same
// object from its birth on.
func (c *conformity) generation(what string) int64 {
	c.t.Helper()
	o, err := c.main()
	if apierrors.IsNotFound(err) {
		return 0
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if c.uid == "" {
		c.uid = o.GetUID()
	}
	if o.GetUID() != c.uid {
		c.t.Fatalf("%s: the main object was made anew", what)
	}
	return o.GetGeneration()
}

// of reaches a resource, in the tenant's namespace or the cluster, and says which name an
// object of it has.
func (c *conformity) of(object string, whole bool) (to dynamic.ResourceInterface, name string) {
	c.t.Helper()
	object, name, named := strings.Cut(object, "/")
	if name = c.say(name); !named {
		name = c.tenant
	}
	gvr, _ := schema.ParseResourceArg(object)
	if gvr == nil {
		c.t.Fatalf("%s: want resource.version.group", object)
	}
	if whole {
		return c.shard.client.Resource(*gvr), name
	}
	return c.shard.client.Resource(*gvr).Namespace("tenant-" + c.tenant), name
}

// asks is the finalizer by which played controllers keep objects.
const asks = "played.example.com/finalizer"

// play has a controller write: an Update into metadata and spec, a patch of the status.
func (c *conformity) play(what string, p play) {
	c.t.Helper()
	to, name := c.of(p.Object, p.Cluster)
	c.eventually(what+": "+p.Object+" "+name+" can be written", func() error {
		o, err := to.Get(c.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !p.Cluster {
			o.SetFinalizers([]string{asks})
		}
		for path, value := range p.Spec {
			if text, ok := value.(string); ok {
				value = c.say(text)
			}
			if err := unstructured.SetNestedField(o.Object, value, append([]string{"spec"}, strings.Split(path, ".")...)...); err != nil {
				return err
			}
		}
		if o, err = to.Update(c.t.Context(), o, metav1.UpdateOptions{FieldManager: "controller"}); err != nil {
			return err
		}
		status, err := json.Marshal(map[string]any{"status": p.Status})
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(c.say(string(status)), `"$(generation)"`, fmt.Sprint(o.GetGeneration()))
		_, err = to.Patch(c.t.Context(), name, types.MergePatchType, []byte(text), metav1.PatchOptions{FieldManager: "controller"}, "status")
		return err
	})
}

// letGo has played controllers let objects go that are being deleted.
func (c *conformity) letGo() error {
	for _, object := range c.Objects {
		to, _ := c.of(object, false)
		list, err := to.List(c.t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, o := range list.Items {
			if o.GetDeletionTimestamp() == nil || !slices.Contains(o.GetFinalizers(), asks) {
				continue
			}
			free := []byte(`{"metadata":{"finalizers":null}}`)
			_, err := to.Patch(c.t.Context(), o.GetName(), types.MergePatchType, free, metav1.PatchOptions{FieldManager: "controller"})
			if err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	}
	return nil
}
