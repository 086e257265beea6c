package up

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// control is where a running up takes orders. Loopback is open to every user of
// the machine, hence the password.
type control struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// control serves POST /stop/SHARD and /start/SHARD and writes control.json.
func (r *run) control() (io.Closer, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(r.shards[0].at.Node.String(), "0"))
	if err != nil {
		return nil, fmt.Errorf("take orders: %w", err)
	}
	c := control{URL: "http://" + l.Addr().String(), Token: rand.Text()}
	mux := http.NewServeMux()
	order := func(do func(context.Context, *shard) error) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if subtle.ConstantTimeCompare([]byte(req.Header.Get("Authorization")), []byte("Bearer "+c.Token)) != 1 {
				http.Error(w, "wrong token", http.StatusUnauthorized)
				return
			}
			for _, s := range r.shards {
				if s.name != req.PathValue("shard") {
					continue
				}
				if err := do(req.Context(), s); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
				return
			}
			http.Error(w, fmt.Sprintf("no shard %q", req.PathValue("shard")), http.StatusNotFound)
		}
	}
	mux.HandleFunc("POST /stop/{shard}", order(func(_ context.Context, s *shard) error {
		s.outage()
		return nil
	}))
	mux.HandleFunc("POST /start/{shard}", order(func(ctx context.Context, s *shard) error {
		ctx, cancel := context.WithTimeout(ctx, startLimit)
		defer cancel()
		return s.recover(ctx)
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	return server, writeJSON(r.opts.dir, controlFile, c)
}

// Order is "devcluster stop" and "devcluster start": it stops or starts the API
// server of one shard and returns when that is done.
func Order(verb string, args []string, stderr io.Writer) error {
	fs := flag.NewFlagSet("devcluster "+verb, flag.ContinueOnError)
	fs.SetOutput(stderr)
	dir := fs.String("dir", "", "folder of the running devcluster")
	shard := fs.String("shard", "", "name of the shard")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(*dir, controlFile))
	if err != nil {
		return fmt.Errorf("%s %s: no devcluster is ready there: %w", verb, *shard, err)
	}
	var c control
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("read %s: %w", controlFile, err)
	}
	req, err := http.NewRequest(http.MethodPost, c.URL+"/"+verb+"/"+*shard, nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, *shard, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, *shard, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s %s: %s", verb, *shard, body)
	}
	return nil
}
