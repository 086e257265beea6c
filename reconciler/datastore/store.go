package datastore

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// noPassword leaves certificates as the only way in.
var noPassword = &clientv3.UserAddOptions{NoPassword: true}

// store is an open connection as root.
type store struct {
	client *clientv3.Client
	config Config
}

func open(ctx context.Context, config Config) (*store, error) {
	client, err := config.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &store{client: client, config: config}, nil
}

// close gives the connection up. What was to be done has been acknowledged by then,
// so its error changes nothing.
func (s *store) close() { _ = s.client.Close() }

// do runs one request within the timeout.
func (s *store) do(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.timeout())
	defer cancel()
	return request(ctx)
}
