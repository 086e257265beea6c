package watch

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options of Watch.
type Options struct {
	// Interval between two looks; default one minute.
	Interval time.Duration
	// Jitter is the part of the interval by which it varies, up and down, so that
	// many replicas do not ask at the same moment; 0 is a tenth, negative none.
	Jitter float64
	// Path of a local repository whose references are watched as well; empty for
	// a remote one.
	Path string
	// Settle is how long a local repository has to be quiet before it is looked
	// at: a push touches several files. Default 20 ms.
	Settle time.Duration
}

func (o Options) withDefaults() Options {
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Jitter == 0 {
		o.Jitter = 0.1
	}
	if o.Settle <= 0 {
		o.Settle = 20 * time.Millisecond
	}
	return o
}

// Watch gives a channel that says "look now": at once, after every interval, and
// after changes of a local repository. It is closed when ctx ends. A local path
// that cannot be watched is no error: the interval remains.
func Watch(ctx context.Context, opts Options) <-chan struct{} {
	opts = opts.withDefaults()
	signals := make(chan struct{}, 1)
	signals <- struct{}{}
	changes, stop := watchRefs(opts.Path)
	go func() {
		defer close(signals)
		defer stop()
		loop(ctx, opts, changes, signals)
	}()
	return signals
}

// loop turns changes and passing time into signals, until ctx ends.
func loop(ctx context.Context, opts Options, changes <-chan struct{}, signals chan<- struct{}) {
	interval := time.NewTimer(Jitter(opts.Interval, opts.Jitter, rand.Float64()))
	defer interval.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				changes = nil
			} else if settled == nil { // the first change counts: endless ones must not delay for ever
				settled = time.After(opts.Settle)
			}
			continue
		case <-settled:
			settled = nil
		case <-interval.C:
		}
		interval.Reset(Jitter(opts.Interval, opts.Jitter, rand.Float64()))
		select {
		case signals <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// Jitter spreads d evenly over d·(1 ± part); random is from [0, 1).
func Jitter(d time.Duration, part, random float64) time.Duration {
	if part <= 0 {
		return d
	}
	return time.Duration(float64(d) * (1 + min(part, 1)*(2*random-1)))
}

// watchRefs reports changes of a local repository's references, many at once or
// one by one. Without a path, or when watching is impossible, nothing is reported.
func watchRefs(path string) (<-chan struct{}, func()) {
	none := func() {}
	if path == "" {
		return nil, none
	}
	if _, err := os.Stat(filepath.Join(path, "refs")); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(path, ".git")
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, none
	}
	if err := w.Add(path); err != nil { // packed-refs is replaced by renaming, so its folder is watched
		_ = w.Close()
		return nil, none
	}
	refs := filepath.Join(path, "refs")
	addFolders(w, refs)
	changes := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(changes)
		follow(w, path, refs, changes)
	}()
	return changes, func() {
		_ = w.Close()
		<-ended
	}
}

func follow(w *fsnotify.Watcher, path, refs string, changes chan<- struct{}) {
	for {
		select {
		case e, open := <-w.Events:
			if !open {
				return
			}
			if e.Has(fsnotify.Create) && strings.HasPrefix(e.Name, refs) {
				addFolders(w, e.Name) // a branch a/b makes the folder a
			}
			if !matters(path, e.Name) {
				continue
			}
		case _, open := <-w.Errors: // an overflow: something happened
			if !open {
				return
			}
		}
		select {
		case changes <- struct{}{}:
		default:
		}
	}
}

// matters leaves out lock files, objects and what else lies in a repository.
func matters(root, name string) bool {
	if strings.HasSuffix(name, ".lock") {
		return false
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return true
	}
	rel = filepath.ToSlash(rel)
	return rel == "packed-refs" || rel == "refs" || strings.HasPrefix(rel, "refs/")
}

func addFolders(w *fsnotify.Watcher, root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if d.IsDir() {
			_ = w.Add(path) // what cannot be watched is polled
		}
		return nil
	})
}
