package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// extension marks our entries in a kubeconfig file and says whose they are.
const extension = "tenantry.io"

// merger puts one tenant's kubeconfig into a file that holds others too.
type merger struct {
	tenant, uid string
	overwrite   bool
}

// name is that of the context, the cluster and the user.
func (m merger) name() string { return "tenantry/" + m.tenant }

// into merges from into file and reports whether the file changed. It is
// written as a whole or not at all, for its owner only, and kubectl's lock is
// respected: another program that writes at the same time loses nothing.
func (m merger) into(file string, from *clientcmdapi.Config) (changed bool, err error) {
	// A link stays one: what it leads to is replaced.
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return false, err
	}
	unlock, err := lock(file)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	config, err := clientcmd.LoadFromFile(file)
	if errors.Is(err, os.ErrNotExist) {
		config, err = clientcmdapi.NewConfig(), nil
	}
	if err != nil {
		return false, err
	}
	before, err := clientcmd.Write(*config)
	if err != nil {
		return false, err
	}
	if err := m.merge(config, from); err != nil {
		return false, err
	}
	after, err := clientcmd.Write(*config)
	if err != nil {
		return false, err
	}
	if bytes.Equal(before, after) {
		return false, nil
	}
	return true, replace(file, after)
}

// merge changes config only. The current context stays, if there is one.
func (m merger) merge(config, from *clientcmdapi.Config) error {
	context := from.Contexts[from.CurrentContext]
	cluster, user := from.Clusters[context.Cluster].DeepCopy(), from.AuthInfos[context.AuthInfo].DeepCopy()
	context = context.DeepCopy()
	name := m.name()
	context.Cluster, context.AuthInfo = name, name

	if old := config.Contexts[name]; old != nil && !m.ours(old.Extensions) ||
		config.Clusters[name] != nil && !m.ours(config.Clusters[name].Extensions) ||
		config.AuthInfos[name] != nil && !m.ours(config.AuthInfos[name].Extensions) {
		if !m.overwrite {
			return hint(fmt.Errorf("there is another entry of the name %s", name),
				"it is another tenant's of that name, or not Tenantry's; --overwrite replaces it")
		}
	}
	mark, err := m.mark()
	if err != nil {
		return err
	}
	context.Extensions, cluster.Extensions, user.Extensions = mark, mark, mark
	config.Contexts[name], config.Clusters[name], config.AuthInfos[name] = context, cluster, user
	if config.CurrentContext == "" {
		config.CurrentContext = name
	}
	return nil
}

// owner is what the extension says.
type owner struct {
	Tenant string `json:"tenant"`
	UID    string `json:"uid"`
}

func (m merger) mark() (map[string]runtime.Object, error) {
	raw, err := json.Marshal(owner{m.tenant, m.uid})
	if err != nil {
		return nil, err
	}
	return map[string]runtime.Object{extension: &runtime.Unknown{Raw: raw, ContentType: runtime.ContentTypeJSON}}, nil
}

// ours tells whether an entry is this very tenant's: a name can be given again,
// a uid cannot.
func (m merger) ours(extensions map[string]runtime.Object) bool {
	unknown, ok := extensions[extension].(*runtime.Unknown)
	if !ok {
		return false
	}
	var o owner
	return json.Unmarshal(unknown.Raw, &o) == nil && o == owner{m.tenant, m.uid}
}

// lock takes the lock that kubectl takes when it writes a kubeconfig.
func lock(file string) (unlock func() error, err error) {
	path := file + ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, hint(fmt.Errorf("%s exists", path), "another program is writing the file; remove the lock if none is")
	}
	if err != nil {
		return nil, err
	}
	return func() error { return os.Remove(path) }, f.Close()
}

// replace writes file as a whole: whoever reads it sees the old or the new one.
func replace(file string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tenantry-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(content); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Sync(); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
