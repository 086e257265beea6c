package git

import (
	"context"
	"fmt"
)

// maxHistory bounds how many commits one question about ancestry may visit.
const maxHistory = 1 << 20

// IsAncestor tells whether newer is older or descends from it. older need not be
// known here: a commit that newer's whole history does not show is no ancestor.
// Errors: ErrUnreadable when that history has a gap, ctx's, or that it is too long.
func (r *Repository) IsAncestor(ctx context.Context, older, newer Hash) (bool, error) {
	if !older.valid() || !newer.valid() {
		return false, fmt.Errorf("compare commits %q and %q: want 40 hex digits", string(older), string(newer))
	}
	found := false
	err := r.walk(ctx, newer, func(h Hash) bool {
		found = h == older
		return !found
	})
	if err != nil {
		return false, fmt.Errorf("search %s for %s: %w", newer, older, err)
	}
	return found, nil
}

// walk visits a commit and its history, nearest first, until visit says stop.
func (r *Repository) walk(ctx context.Context, from Hash, visit func(Hash) bool) error {
	seen := map[Hash]bool{from: true}
	for queue := []Hash{from}; len(queue) > 0; {
		h := queue[0]
		queue = queue[1:]
		if !visit(h) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		parents, err := r.parents(h)
		if err != nil {
			return err
		}
		for _, p := range parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
		if len(seen) > maxHistory {
			return fmt.Errorf("history of more than %d commits", maxHistory)
		}
	}
	return nil
}

func (r *Repository) parents(h Hash) ([]Hash, error) {
	if parents, found := r.cache.parentsOf(h); found {
		return parents, nil
	}
	c, err := r.commit(h)
	if err != nil {
		return nil, err
	}
	r.cache.keepParents(h, c.parents)
	return c.parents, nil
}
