package node

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// followEvery is how often a followed log is looked at.
const followEvery = 200 * time.Millisecond

// serveKubelet serves the one part of the kubelet's API that is here: logs.
func (n *node) serveKubelet() (*http.Server, error) {
	cert, err := tls.LoadX509KeyPair(n.opts.cert, n.opts.key)
	if err != nil {
		return nil, fmt.Errorf("serve logs: %w", err)
	}
	ca, err := os.ReadFile(n.opts.clientCA)
	if err != nil {
		return nil, fmt.Errorf("serve logs: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	l, err := tls.Listen("tcp", n.listenAt(kubeletPort), &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		return nil, fmt.Errorf("serve logs: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		path, ok := n.findLog(r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container"))
		if !ok {
			http.Error(w, "no such pod on this node", http.StatusNotFound)
			return
		}
		if err := copyLog(w, r, path); err != nil && !errors.Is(err, os.ErrNotExist) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	return server, nil
}

func (n *node) findLog(namespace, name, container string) (string, bool) {
	for _, w := range n.all() {
		if w.namespace == namespace && w.name == name {
			return w.logPath(filepath.Base(container)), true
		}
	}
	return "", false
}

// copyLog writes the log, or its last lines, and what is added while the client
// follows it.
func copyLog(w http.ResponseWriter, r *http.Request, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if tail, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
		b, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		if _, err := w.Write(lastLines(b, tail)); err != nil {
			return nil // the client has gone
		}
	}
	out := bufio.NewWriter(w)
	for {
		if _, err := io.Copy(out, f); err != nil || out.Flush() != nil {
			return nil
		}
		_ = http.NewResponseController(w).Flush()
		if r.FormValue("follow") != "true" {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

// lastLines returns the last n lines of b.
func lastLines(b []byte, n int) []byte {
	from := len(b)
	for ; n > 0 && from > 0; n-- {
		from = bytes.LastIndexByte(b[:from-1], '\n') + 1
	}
	return b[from:]
}
