package datastore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestAccess walks one datastore through its life: authentication, two tenants whose
// names are each other's prefix, repetition, and removal.
func TestAccess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	e := newEtcd(t)
	e.issue(t, "t-a", client("t-a"))
	e.issue(t, "t-ab", client("t-ab"))
	e.issue(t, "t-stranger", client("t-stranger"))
	e.start(t)
	config := e.as(root)

	// Everything twice: a Job may be killed after its work was done.
	for range 2 {
		for _, err := range []error{
			EnableAuth(ctx, config),
			AddTenant(ctx, config, "t-a", "/a/"),
			AddTenant(ctx, config, "t-ab", "/ab/"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	admin, a, ab, stranger := e.client(t, root), e.client(t, "t-a"), e.client(t, "t-ab"), e.client(t, "t-stranger")

	t.Run("RepetitionChangesNothing", func(t *testing.T) {
		before := revision(ctx, t, admin)
		if err := errors.Join(EnableAuth(ctx, config), AddTenant(ctx, config, "t-a", "/a/")); err != nil {
			t.Fatal(err)
		}
		if after := revision(ctx, t, admin); after != before {
			t.Errorf("the revision of users and roles went from %d to %d", before, after)
		}
	})

	t.Run("TenantsSeeTheirOwnKeysOnly", func(t *testing.T) {
		put(ctx, t, a, "/a/", 10)
		put(ctx, t, ab, "/ab/", 10)
		for name, request := range map[string]func(*clientv3.Client) error{
			"get a neighbour's key":      func(c *clientv3.Client) error { _, err := c.Get(ctx, "/ab/00001"); return err },
			"get a neighbour's prefix":   func(c *clientv3.Client) error { _, err := c.Get(ctx, "/ab/", clientv3.WithPrefix()); return err },
			"get a shorter prefix":       func(c *clientv3.Client) error { _, err := c.Get(ctx, "/a", clientv3.WithPrefix()); return err },
			"get from its key on":        func(c *clientv3.Client) error { _, err := c.Get(ctx, "/a/", clientv3.WithFromKey()); return err },
			"get the range's end":        func(c *clientv3.Client) error { _, err := c.Get(ctx, "/a0"); return err },
			"put a neighbour's key":      func(c *clientv3.Client) error { _, err := c.Put(ctx, "/ab/x", "y"); return err },
			"delete a neighbour's key":   func(c *clientv3.Client) error { _, err := c.Delete(ctx, "/ab/00001"); return err },
			"turn authentication off":    func(c *clientv3.Client) error { _, err := c.AuthDisable(ctx); return err },
			"read the neighbour's role":  func(c *clientv3.Client) error { _, err := c.RoleGet(ctx, "t-ab"); return err },
			"give itself another's role": func(c *clientv3.Client) error { _, err := c.UserGrantRole(ctx, "t-a", "t-ab"); return err },
			"compact":                    func(c *clientv3.Client) error { _, err := c.Compact(ctx, 1); return err },
		} {
			if err := request(a); !errors.Is(err, rpctypes.ErrPermissionDenied) {
				t.Errorf("%s: got %v, want permission denied", name, err)
			}
		}
		if _, err := stranger.Get(ctx, "/a/00001"); err == nil {
			t.Error("a certificate without a user reads a tenant's key")
		}
		if n := count(ctx, t, a, "/a/"); n != 10 {
			t.Errorf("the tenant sees %d of its 10 keys", n)
		}
	})

	t.Run("AddingTakesAwayWhatIsTooMuch", func(t *testing.T) {
		if _, err := admin.RoleGrantPermission(ctx, "t-a", "/ab/", "/ab0", clientv3.PermissionType(clientv3.PermReadWrite)); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.UserGrantRole(ctx, "t-a", "t-ab"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Get(ctx, "/ab/00001"); err != nil {
			t.Fatalf("the stage is not set: %v", err)
		}
		if err := AddTenant(ctx, config, "t-a", "/a/"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Get(ctx, "/ab/00001"); !errors.Is(err, rpctypes.ErrPermissionDenied) {
			t.Errorf("after adding anew: got %v, want permission denied", err)
		}
		if n := count(ctx, t, a, "/a/"); n != 10 {
			t.Errorf("the tenant sees %d of its 10 keys", n)
		}
	})

	t.Run("RemovalTakesExactlyTheTenant", func(t *testing.T) {
		put(ctx, t, a, "/a/", 2*batch+7)
		put(ctx, t, admin, "/a", 1)  // /a00000
		put(ctx, t, admin, "/a0", 1) // the first key after the range
		put(ctx, t, admin, "/A/", 1)
		for range 2 {
			if err := RemoveTenant(ctx, config, "t-a", "/a/"); err != nil {
				t.Fatal(err)
			}
		}
		for prefix, want := range map[string]int64{"/a/": 0, "/ab/": 10, "/a0": 2, "/A/": 1} {
			if got := count(ctx, t, admin, prefix); got != want {
				t.Errorf("%s: %d keys are left, want %d", prefix, got, want)
			}
		}
		if _, err := admin.UserGet(ctx, "t-a"); !errors.Is(err, rpctypes.ErrUserNotFound) {
			t.Errorf("the user: got %v, want not found", err)
		}
		if _, err := admin.RoleGet(ctx, "t-a"); !errors.Is(err, rpctypes.ErrRoleNotFound) {
			t.Errorf("the role: got %v, want not found", err)
		}
		if _, err := a.Get(ctx, "/a/00001"); err == nil {
			t.Error("the removed tenant's certificate still reads")
		}
	})

	t.Run("OnlyRootMay", func(t *testing.T) {
		if err := AddTenant(ctx, e.as("t-ab"), "t-x", "/x/"); !errors.Is(err, rpctypes.ErrPermissionDenied) {
			t.Errorf("as a tenant: got %v, want permission denied", err)
		}
	})
}

// TestWaitsForTheDataStore: a Job and its datastore are applied together.
func TestWaitsForTheDataStore(t *testing.T) {
	e := newEtcd(t)
	done := make(chan error, 1)
	go func() { done <- EnableAuth(t.Context(), e.as(root)) }()
	e.start(t)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	e := newEtcd(t) // not started
	short := e.as(root)
	short.Timeout = 50 * time.Millisecond
	missing := e.as(root)
	missing.CA = "nowhere.crt"
	key := e.as(root)
	key.CA = key.Key
	nobody := e.as("nobody")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"Down", EnableAuth(t.Context(), short), "no connection within 50ms"},
		{"NoAuthority", EnableAuth(t.Context(), missing), "read authority: open nowhere.crt"},
		{"KeyAsAuthority", EnableAuth(t.Context(), key), "no certificate in it"},
		{"NoCertificate", EnableAuth(t.Context(), nobody), "read client certificate"},
		{"NoEndpoint", EnableAuth(t.Context(), Config{}), "no endpoint is given"},
		{"Root", AddTenant(t.Context(), short, root, "/root/"), `user "root" is not a tenant's name`},
		{"NoUser", AddTenant(t.Context(), short, "", "/a/"), "is not a tenant's name"},
		{"NoSlash", AddTenant(t.Context(), short, "t-a", "/a"), `prefix "/a" is not a tenant's`},
		{"Everything", RemoveTenant(t.Context(), short, "t-a", "/"), `prefix "/" is not a tenant's`},
		{"Nothing", RemoveTenant(t.Context(), short, "t-a", ""), "is not a tenant's"},
		{"Deep", RemoveTenant(t.Context(), short, "t-a", "/a/b/"), "is not a tenant's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", tt.err, tt.want)
			}
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := EnableAuth(cancelled, e.as(root)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}
