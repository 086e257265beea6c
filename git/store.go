package git

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// store reads objects of one repository on disk through go-git, which is not safe
// for several goroutines, not even for reading: the mutex is the only door.
type store struct {
	mu  sync.Mutex
	dir string
	lru cache.Object
	st  *filesystem.Storage
	// fresh and older are objects that were pushed from here lately: reading them needs
	// none of the indexes on disk, which grow with history and are read whole.
	fresh, older map[Hash]object
	size         int // of fresh
	// closed: reading has ended for good.
	closed bool
}

// errClosed: the Repository was closed.
var errClosed = errors.New("repository is closed")

// errMissing: the repository holds no such object.
var errMissing = errors.New("object not found")

const objectCacheSize = 32 * cache.MiByte

func newStore(dir string) *store {
	return &store{dir: dir, lru: cache.NewObjectLRU(objectCacheSize)}
}

// reload makes objects visible that came in behind go-git's back.
func (s *store) reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

// end lets nothing be read any more.
func (s *store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	s.closed = true
}

// swap exchanges the repository on disk by do; nothing is read meanwhile.
func (s *store) swap(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	return do()
}

// quiet has nothing read while do adds packs: go-git finds one without its index to be
// damage.
func (s *store) quiet(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return do()
}

func (s *store) close() {
	if s.st != nil {
		_ = s.st.Close()
		s.st = nil
	}
}

func (s *store) open() *filesystem.Storage {
	if s.st == nil {
		s.st = filesystem.NewStorageWithOptions(osfs.New(s.dir), s.lru, filesystem.Options{
			KeepDescriptors: true,
			AlternatesFS:    osfs.New(string(filepath.Separator)),
		})
	}
	return s.st
}

// forget drops what was read before. The caller is inside swap.
func (s *store) forget() { s.lru = cache.NewObjectLRU(objectCacheSize) }

// rememberSize bounds what is remembered of pushes: twice as much.
const rememberSize = 8 << 20

// remember makes objects readable that came in behind go-git's back.
func (s *store) remember(objects []object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size > rememberSize {
		s.older, s.fresh, s.size = s.fresh, nil, 0
		s.close() // what is forgotten now has to be found on disk
	}
	if s.fresh == nil {
		s.fresh = map[Hash]object{}
	}
	for _, o := range objects {
		s.fresh[o.hash] = o
		s.size += len(o.data)
	}
}

func (s *store) remembered(h Hash) (object, bool) {
	if o, found := s.fresh[h]; found {
		return o, true
	}
	o, found := s.older[h]
	return o, found
}

// read gives an object's content, hashed again. Errors carry no file system error
// inside: a missing pack file must not pass for a missing path.
func (s *store) read(h Hash) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, found := s.remembered(h); found && !s.closed {
		return o, nil
	}
	return s.once(func(st *filesystem.Storage) (object, error) { return readObject(st, h) })
}

// has tells whether an object is there, as far as it is known without reopening.
func (s *store) has(h Hash) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.remembered(h); found {
		return true, nil
	}
	_, err := s.guarded(func(st *filesystem.Storage) (object, error) { return readObject(st, h) })
	if errors.Is(err, errMissing) {
		return false, nil
	}
	return err == nil, err
}

// length gives an object's length without reading all of it where that is possible.
func (s *store) length(h Hash) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, found := s.remembered(h); found && !s.closed {
		return int64(len(o.data)), nil
	}
	size := int64(0)
	_, err := s.once(func(st *filesystem.Storage) (o object, err error) {
		size, err = st.EncodedObjectSize(plumbing.NewHash(string(h)))
		if err != nil { // an alternate's objects have no size of their own
			o, err = readObject(st, h)
			size = int64(len(o.data))
		}
		return o, err
	})
	return size, err
}

// once reads, and once more from a reopened repository when that failed: another
// process may have packed it anew.
func (s *store) once(do func(*filesystem.Storage) (object, error)) (object, error) {
	if s.closed {
		return object{}, errClosed
	}
	o, err := s.guarded(do)
	if err != nil {
		s.close()
		if !errors.Is(err, errMissing) {
			s.forget() // go-git may have kept what it read wrongly
		}
		o, err = s.guarded(do)
	}
	return o, err
}

func (s *store) guarded(do func(*filesystem.Storage) (object, error)) (o object, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.st = nil
			err = fmt.Errorf("go-git panicked: %v", p)
		}
	}()
	return do(s.open())
}

func readObject(st *filesystem.Storage, h Hash) (object, error) {
	encoded, err := st.EncodedObject(plumbing.AnyObject, plumbing.NewHash(string(h)))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return object{}, fmt.Errorf("read %s: %w", h, errMissing)
	}
	if err != nil {
		return object{}, fmt.Errorf("read %s: %s", h, err.Error())
	}
	o, err := readEncoded(encoded)
	if err != nil {
		return object{}, fmt.Errorf("read %s: %s", h, err.Error())
	}
	if o.hash != h {
		return object{}, fmt.Errorf("read %s: its content hashes to %s", h, o.hash)
	}
	return o, nil
}

// readEncoded gives go-git's object as ours, hashed again.
func readEncoded(encoded plumbing.EncodedObject) (object, error) {
	r, err := encoded.Reader()
	if err != nil {
		return object{}, err
	}
	data, err := io.ReadAll(r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	return newObject(kind(encoded.Type()), data), err
}
