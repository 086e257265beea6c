package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"
)

// container is what the Dockerfile's last stage makes, in a folder.
type container struct {
	root, state, user string
	entry             []string
	env               []string
}

// unpack makes the image's folder as the Dockerfile says, with a program and roots of
// certificates for what its build would give. An instruction that it does not know
// fails the test.
func unpack(t *testing.T, program string, roots []byte) *container {
	t.Helper()
	c := &container{root: t.TempDir()}
	for _, line := range lastStage(t) {
		words := strings.Fields(line)
		copied := words[len(words)-1]
		switch words[0] {
		case "COPY":
			switch from := words[len(words)-2]; {
			case from == "/tenantry":
				c.mount(t, filepath.Dir(copied), program)
			case strings.HasSuffix(from, ".crt"):
				c.write(t, copied, string(roots))
			case from == "/state":
				c.state = copied
				c.make(t, copied)
			default:
				t.Fatalf("an instruction that this test does not know: %s", line)
			}
		case "USER":
			c.user, _, _ = strings.Cut(words[1], ":")
		case "ENV":
			c.env = append(c.env, words[1])
		case "ENTRYPOINT":
			if err := yaml.Unmarshal([]byte(strings.TrimPrefix(line, "ENTRYPOINT")), &c.entry); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("an instruction that this test does not know: %s", line)
		}
	}
	return c
}

// lastStage are the instructions after the last FROM, which is from scratch.
func lastStage(t *testing.T) []string {
	t.Helper()
	_, stage, found := strings.Cut(read(t, "../../Dockerfile"), "\nFROM scratch\n")
	if !found {
		t.Fatal("the Dockerfile has no stage from scratch")
	}
	var lines []string
	for line := range strings.Lines(stage) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (c *container) make(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (c *container) write(t *testing.T, path, content string) {
	t.Helper()
	c.make(t, filepath.Dir(path))
	if err := os.WriteFile(filepath.Join(c.root, path), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mount copies a file into a folder.
func (c *container) mount(t *testing.T, dir, file string) {
	t.Helper()
	c.write(t, filepath.Join(dir, filepath.Base(file)), read(t, file))
}

// seal makes everything executable that was the host's, and leaves the user one
// folder to write to.
func (c *container) seal(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(c.root, func(path string, entry os.DirEntry, err error) error {
		mode := os.FileMode(0o444)
		if err == nil && (entry.IsDir() || filepath.Base(path) == c.entry[0]) {
			mode = 0o555
		}
		return errors.Join(err, os.Chmod(path, mode))
	})
	state := filepath.Join(c.root, c.state)
	err = errors.Join(err, os.Chmod(state, 0o700))
	if id, e := strconv.Atoi(c.user); e != nil || os.Getuid() == 0 {
		err = errors.Join(err, e, os.Chown(state, id, id))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Or whoever is not root could not remove it.
		_ = filepath.WalkDir(c.root, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				err = os.Chmod(path, 0o755)
			}
			return err
		})
	})
}

// command runs the image's program as its user, the image's folder for root. Who is
// not root gets a user namespace, in which only this one user is.
func (c *container) command(args ...string) *exec.Cmd {
	id, _ := strconv.Atoi(c.user) // seal has looked
	// Found by the image's own path.
	path := ""
	for _, v := range c.env {
		if dir, ok := strings.CutPrefix(v, "PATH="); ok {
			path = filepath.Join(dir, c.entry[0])
		}
	}
	cmd := &exec.Cmd{Path: path, Args: append(slices.Clone(c.entry), args...), Dir: "/", Env: c.env}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Credential.NoSetGroups = true
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// says runs the program until it ends well, and looks for a text in what it printed.
func (c *container) says(t *testing.T, want string, args ...string) {
	t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%s: %v, want %q in\n%s", args, err, want, out)
	}
}
