package datastore

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// batch is how many keys one request deletes. A whole tenant at once would hold up
// every other tenant of the datastore; a thousand keys take some milliseconds.
const batch = 1000

// keyPrefix is one path element between slashes, with nothing that could reach a
// neighbour's keys.
var keyPrefix = regexp.MustCompile(`^/[A-Za-z0-9][A-Za-z0-9._-]*/$`)

// userName is what a certificate's common name may be.
var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func check(user, prefix string) error {
	if !userName.MatchString(user) || user == root {
		return fmt.Errorf("user %q is not a tenant's name", user)
	}
	if !keyPrefix.MatchString(prefix) {
		return fmt.Errorf("prefix %q is not a tenant's: want /<uid>/", prefix)
	}
	return nil
}

// AddTenant makes user, and a role of the same name that reads and writes exactly the
// keys that begin with prefix (/<uid>/). Whatever else the user or the role could do
// is taken away.
func AddTenant(ctx context.Context, config Config, user, prefix string) error {
	if err := check(user, prefix); err != nil {
		return fmt.Errorf("add tenant: %w", err)
	}
	s, err := open(ctx, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.addTenant(ctx, user, prefix); err != nil {
		return fmt.Errorf("add tenant %s: %w", user, err)
	}
	return nil
}

func (s *store) addTenant(ctx context.Context, user, prefix string) error {
	if err := s.ensureRole(ctx, user); err != nil {
		return err
	}
	if err := s.limitRole(ctx, user, prefix); err != nil {
		return err
	}
	if err := s.ensureUser(ctx, user); err != nil {
		return err
	}
	return s.ensureRoles(ctx, user, user)
}

// limitRole leaves role with one permission: to read and write prefix, no key more.
func (s *store) limitRole(ctx context.Context, role, prefix string) error {
	end := clientv3.GetPrefixRangeEnd(prefix)
	return s.do(ctx, func(ctx context.Context) error {
		have, err := s.client.RoleGet(ctx, role)
		if err != nil {
			return fmt.Errorf("read role %s: %w", role, err)
		}
		granted := false
		for _, p := range have.Perm {
			if string(p.Key) == prefix && string(p.RangeEnd) == end && p.PermType == clientv3.PermReadWrite {
				granted = true
				continue
			}
			if _, err := s.client.RoleRevokePermission(ctx, role, string(p.Key), string(p.RangeEnd)); err != nil {
				return fmt.Errorf("revoke a permission of role %s: %w", role, err)
			}
		}
		if granted {
			return nil
		}
		_, err = s.client.RoleGrantPermission(ctx, role, prefix, end, clientv3.PermissionType(clientv3.PermReadWrite))
		if err != nil {
			return fmt.Errorf("grant %s to role %s: %w", prefix, role, err)
		}
		return nil
	})
}

// RemoveTenant deletes the keys that begin with prefix (/<uid>/), then user and its
// role, and then what was written in between. What is gone already is no error.
func RemoveTenant(ctx context.Context, config Config, user, prefix string) error {
	if err := check(user, prefix); err != nil {
		return fmt.Errorf("remove tenant: %w", err)
	}
	s, err := open(ctx, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.removeTenant(ctx, user, prefix); err != nil {
		return fmt.Errorf("remove tenant %s: %w", user, err)
	}
	return nil
}

func (s *store) removeTenant(ctx context.Context, user, prefix string) error {
	if err := s.deleteKeys(ctx, prefix); err != nil {
		return err
	}
	err := s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.UserDelete(ctx, user)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrUserNotFound) {
		return fmt.Errorf("delete user %s: %w", user, err)
	}
	err = s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.RoleDelete(ctx, user)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrRoleNotFound) {
		return fmt.Errorf("delete role %s: %w", user, err)
	}
	return s.deleteKeys(ctx, prefix)
}

// deleteKeys deletes in batches until no key begins with prefix.
func (s *store) deleteKeys(ctx context.Context, prefix string) error {
	for {
		left := false
		err := s.do(ctx, func(ctx context.Context) error {
			page, err := s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(batch))
			if err != nil || len(page.Kvs) == 0 {
				return err
			}
			left = page.More
			first, last := page.Kvs[0].Key, page.Kvs[len(page.Kvs)-1].Key
			// The range's end is the first key after last.
			_, err = s.client.Delete(ctx, string(first), clientv3.WithRange(string(last)+"\x00"))
			return err
		})
		if err != nil {
			return fmt.Errorf("delete keys of %s: %w", prefix, err)
		}
		if !left {
			return nil
		}
	}
}
