package node

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// image is a repository whose pods run a binary of this machine.
type image struct{ repository, binary string }

type images []image

// program is what a container runs.
type program struct {
	// path of the binary; argv[0] is the name by which it is called.
	path string
	argv []string
	// builtin programs are this binary. They find names of Services by DNS, as do
	// the tools of it that scripts use.
	builtin, resolves bool
}

// errImage means that there is no such image, as opposed to no such program in it.
var errImage = errors.New("no such image")

// builtinPrograms are the programs in a repository's image; the first is its entry point.
func builtinPrograms(repository string) []string {
	switch repository {
	case "registry.k8s.io/kube-apiserver", "registry.k8s.io/kube-controller-manager", "registry.k8s.io/kube-scheduler", "registry.k8s.io/kubectl":
		return []string{repository[strings.LastIndex(repository, "/")+1:]}
	case "registry.k8s.io/etcd", "gcr.io/etcd-development/etcd", "quay.io/coreos/etcd":
		return []string{"etcd", "etcdctl"}
	}
	return nil
}

// hostImage tells the images that have this machine's programs, for experiments
// and scripts.
func hostImage(repository string) bool {
	return slices.Contains([]string{"busybox", "docker.io/busybox", "docker.io/library/busybox"}, repository)
}

// repository is an image reference without tag and digest.
func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		ref = ref[:i]
	}
	return ref
}

// program finds what runs for a container's image, command and arguments. Only
// what the real image has is found: control plane images have no shell.
func (is images) program(self, ref string, command, args []string) (program, error) {
	repo := repository(ref)
	argv := slices.Concat(command, args)
	for _, i := range is {
		if i.repository != repo {
			continue
		}
		name := repo[strings.LastIndex(repo, "/")+1:]
		if len(command) == 0 {
			return program{path: i.binary, argv: append([]string{name}, args...)}, nil
		}
		if filepath.Base(command[0]) == name {
			return program{path: i.binary, argv: argv}, nil
		}
		return program{}, notFound(ref, command[0])
	}
	if has := builtinPrograms(repo); has != nil {
		if len(command) == 0 {
			return program{path: self, argv: append([]string{has[0]}, args...), builtin: true, resolves: true}, nil
		}
		name := filepath.Base(command[0])
		if !slices.Contains(has, name) {
			return program{}, notFound(ref, command[0])
		}
		return program{path: self, argv: append([]string{name}, argv[1:]...), builtin: true, resolves: true}, nil
	}
	if hostImage(repo) {
		if len(argv) == 0 {
			argv = []string{"sh"}
		}
		path, err := exec.LookPath(argv[0])
		if err != nil {
			return program{}, notFound(ref, argv[0])
		}
		return program{path: path, argv: argv, resolves: true}, nil
	}
	return program{}, fmt.Errorf("%w: %s: no binary is known for %s; give devcluster up --image %s=BINARY", errImage, ref, repo, repo)
}

func notFound(ref, command string) error {
	return fmt.Errorf("exec %q: executable file not found in image %s", command, ref)
}
