package git

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// smartHTTP speaks Git's smart protocol over HTTP, version 0: every server knows
// it, one request lists the references, a second one moves objects.
type smartHTTP struct {
	base   *url.URL
	opts   Options
	client *http.Client
}

func newSmartHTTP(base *url.URL, opts Options) (*smartHTTP, error) {
	roundTripper := opts.Transport
	if roundTripper == nil {
		var err error
		if roundTripper, err = newRoundTripper(opts.CAFile); err != nil {
			return nil, err
		}
	}
	return &smartHTTP{base: base, opts: opts, client: &http.Client{
		Transport: roundTripper,
		// A redirect would carry credentials, or what we believe about a repository,
		// to a place that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// newRoundTripper is Go's own, which trusts the certificates in caFile, too.
func newRoundTripper(caFile string) (http.RoundTripper, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read CA certificates: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA certificates: %s holds none", caFile)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

func (s *smartHTTP) String() string { return s.base.Redacted() }

func (s *smartHTTP) close() { s.client.CloseIdleConnections() }

func (s *smartHTTP) advertise(ctx context.Context, service string) (*advertisement, error) {
	body, err := s.do(ctx, http.MethodGet, "/info/refs?service="+service, service, nil)
	if err != nil {
		return nil, err
	}
	defer discard(body)
	list := io.LimitReader(body, maxAdvertisement)
	if err := readService(list, service); err != nil {
		return nil, tagged(err, ErrUnreachable, "list references of "+s.String())
	}
	adv, err := readAdvertisement(list)
	if err != nil {
		return nil, tagged(err, ErrUnreachable, "list references of "+s.String())
	}
	adv.ask = func(ctx context.Context, request []byte) (io.ReadCloser, error) {
		return s.do(ctx, http.MethodPost, "/"+service, service, request)
	}
	return adv, nil
}

// readService reads what HTTP alone puts before the list of references.
func readService(r io.Reader, service string) error {
	var buf []byte
	line, err := readLine(r, &buf)
	if err != nil {
		return noEOF(err)
	}
	if strings.TrimSuffix(string(line), "\n") != "# service="+service {
		return fmt.Errorf("it does not offer %s", service)
	}
	if _, err := readLine(r, &buf); !errors.Is(err, errFlush) {
		return errors.New("malformed list of references")
	}
	return nil
}

// do sends one request and gives the answer's body. When the credentials are not
// accepted they are read again, and sent once more if they have changed meanwhile: a
// token may expire at any moment.
func (s *smartHTTP) do(ctx context.Context, method, path, service string, content []byte) (io.ReadCloser, error) {
	who := s.opts.who(service)
	sent, err := who.authorization()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	body, err := s.once(ctx, method, path, service, sent, content)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
		if now, unread := who.authorization(); unread == nil && now != sent {
			return s.once(ctx, method, path, service, now, content)
		}
	}
	return body, err
}

// once sends one request as who authorization says. Cancelling happens through ctx
// or by silence: the timer starts anew with everything sent and received.
func (s *smartHTTP) once(ctx context.Context, method, path, service, authorization string, content []byte) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	patience := s.opts.Timeout
	timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("the remote was silent for %s", patience)) })
	heard := func() { timer.Reset(patience) }
	end := func() {
		timer.Stop()
		cancel(nil)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base.String()+path, nil)
	if err != nil {
		end()
		return nil, err
	}
	if len(content) > 0 {
		req.ContentLength = int64(len(content))
		body := func() io.ReadCloser { return &sending{bytes.NewReader(content), heard} }
		req.Body, req.GetBody = body(), func() (io.ReadCloser, error) { return body(), nil }
	}
	req.Header.Set("User-Agent", userAgent)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-"+service+"-request")
		req.Header.Set("Accept", "application/x-"+service+"-result")
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := s.client.Do(req)
	if err != nil {
		cause := context.Cause(ctx)
		end()
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // without the URL, which we print ourselves
		}
		if cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, s.base.Redacted(), err)
	}
	if err := s.status(res); err != nil {
		_ = res.Body.Close()
		end()
		return nil, err
	}
	heard()
	return &impatient{body: res.Body, cause: func() error { return context.Cause(ctx) }, heard: heard, end: end}, nil
}

// sending is content on its way: a long upload is no silence.
type sending struct {
	*bytes.Reader
	heard func()
}

func (s *sending) Read(p []byte) (int, error) {
	s.heard()
	return s.Reader.Read(p)
}

func (s *sending) Close() error { return nil }

// refusedError is an HTTP status that says the request was not carried out.
type refusedError struct {
	status int
	error
}

func (e *refusedError) Unwrap() error { return e.error }

func (s *smartHTTP) status(res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	where := s.base.Redacted()
	say := ""
	if kind := res.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/plain") {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		say = ": " + clean(string(text))
	}
	switch code := res.StatusCode; {
	case res.Header.Get("Retry-After") != "": // hosts limit rates with 403, too
		return &refusedError{code, fmt.Errorf("%w: %s answered %s: retry after %s%s", ErrUnreachable, where, res.Status, clean(res.Header.Get("Retry-After")), say)}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &refusedError{code, fmt.Errorf("%w: %s answered %s%s", ErrAuth, where, res.Status, say)}
	case code == http.StatusNotFound:
		return &refusedError{code, fmt.Errorf("%w: %s: no such repository, or these credentials may not see it", ErrUnreachable, where)}
	case code >= 300 && code < 400:
		to := "elsewhere"
		if u, err := res.Location(); err == nil {
			to = "to " + clean(u.Scheme+"://"+u.Host+strings.TrimSuffix(u.Path, "/info/refs"))
		}
		return &refusedError{code, fmt.Errorf("%w: %s redirects %s: redirects are not followed; change the URL if that is right", ErrUnreachable, where, to)}
	case code < 500:
		return &refusedError{code, fmt.Errorf("%w: %s answered %s%s", ErrUnreachable, where, res.Status, say)}
	default:
		return fmt.Errorf("%w: %s answered %s%s", ErrUnreachable, where, res.Status, say)
	}
}

// impatient is a body that is given up after a silence.
type impatient struct {
	body       io.ReadCloser
	cause      func() error
	heard, end func()
}

func (b *impatient) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.heard()
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := b.cause(); cause != nil {
			err = cause
		}
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return n, err
}

func (b *impatient) Close() error {
	b.end()
	return b.body.Close()
}
