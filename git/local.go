package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	format "github.com/go-git/go-git/v5/plumbing/format/config"
)

// local is a repository on this machine, opened in place: no mirror, and no git
// binary. Objects are added as Git adds them, branches moved under Git's own locks.
type local struct {
	dir     string
	store   *store
	checked string // the branch checked out in its work tree; empty for a bare one
}

func openLocal(path string) (*local, error) {
	dir, bare, err := gitDir(path)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	l := &local{dir: dir, store: newStore(dir)}
	if !bare {
		head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
		if err != nil {
			return nil, err
		}
		l.checked = strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(string(head), "ref:")), branchRef(""))
	}
	return l, nil
}

func gitDir(path string) (dir string, bare bool, err error) {
	for _, try := range []struct {
		dir  string
		bare bool
	}{{path, true}, {filepath.Join(path, ".git"), false}} {
		_, noHead := os.Stat(filepath.Join(try.dir, "HEAD"))
		objects, noObjects := os.Stat(filepath.Join(try.dir, "objects"))
		if noHead == nil && noObjects == nil && objects.IsDir() {
			return try.dir, try.bare, nil
		}
	}
	if info, err := os.Stat(filepath.Join(path, ".git")); err == nil && !info.IsDir() {
		return "", false, fmt.Errorf("%w: it is a linked work tree or a submodule; give the path of the repository itself", errUnsupported)
	}
	return "", false, errors.New("not a Git repository")
}

// checkFormat refuses what go-git would read wrongly.
func checkFormat(dir string) error {
	f, err := os.Open(filepath.Join(dir, "config"))
	if err != nil {
		return err
	}
	defer discard(f)
	cfg := format.New()
	if err := format.NewDecoder(f).Decode(cfg); err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	extensions := cfg.Section("extensions")
	if v := extensions.Option("objectformat"); v != "" && !strings.EqualFold(v, "sha1") {
		return unsupportedFormat(v)
	}
	if v := extensions.Option("refstorage"); v != "" && !strings.EqualFold(v, "files") {
		return fmt.Errorf("%w: it stores references as %s, and only files are supported", errUnsupported, v)
	}
	if extensions.Option("partialclone") != "" {
		return fmt.Errorf("%w: it is a partial clone, which lacks objects", errUnsupported)
	}
	return nil
}

func (l *local) close() error { return nil }

func (l *local) fetch(_ context.Context, branches []string, _ error) (map[string]Hash, fetched, error) {
	if _, err := os.Stat(filepath.Join(l.dir, "HEAD")); err != nil {
		return nil, fetched{}, fmt.Errorf("%w: %s", ErrUnreachable, err.Error())
	}
	tips := map[string]Hash{}
	for _, b := range branches {
		tip, err := readRef(l.dir, branchRef(b))
		if err != nil {
			return nil, fetched{}, fmt.Errorf("%w: branch %s: %s", ErrUnreadable, b, err.Error())
		}
		if tip == "" {
			continue
		}
		if _, err := l.store.read(tip); err != nil {
			return nil, fetched{}, fmt.Errorf("%w: branch %s: %s", ErrUnreadable, b, err.Error())
		}
		tips[b] = tip
	}
	return tips, fetched{}, nil
}

func (l *local) look(_ context.Context, branch string) (Hash, sender, error) {
	ref := branchRef(branch)
	tip, err := readRef(l.dir, ref)
	if err != nil {
		return "", nil, fmt.Errorf("%w: branch %s: %w", ErrUnreachable, branch, err)
	}
	return tip, func(ctx context.Context, old Hash, b *built) error {
		return l.send(ctx, branch, ref, old, b)
	}, nil
}

func (l *local) send(ctx context.Context, branch, ref string, old Hash, b *built) error {
	if branch == l.checked {
		return fmt.Errorf("%w: %s is checked out in that repository's work tree; push to a bare repository", ErrRejected, branch)
	}
	if hook := l.guard(); hook != "" {
		return fmt.Errorf("%w: the repository has a %s hook, which would not run; serve it over HTTP instead", ErrRejected, hook)
	}
	if err := l.write(b); err != nil {
		return fmt.Errorf("%w: write objects: %w", ErrRejected, err)
	}
	err := swapRef(ctx, l.dir, ref, old, b.commit)
	var moved *movedError
	switch {
	case err == nil:
		l.log(ref, old, b)
		return nil
	case errors.As(err, &moved), ctx.Err() != nil:
		return err
	}
	return fmt.Errorf("%w: %w", ErrRejected, err)
}

// guard names a hook that decides about pushes. Going around it would break a rule
// that somebody made.
func (l *local) guard() string {
	for _, hook := range []string{"pre-receive", "update", "reference-transaction"} {
		if info, err := os.Stat(filepath.Join(l.dir, "hooks", hook)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return hook
		}
	}
	return ""
}

// write adds objects, many of them as a pack, as Git's receive-pack does.
func (l *local) write(b *built) error {
	const unpackLimit = 100
	dir := filepath.Join(l.dir, "objects")
	if len(b.objects) < unpackLimit {
		return writeLoose(dir, b.objects)
	}
	p, err := b.pack()
	if err == nil {
		_, err = p.writeTo(dir, durable)
	}
	return err
}

// log continues the branch's reflog where there is one. The push itself has
// happened, so that nothing here can make it fail.
func (l *local) log(ref string, old Hash, b *built) {
	f, err := os.OpenFile(filepath.Join(l.dir, "logs", filepath.FromSlash(ref)), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer discard(f)
	var who string
	for _, o := range b.objects {
		if o.hash == b.commit {
			_, rest, _ := strings.Cut(string(o.data), "\ncommitter ")
			who, _, _ = strings.Cut(rest, "\n")
		}
	}
	_, _ = fmt.Fprintf(f, "%s %s %s\tpush\n", old.wire(), b.commit.wire(), who)
}

func (l *local) keep(_ string, _ Hash, b *built) error {
	l.store.remember(b.objects)
	return nil
}
