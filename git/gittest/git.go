package gittest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Repo is a bare repository on this machine, worked on by the installed git.
type Repo struct {
	// Dir is the repository's folder.
	Dir string
	// Author stands in commits, as "Name <mail>".
	Author string
}

// Init makes an empty bare repository that accepts pushes over HTTP. Arguments are
// those of `git init`.
func Init(dir string, args ...string) (*Repo, error) {
	r := &Repo{Dir: dir, Author: "A Person <person@example.org>"}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := r.Git(append([]string{"init", "-q", "--bare", "--initial-branch=main"}, args...)...); err != nil {
		return nil, err
	}
	_, err := r.Git("config", "http.receivepack", "true")
	return r, err
}

// Git runs git in the repository and gives what it printed.
func (r *Repo) Git(args ...string) (string, error) { return r.Pipe(nil, args...) }

// Pipe runs git with something to read.
func (r *Repo) Pipe(in []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, cleanEnv(), bytes.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// cleanEnv keeps the person's own configuration out of it.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return append(env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=A Person", "GIT_AUTHOR_EMAIL=person@example.org",
		"GIT_COMMITTER_NAME=A Person", "GIT_COMMITTER_EMAIL=person@example.org")
}

// Entry is what a commit puts at a path; the zero value removes it.
type Entry struct {
	// Mode is Git's: 100644, 100755, 120000 (symbolic link) or 160000 (submodule).
	Mode string
	// Data is the content; of a submodule the commit's hash.
	Data string
}

// File is an ordinary file.
func File(data string) Entry { return Entry{"100644", data} }

// Commit commits files on top of a branch, which it makes if needed, and gives the
// new commit's hash. An empty content removes the path.
func (r *Repo) Commit(branch, message string, files map[string]string) (string, error) {
	entries := map[string]Entry{}
	for path, data := range files {
		entries[path] = Entry{}
		if data != "" {
			entries[path] = File(data)
		}
	}
	return r.CommitEntries(branch, message, entries)
}

// CommitEntries is Commit for entries of any mode.
func (r *Repo) CommitEntries(branch, message string, entries map[string]Entry) (string, error) {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter %s %d +0000\n%s", branch, r.Author, time.Now().Unix(), quote(message))
	if tip, err := r.Tip(branch); err != nil {
		return "", err
	} else if tip != "" {
		fmt.Fprintf(&in, "from %s\n", tip)
	}
	for path, e := range entries {
		switch e.Mode {
		case "":
			fmt.Fprintf(&in, "D %s\n", strconv.Quote(path))
		case "160000":
			fmt.Fprintf(&in, "M 160000 %s %s\n", e.Data, strconv.Quote(path))
		default:
			fmt.Fprintf(&in, "M %s inline %s\n%s", e.Mode, strconv.Quote(path), quote(e.Data))
		}
	}
	in.WriteString("done\n")
	if _, err := r.Pipe(in.Bytes(), "fast-import", "--quiet", "--done", "--date-format=raw"); err != nil {
		return "", err
	}
	return r.Tip(branch)
}

func quote(data string) string { return fmt.Sprintf("data %d\n%s\n", len(data), data) }

// Tip gives a branch's commit; empty when there is no such branch.
func (r *Repo) Tip(branch string) (string, error) {
	out, err := r.Git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/"+branch)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if hash, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == "refs/heads/"+branch {
			return hash, nil
		}
	}
	return "", nil
}

// SetBranch moves a branch anywhere, as a forced push does; empty deletes it.
func (r *Repo) SetBranch(branch, commit string) error {
	args := []string{"update-ref", "refs/heads/" + branch, commit}
	if commit == "" {
		args = []string{"update-ref", "-d", "refs/heads/" + branch}
	}
	_, err := r.Git(args...)
	return err
}

// Files gives the regular files of a branch, by path.
func (r *Repo) Files(branch string) (map[string]string, error) {
	list, err := r.Git("ls-tree", "-r", "-z", "refs/heads/"+branch)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	var paths []string
	var ask bytes.Buffer
	for item := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		meta, path, found := strings.Cut(item, "\t")
		if fields := strings.Fields(meta); found && fields[1] == "blob" {
			paths = append(paths, path)
			fmt.Fprintln(&ask, fields[2])
		}
	}
	out, err := r.Pipe(ask.Bytes(), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		head, rest, _ := strings.Cut(out, "\n")
		size, err := strconv.Atoi(head[strings.LastIndexByte(head, ' ')+1:])
		if err != nil || len(rest) < size+1 {
			return nil, fmt.Errorf("git cat-file: unexpected answer %q", head)
		}
		files[path], out = rest[:size], rest[size+1:]
	}
	return files, nil
}

// Log gives a branch's subjects, newest first.
func (r *Repo) Log(branch string) ([]string, error) {
	out, err := r.Git("log", "--format=%s", "refs/heads/"+branch)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(out), "\n"), nil
}

// Refuse has every push refused by a hook that says message; empty ends that.
func (r *Repo) Refuse(message string) error {
	hook := filepath.Join(r.Dir, "hooks", "pre-receive")
	if message == "" {
		return os.RemoveAll(hook)
	}
	return r.Hook("pre-receive", "echo '"+strings.ReplaceAll(message, "'", `'\''`)+"' >&2\nexit 1\n")
}

// Hook installs a shell script as a hook.
func (r *Repo) Hook(name, script string) error {
	dir := filepath.Join(r.Dir, "hooks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
