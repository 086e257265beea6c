package datastore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// root is etcd's administrator, and the name of its role.
const root = "root"

// EnableAuth makes the root user and turns authentication on. Until then every
// client with a valid certificate reads and writes everything.
func EnableAuth(ctx context.Context, config Config) error {
	s, err := open(ctx, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.enableAuth(ctx); err != nil {
		return fmt.Errorf("enable authentication: %w", err)
	}
	return nil
}

func (s *store) enableAuth(ctx context.Context) error {
	if err := s.ensureRole(ctx, root); err != nil {
		return err
	}
	if err := s.ensureUser(ctx, root); err != nil {
		return err
	}
	if err := s.ensureRoles(ctx, root, root); err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context) error {
		status, err := s.client.AuthStatus(ctx)
		if err != nil {
			return fmt.Errorf("read authentication's status: %w", err)
		}
		if status.Enabled {
			return nil
		}
		_, err = s.client.AuthEnable(ctx)
		return err
	})
}

// ensureRole makes a role that is not there.
func (s *store) ensureRole(ctx context.Context, role string) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.RoleGet(ctx, role)
		if errors.Is(err, rpctypes.ErrRoleNotFound) {
			_, err = s.client.RoleAdd(ctx, role)
		}
		if err != nil && !errors.Is(err, rpctypes.ErrRoleAlreadyExist) {
			return fmt.Errorf("add role %s: %w", role, err)
		}
		return nil
	})
}

// ensureUser makes a user that is not there, without a password: only a certificate
// can speak for it.
func (s *store) ensureUser(ctx context.Context, user string) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.UserGet(ctx, user)
		if errors.Is(err, rpctypes.ErrUserNotFound) {
			_, err = s.client.UserAddWithOptions(ctx, user, "", noPassword)
		}
		if err != nil && !errors.Is(err, rpctypes.ErrUserAlreadyExist) {
			return fmt.Errorf("add user %s: %w", user, err)
		}
		return nil
	})
}

// ensureRoles leaves user with role, and no other.
func (s *store) ensureRoles(ctx context.Context, user, role string) error {
	return s.do(ctx, func(ctx context.Context) error {
		have, err := s.client.UserGet(ctx, user)
		if err != nil {
			return fmt.Errorf("read user %s: %w", user, err)
		}
		for _, other := range have.Roles {
			if other == role {
				continue
			}
			if _, err := s.client.UserRevokeRole(ctx, user, other); err != nil {
				return fmt.Errorf("revoke role %s from user %s: %w", other, user, err)
			}
		}
		if slices.Contains(have.Roles, role) {
			return nil
		}
		if _, err := s.client.UserGrantRole(ctx, user, role); err != nil {
			return fmt.Errorf("grant role %s to user %s: %w", role, user, err)
		}
		return nil
	})
}
