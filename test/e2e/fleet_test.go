package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/git/gittest"
)

// Branches of a fleet.
const (
	declared = "main"
	decided  = "tenantry-ledger"
	observed = "tenantry-status"
)

// fleet is a repository of its own, served over HTTP, with what belongs to it.
type fleet struct {
	*gittest.Fixture
	t           *testing.T
	program     string
	kubeconfigs string // folder
	cache       string // folder
	patience    time.Duration
	daemon      *daemon // the newest
}

// newFleet serves a repository that declares the shards, a datastore on each
// (<shard>-<suffix>) and a class. Nothing else has names with this suffix.
func newFleet(t *testing.T, suffix string, shards ...*shard) *fleet {
	t.Helper()
	program, err := suite.program()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{
		Fixture: gittest.New(t, gittest.Options{}), t: t, program: program,
		kubeconfigs: t.TempDir(), cache: t.TempDir(), patience: 3 * time.Minute,
	}
	files := map[string]string{
		"fleet.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n",
		"classes/standard/class.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: standard}\n" +
			"spec: {provider: native, version: v1.36.3}\n",
	}
	for _, s := range shards {
		files["shards/"+s.name+".yaml"] = fmt.Sprintf(
			"apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: %s}\nspec: {addressPool: [%s]}\n", s.name, s.pool)
		store := s.name + "-" + suffix
		files["datastores/"+store+".yaml"] = fmt.Sprintf(
			"apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: %s}\n"+
				"spec: {driver: etcd, shards: [%s], managed: {replicas: 1, storage: 100Mi}}\n", store, s.name)
		f.know(s.name, s.kubeconfig)
	}
	f.MustCommit(declared, files)
	return f
}

