package datastore

import (
	"context"
	"errors"
	"fmt"

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
	if err := s.grantRole(ctx, root, root); err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.AuthEnable(ctx)
		return err
	})
}

func (s *store) ensureRole(ctx context.Context, role string) error {
	err := s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.RoleAdd(ctx, role)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrRoleAlreadyExist) {
		return fmt.Errorf("add role %s: %w", role, err)
	}
	return nil
}

// ensureUser makes a user without a password: only a certificate can speak for it.
func (s *store) ensureUser(ctx context.Context, user string) error {
	err := s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.UserAddWithOptions(ctx, user, "", noPassword)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrUserAlreadyExist) {
		return fmt.Errorf("add user %s: %w", user, err)
	}
	return nil
}

func (s *store) grantRole(ctx context.Context, user, role string) error {
	err := s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.UserGrantRole(ctx, user, role)
		return err
	})
	if err != nil {
		return fmt.Errorf("grant role %s to user %s: %w", role, user, err)
	}
	return nil
}
