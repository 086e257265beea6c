package datastore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// defaultTimeout is long enough for an etcd that has just been started.
const defaultTimeout = 30 * time.Second

// Config says how to reach a datastore as root.
type Config struct {
	// Endpoints are URLs (https://etcd.datastore-a.svc:2379).
	Endpoints []string
	// CA, Cert and Key are PEM files.
	CA, Cert, Key string
	// TLSServerName is the name in the server's certificate; empty takes the endpoint's.
	TLSServerName string
	// Timeout bounds connecting, and each request; zero is 30 seconds.
	Timeout time.Duration
}

func (c Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return defaultTimeout
}

// connect returns a client whose connection works. The caller closes it.
func (c Config) connect(ctx context.Context) (*clientv3.Client, error) {
	if len(c.Endpoints) == 0 {
		return nil, errors.New("connect to datastore: no endpoint is given")
	}
	security, err := c.security()
	if err != nil {
		return nil, fmt.Errorf("connect to datastore: %w", err)
	}
	var options []grpc.DialOption
	if c.TLSServerName != "" {
		// The client takes each endpoint's own host for the name in the handshake,
		// whatever the TLS configuration says; an authority goes before that.
		options = append(options, grpc.WithAuthority(c.TLSServerName))
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   c.Endpoints,
		DialTimeout: c.timeout(),
		DialOptions: options,
		TLS:         security,
		Context:     ctx,
		Logger:      zap.NewNop(), // errors are returned, not logged as well
	})
	if err != nil {
		return nil, fmt.Errorf("connect to datastore: %w", err)
	}
	if err := c.ready(ctx, client); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to datastore %s: %w", strings.Join(c.Endpoints, ", "), err), client.Close())
	}
	return client, nil
}

// ready waits until the connection works, so that a request fails for its own
// reasons only.
func (c Config) ready(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	connection := client.ActiveConnection()
	connection.Connect()
	for state := connection.GetState(); state != connectivity.Ready; state = connection.GetState() {
		if state == connectivity.Idle {
			connection.Connect()
		}
		if !connection.WaitForStateChange(ctx, state) {
			return fmt.Errorf("no connection within %s (%s): %w", c.timeout(), strings.ToLower(state.String()), ctx.Err())
		}
	}
	return nil
}

func (c Config) security() (*tls.Config, error) {
	authority, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("read authority %s: no certificate in it", c.CA)
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		RootCAs:      pool,
		Certificates: []tls.Certificate{pair},
		ServerName:   c.TLSServerName,
	}, nil
}
