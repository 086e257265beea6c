package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Push commits a draft on its branch by compare-and-swap and gives the commit, which
// can be read at once. A draft that changes nothing gives its parent.
//
//	look ─► tip is ours ──────────────────────────► done (an earlier try arrived)
//	     ─► tip is the parent ─► send ─► accepted ─► done
//	     │        ▲               ├──► refused ────► look, then ErrRejected
//	     │        └───────────────┴──► no answer ──► look again
//	     ─► tip is another ─► ours is in its history ─► done; else ErrConflict
//
// After a request whose fate is unknown only a look decides, and when looking
// fails, too, that is ErrUncertain: the draft may be pushed again, unchanged, and
// does not become a second commit. Further errors: ErrAuth, ErrUnreachable,
// ErrUnreadable (fetch, then again), or that the draft itself is wrong.
func (r *Repository) Push(ctx context.Context, d Draft) (Hash, error) {
	if err := checkBranch(d.Branch); err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	b, err := r.build(&d)
	if err != nil {
		return "", fmt.Errorf("push to %s: build draft: %w", d.Branch, err)
	}
	if b.unchanged {
		return d.Parent, nil
	}
	if err := r.settle(ctx, &d, b); err != nil {
		return "", fmt.Errorf("push to %s: %w", d.Branch, err)
	}
	r.mu.Lock()
	r.stats.Pushes++
	r.mu.Unlock()
	if err := r.remote.keep(d.Branch, d.Parent, b); err != nil {
		r.blame(b.commit, err) // it is on the remote; the next fetch brings it
	}
	return b.commit, nil
}

const (
	maxSends = 3
	maxLooks = 3
)

func (r *Repository) settle(ctx context.Context, d *Draft, b *built) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()                 // of what looks hold open
	var doubt, refused, last error // a send without an answer, a refusal, the last error of any kind
	pause := 200 * time.Millisecond
	for sends, failedLooks := 0, 0; ; pause *= 2 {
		if last != nil && refused == nil && sleep(ctx, pause) != nil {
			if doubt == nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w; then: %w", ErrUncertain, unclass(doubt), ctx.Err())
		}
		tip, send, err := r.remote.look(ctx, d.Branch)
		switch {
		case err != nil && doubt == nil:
			return err
		case err != nil:
			if failedLooks++; failedLooks == maxLooks || errors.Is(err, ErrAuth) || ctx.Err() != nil {
				return fmt.Errorf("%w: %w; then: %w", ErrUncertain, unclass(doubt), unclass(err))
			}
			last = err
			continue
		case tip == b.commit:
			return nil
		case tip != d.Parent:
			return r.overtaken(ctx, d, b, tip, doubt)
		case refused != nil:
			return refused
		case sends == maxSends && doubt != nil:
			return fmt.Errorf("%w: sent %d times: %w", ErrUncertain, sends, unclass(doubt))
		case sends == maxSends:
			return last
		}
		sends++
		if last = send(ctx, d.Parent, b); last == nil {
			return nil
		}
		var moved *movedError
		var status *refusedError
		switch {
		case errors.As(last, &moved) || errors.Is(last, errBusy): // look again
		case errors.Is(last, ErrRejected):
			refused = last
		case doubt == nil && (errors.As(last, &status) || isDial(last)):
			return last
		default:
			doubt = last
		}
	}
}

// overtaken decides what it means that the branch is neither where we expected it
// nor where we put it: perhaps somebody built on our commit already.
func (r *Repository) overtaken(ctx context.Context, d *Draft, b *built, tip Hash, doubt error) error {
	conflict := fmt.Errorf("%w: expected %s, found %s", ErrConflict, d.Parent.wire(), tip.wire())
	if tip == "" {
		return conflict
	}
	tips, err := r.Fetch(ctx, d.Branch)
	if err == nil && tips[d.Branch] == "" {
		return conflict
	}
	contained := false
	if err == nil {
		contained, err = r.IsAncestor(ctx, b.commit, tips[d.Branch])
	}
	switch {
	case contained:
		return nil
	case err == nil:
		return conflict
	case doubt != nil:
		return fmt.Errorf("%w: %w; then: %w", ErrUncertain, unclass(doubt), unclass(err))
	}
	return err
}

// errBusy marks a refusal that may pass: another push held the branch's lock.
var errBusy = errors.New("branch is locked")

// unclass keeps an error's text only: under ErrUncertain nobody should find
// ErrUnreachable, which says that the outcome is known. Contexts' errors stay.
func unclass(err error) error {
	for _, ctxErr := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ctxErr) {
			return ctxErr
		}
	}
	return errors.New(err.Error())
}

// isDial: no connection was made, so nothing was sent.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
