package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// References are read and written as Git does it, so that other Git processes may
// work on the same repository at the same time:
//
//	take refs/heads/x.lock (it must not exist) → read the value again
//	→ compare → write and sync the lock file → rename it over refs/heads/x
//
// Nobody else changes, packs or deletes the reference while the lock is there.

// errTornRef: a reference's file is empty or holds no hash.
var errTornRef = errors.New("reference is torn")

// movedError tells that a reference was elsewhere than expected.
type movedError struct{ tip Hash }

func (e *movedError) Error() string { return "it is at " + e.tip.wire() }

// readRef gives a reference's value; empty is absent.
func readRef(dir, name string) (Hash, error) {
	for range 5 {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if notAFile(err) {
			return readPackedRef(dir, name)
		}
		if err != nil {
			return "", err
		}
		value := strings.TrimSpace(string(text))
		if target, symbolic := strings.CutPrefix(value, "ref:"); symbolic {
			name = strings.TrimSpace(target)
			if !strings.HasPrefix(name, "refs/") || !fs.ValidPath(name) {
				return "", fmt.Errorf("%w: it points to %q", errTornRef, name)
			}
			continue
		}
		if h := Hash(value); h.valid() {
			return h, nil
		}
		return "", fmt.Errorf("read %s: %w", name, errTornRef)
	}
	return "", fmt.Errorf("read %s: symbolic references too deep", name)
}

// notAFile: nothing is there, or a folder of other references' files.
func notAFile(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	return isDirectoryError(err)
}

func readPackedRef(dir, name string) (Hash, error) {
	value := Hash("")
	err := eachPackedRef(dir, func(ref string, h Hash) {
		if ref == name {
			value = h
		}
	})
	return value, err
}

func eachPackedRef(dir string, do func(name string, h Hash)) error {
	f, err := os.Open(filepath.Join(dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer discard(f)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "^") {
			continue
		}
		value, name, found := strings.Cut(line, " ")
		if !found || !Hash(value).valid() {
			return fmt.Errorf("read packed-refs: %w: %q", errTornRef, line)
		}
		do(name, Hash(value))
	}
	return lines.Err()
}

// swapRef sets name from old (empty: absent) to tip, or says with a movedError
// where it is instead.
func swapRef(ctx context.Context, dir, name string, old, tip Hash) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	lock, err := lockRef(ctx, path+".lock")
	if err != nil {
		return err
	}
	held := true
	defer func() {
		_ = lock.Close()
		if held {
			_ = os.Remove(lock.Name())
		}
	}()
	if text, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(text), "ref:") {
		return fmt.Errorf("set %s: it is a symbolic reference", name)
	}
	at, err := readRef(dir, name)
	if err != nil {
		return err
	}
	if at != old {
		return &movedError{at}
	}
	if old == "" {
		if err := checkNoClash(dir, name); err != nil {
			return err
		}
		removeEmptyFolders(path)
	}
	if _, err := lock.WriteString(string(tip) + "\n"); err != nil {
		return err
	}
	if err := lock.Sync(); err != nil {
		return err
	}
	if err := os.Rename(lock.Name(), path); err != nil {
		return err
	}
	held = false
	return syncDir(filepath.Dir(path))
}

// lockRef takes a lock file. Git's own processes hold one for milliseconds, so it
// is worth waiting a little; a process that was killed leaves it behind for good.
func lockRef(ctx context.Context, path string) (*os.File, error) {
	const patience = time.Second
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, fs.ErrNotExist): // Git removed the empty folder meanwhile
		case !errors.Is(err, fs.ErrExist):
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("lock %s: another process holds it for more than %s; if no git process runs there, remove the file", path, patience)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// checkNoClash refuses a branch a when a/b exists among the packed references, and
// the other way round; loose ones collide in the file system by themselves.
func checkNoClash(dir, name string) error {
	clash := ""
	err := eachPackedRef(dir, func(ref string, _ Hash) {
		if strings.HasPrefix(ref, name+"/") || strings.HasPrefix(name, ref+"/") {
			clash = ref
		}
	})
	if err == nil && clash != "" {
		err = fmt.Errorf("set %s: %s exists", name, clash)
	}
	return err
}

// removeEmptyFolders clears what deleted branches below path left behind.
func removeEmptyFolders(path string) {
	var dirs []string
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if d.IsDir() {
			dirs = append(dirs, p)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // refuses what is not empty
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkBranch refuses names that Git would refuse, or read differently.
func checkBranch(name string) error {
	bad := name == "" || strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") ||
		strings.Contains(name, "@{") || name == "@" || strings.ContainsAny(name, " ~^:?*[\\\x7f")
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	for _, c := range []byte(name) {
		bad = bad || c < ' '
	}
	if bad {
		return fmt.Errorf("branch %q: not a valid name", name)
	}
	return nil
}
