package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// patience bounds one request to a datastore.
const patience = 20 * time.Second

// separate holds one tenant's credential against everything that is not its own.
func (l *life) separate(t *testing.T) {
	acme, globex := l.mustEntry("acme"), l.mustEntry("globex")
	own, other := "/"+acme.UID+"/", "/"+globex.UID+"/"
	root, client := l.etcd(t, "etcd-root"), l.etcdAs(t, "tenant-acme/etcd-client")
	if n := count(t, client, own); n == 0 {
		t.Fatal("acme's credential sees none of acme's own keys: what it is refused below would mean nothing")
	}
	theirs := count(t, root, other)
	if theirs == 0 {
		t.Fatal("globex has no keys")
	}
	ctx := t.Context()
	for name, try := range map[string]func(ctx context.Context) error{
		"read a key":    func(ctx context.Context) error { _, err := client.Get(ctx, other+"x"); return err },
		"list its keys": func(ctx context.Context) error { _, err := client.Get(ctx, other, clientv3.WithPrefix()); return err },
		"count its keys": func(ctx context.Context) error {
			_, err := client.Get(ctx, other, clientv3.WithPrefix(), clientv3.WithCountOnly())
			return err
		},
		"list all keys":         func(ctx context.Context) error { _, err := client.Get(ctx, "\x00", clientv3.WithFromKey()); return err },
		"list beyond its range": func(ctx context.Context) error { _, err := client.Get(ctx, own, clientv3.WithFromKey()); return err },
		"write a key":           func(ctx context.Context) error { _, err := client.Put(ctx, other+"x", "1"); return err },
		"delete its keys": func(ctx context.Context) error {
			_, err := client.Delete(ctx, other, clientv3.WithPrefix())
			return err
		},
		"write in a transaction": func(ctx context.Context) error {
			_, err := client.Txn(ctx).Then(clientv3.OpPut(own+"x", "1"), clientv3.OpPut(other+"x", "1")).Commit()
			return err
		},
		"watch its keys": func(ctx context.Context) error { return watch(ctx, client, other) },
		"make a user":    func(ctx context.Context) error { _, err := client.UserAdd(ctx, "intruder", "x"); return err },
		"take another's role": func(ctx context.Context) error {
			_, err := client.UserGrantRole(ctx, "t-"+acme.UID, "t-"+globex.UID)
			return err
		},
		"widen its own role": func(ctx context.Context) error {
			_, err := client.RoleGrantPermission(ctx, "t-"+acme.UID, other, clientv3.GetPrefixRangeEnd(other), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		"turn authentication off": func(ctx context.Context) error { _, err := client.AuthDisable(ctx); return err },
		"take a snapshot":         func(ctx context.Context) error { return snapshot(ctx, client) },
	} {
		// Without an end, the client would try again for ever what it takes for an outage.
		ctx, cancel := context.WithTimeout(ctx, patience)
		err := try(ctx)
		cancel()
		if !denied(err) {
			t.Errorf("acme's credential, asked to %s of globex: %v, want %v", name, err, rpctypes.ErrPermissionDenied)
		}
	}
	if n := count(t, root, other); n < theirs {
		t.Errorf("globex has %d keys left of %d", n, theirs)
	}
	if got, err := root.Get(ctx, own+"x"); err != nil || got.Count != 0 {
		t.Errorf("half of a refused transaction was done (%v)", err)
	}
	// Who shows no certificate is not even talked to.
	conn, err := tls.Dial("tcp", l.members(t), &tls.Config{RootCAs: l.authority(t), ServerName: memberName, MinVersion: tls.VersionTLS12})
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("to somebody without a certificate the datastore says %v, want that one is required", err)
	}
}

// denied tells whether the server refused by its rules, not for another reason. Of a
// refused watch the client keeps the text only.
func denied(err error) bool {
	return errors.Is(err, rpctypes.ErrPermissionDenied) || grpcstatus.Code(err) == codes.PermissionDenied ||
		err != nil && strings.HasSuffix(err.Error(), rpctypes.ErrPermissionDenied.Error())
}

func watch(ctx context.Context, client *clientv3.Client, prefix string) error {
	for r := range client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify()) {
		if r.Err() != nil {
			return r.Err()
		}
		if r.Created {
			return nil
		}
	}
	return ctx.Err()
}

func snapshot(ctx context.Context, client *clientv3.Client) error {
	r, err := client.Snapshot(ctx)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, r, 1)
	return err
}

// count gives the number of keys below a prefix.
func count(t *testing.T, client *clientv3.Client, prefix string) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return r.Count
}

// etcd talks to the datastore of shard a by a Secret of its own namespace.
func (l *life) etcd(t *testing.T, secret string) *clientv3.Client {
	t.Helper()
	return l.etcdAs(t, "datastore-a-live/"+secret)
}

// etcdAs talks to it by any Secret's certificate.
func (l *life) etcdAs(t *testing.T, secret string) *clientv3.Client {
	t.Helper()
	o, err := l.a.there("Secret", secret)
	if err != nil {
		t.Fatal(err)
	}
	data := func(key string) []byte {
		text, _ := field(o, "data", key).(string)
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) == 0 {
			t.Fatalf("secret %s has no %s: %v", secret, key, err)
		}
		return b
	}
	pair, err := tls.X509KeyPair(data("tls.crt"), data("tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"https://" + l.members(t)}, DialTimeout: patience, Logger: zap.NewNop(),
		TLS: &tls.Config{RootCAs: l.authority(t), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		// The name in the handshake; the client would take the address for it.
		DialOptions: []grpc.DialOption{grpc.WithAuthority(memberName)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (l *life) authority(t *testing.T) *x509.CertPool {
	t.Helper()
	o, err := l.a.there("Secret", "datastore-a-live/etcd-root")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := field(o, "data", "ca.crt").(string)
	pem, err := base64.StdEncoding.DecodeString(text)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("the datastore has no authority: %v", err)
	}
	return pool
}

// memberName is what the datastore's certificate says.
const memberName = "etcd.datastore-a-live.svc"

// members is where the datastore answers.
func (l *life) members(t *testing.T) string {
	t.Helper()
	pod, err := l.a.there("Pod", "datastore-a-live/etcd-0")
	if err != nil {
		t.Fatal(err)
	}
	address, _ := field(pod, "status", "podIP").(string)
	return net.JoinHostPort(address, "2379")
}