// know gives the daemon a shard's kubeconfig.
func (f *fleet) know(shard, kubeconfig string) {
	f.t.Helper()
	content, err := os.ReadFile(kubeconfig)
	if err == nil {
		err = os.WriteFile(filepath.Join(f.kubeconfigs, shard+".kubeconfig"), content, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// tenant is a declaration; lines of spec are added to the class.
func tenant(name string, spec ...string) (path, content string) {
	return "tenants/team/" + name + "/tenant.yaml", fmt.Sprintf(
		"apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: %s\nspec:\n  class: standard\n%s",
		name, strings.Join(append([]string{}, indent(spec)...), ""))
}

func indent(lines []string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, "  "+l+"\n")
	}
	return out
}

// declare commits tenants as the class says.
func (f *fleet) declare(names ...string) string {
	f.t.Helper()
	files := map[string]string{}
	for _, n := range names {
		path, content := tenant(n)
		files[path] = content
	}
	return f.MustCommit(declared, files)
}

// withdraw commits that tenants are gone.
func (f *fleet) withdraw(names ...string) string {
	f.t.Helper()
	files := map[string]string{}
	for _, n := range names {
		path, _ := tenant(n)
		files[path] = ""
	}
	return f.MustCommit(declared, files)
}

// deletion commits fleet.yaml with rules about removals.
func (f *fleet) deletion(rules string) string {
	f.t.Helper()
	return f.MustCommit(declared, map[string]string{
		"fleet.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {" + rules + "}}\n",
	})
}

// revert undoes the newest commit, as git revert does.
func (f *fleet) revert() string {
	f.t.Helper()
	tree := strings.TrimSpace(f.MustGit("rev-parse", declared+"~1^{tree}"))
	commit := strings.TrimSpace(f.MustGit("commit-tree", tree, "-p", f.MustTip(declared), "-m", "Revert"))
	if err := f.SetBranch(declared, commit); err != nil {
		f.t.Fatal(err)
	}
	return commit
}

// entry is a tenant's file on the ledger branch.
type entry struct {
	Name, UID, Source string
	Placement         struct{ Shard, DataStore, Address string }
	Epoch             int64
	Lifecycle         string
	Held              *struct{ Commit, Tree, Reason string }
	Adopted           *struct{ Objects map[string]string }
	Tombstone         *struct {
		Since, PurgeAfter time.Time
		Commit, Tree      string
		Declaration       string
		PurgedAt          *time.Time
	}
}

// status is a tenant's file on the status branch.
type status struct {
	Name, UID, Source, Shard, DataStore, Phase, Version, Endpoint, Digest string
	Epoch                                                                 int64
	PurgeAfter                                                            *time.Time
	Kubeconfig                                                            *struct {
		Shard, Namespace, Secret, Key, Fingerprint string
		NotAfter                                   time.Time
	}
	Conditions []struct{ Type, Status, Reason, Message string }
}

// because gives the reason and message of a condition.
func (s status) because(kind string) string {
	for _, c := range s.Conditions {
		if c.Type == kind {
			return c.Status + " " + c.Reason + ": " + c.Message
		}
	}
	return ""
}

// read reads the one file below a folder of a branch that is called name.yaml.
func (f *fleet) read(branch, folder, name string, into any) error {
	tip, err := f.Tip(branch)
	if err != nil || tip == "" {
		return errors.Join(err, fmt.Errorf("there is no branch %s", branch))
	}
	return f.readAt(tip, folder, name, into)
}

// readAt is read at a commit.
func (f *fleet) readAt(tip, folder, name string, into any) error {
	list, err := f.Git("ls-tree", "-r", "--name-only", tip, folder+"/")
	if err != nil {
		return err
	}
	for path := range strings.Lines(list) {
		path = strings.TrimSpace(path)
		if filepath.Base(path) != name+".yaml" {
			continue
		}
		content, err := f.Git("cat-file", "blob", tip+":"+path)
		if err != nil {
			return err
		}
		return yaml.Unmarshal([]byte(content), into)
	}
	return fmt.Errorf("commit %s has no file of %s", tip, name)
}

// entry reads what the ledger says of a tenant.
func (f *fleet) entry(name string) (entry, error) {
	var e entry
	return e, f.read(decided, "tenants", name, &e)
}

// mustEntry is entry for one that has to be there.
func (f *fleet) mustEntry(name string) entry {
	f.t.Helper()
	e, err := f.entry(name)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

// status reads what the status branch says of a tenant.
func (f *fleet) status(name string) (status, error) {
	var s status
	return s, f.read(observed, "status", name, &s)
}

// placings counts the ledger's commits that brought a tenant in.
func (f *fleet) placings(name string) int {
	f.t.Helper()
	out := f.MustGit("log", "--diff-filter=A", "--format=%H", decided, "--", ":(glob)tenants/*/"+name+".yaml")
	return len(strings.Fields(out))
}

// eventually waits until do gives no error, and fails the test when it never does.
func (f *fleet) eventually(what string, do func() error) {
	f.t.Helper()
	end := time.Now().Add(f.patience)
	for {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			log := ""
			if f.daemon != nil {
				log = "\nthe daemon's log:\n" + f.daemon.log.tail()
			}
			f.t.Fatalf("%s: not so after %v: %v%s", what, f.patience, err, log)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// reach waits until tenants are in a phase.
func (f *fleet) reach(phase string, names ...string) {
	f.t.Helper()
	for _, name := range names {
		f.eventually(name+" is "+phase, func() error {
			s, err := f.status(name)
			if err == nil && s.Phase != phase {
				err = fmt.Errorf("it is %s, conditions %+v", s.Phase, s.Conditions)
			}
			return err
		})
	}
}

// settled waits until the shards' statuses say that a declared commit is done.
func (f *fleet) settled(commit string, shards ...*shard) {
	f.t.Helper()
	for _, s := range shards {
		f.eventually("shard "+s.name+" has come to "+commit, func() error {
			content, err := f.Git("cat-file", "blob", observed+":status/"+s.name+"/_shard.yaml")
			if err == nil && !strings.Contains(content, "commit: "+commit) {
				err = errors.New(content)
			}
			return err
		})
	}
}

// command runs the program until it ends.
func (f *fleet) command(args ...string) (stdout, stderr string, code int) {
	f.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(f.program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, environment()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		f.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// checkout writes the declared branch into a folder, as a person has it.
func (f *fleet) checkout() string {
	f.t.Helper()
	dir := f.t.TempDir()
	files := f.MustFiles(declared)
	for path := range maps.Keys(files) {
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(files[path]), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	return dir
}
