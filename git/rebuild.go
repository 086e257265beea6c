package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// rebuild clones all branches ever asked for into a new mirror and puts it in the
// place of the old one, which serves readers until then.
func (m *mirror) rebuild(ctx context.Context, adv *advertisement, branches []string) (map[string]Hash, error) {
	next := filepath.Join(m.home, "next")
	if err := os.RemoveAll(next); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(next) }() // of one that failed: it may be the disk that is full
	if err := initBare(next); err != nil {
		return nil, err
	}
	m.mu.Lock()
	var all []string
	for b := range m.known {
		all = append(all, b)
	}
	m.mu.Unlock()
	tips := pick(adv, all)
	var wants []Hash
	for _, tip := range tips {
		wants = append(wants, tip)
	}
	slices.Sort(wants)
	wants = slices.Compact(wants)
	if len(wants) > 0 {
		if err := m.clone(ctx, adv, next, wants); err != nil {
			return nil, err
		}
	}
	for branch, tip := range tips {
		if err := m.setRef(next, branch, tip); err != nil {
			return nil, err
		}
	}
	err := m.store.swap(func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.store.forget()
		if err := m.carry(next); err != nil {
			return err
		}
		if err := os.RemoveAll(m.dir()); err != nil {
			return err
		}
		return os.Rename(next, m.dir())
	})
	if err != nil {
		return nil, err
	}
	for branch, tip := range tips {
		if err := m.checkTip(tip); err != nil {
			return nil, fmt.Errorf("%w: branch %s: %w", ErrUnreadable, branch, err)
		}
	}
	return pick(adv, branches), nil
}

// clone takes all that wants need into the repository at dir.
func (m *mirror) clone(ctx context.Context, adv *advertisement, dir string, wants []Hash) error {
	body, err := fetchPack(ctx, adv, wants, nil)
	if err != nil {
		return err
	}
	defer discard(body)
	return m.receive(ctx, dir, body)
}
