package shard

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/tenantry/tenantry/render"
)

// A new term begins by forgetting what was known of the server. It is begun under the
// shard's own lock: were it to wait for a server that does not answer, everybody would.
func TestForgettingSchemasWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		types := newTypeFinder(NewSchemas(), func(ctx context.Context, _ string, _ url.Values) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		id := render.ObjectID{Version: "v1", Kind: "Secret"}
		asked := make(chan error, 1)
		go func() {
			_, err := types.of(ctx, id)
			asked <- err
		}()
		synctest.Wait()
		forgotten := make(chan struct{})
		go func() { types.forget(); close(forgotten) }()
		synctest.Wait()
		select {
		case <-forgotten:
		default:
			t.Error("it waits for the server's answer")
		}
		waiting, stop := context.WithCancel(t.Context())
		stop()
		if _, err := types.of(waiting, id); err == nil {
			t.Error("who gave up waiting got a type")
		}
		cancel()
		if err := <-asked; !errors.Is(err, context.Canceled) {
			t.Errorf("who asked ended with %v", err)
		}
	})
}
