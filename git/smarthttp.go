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

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	userAgent   = "git/tenantry"
	// maxAdvertisement bounds the list of references: a million of them.
	maxAdvertisement = 100 << 20
)

func newSmartHTTP(base *url.URL, opts Options) (*smartHTTP, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = opts.Timeout
	if opts.CAFile != "" {
		pem, err := os.ReadFile(opts.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA certificates: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA certificates: %s holds none", opts.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &smartHTTP{base: base, opts: opts, client: &http.Client{
		Transport: transport,
		// A redirect would carry credentials, or what we believe about a repository,
		// to a place that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// advertisement is what a service says first: the references, and what it can do.
type advertisement struct {
	refs map[string]Hash
	caps map[string]string
}

func (a *advertisement) can(capability string) bool {
	_, found := a.caps[capability]
	return found
}

func branchRef(branch string) string { return "refs/heads/" + branch }

func (s *smartHTTP) advertise(ctx context.Context, service string) (*advertisement, error) {
	body, err := s.do(ctx, http.MethodGet, "/info/refs?service="+service, "", nil)
	if err != nil {
		return nil, err
	}
	defer discard(body)
	adv, err := readAdvertisement(io.LimitReader(body, maxAdvertisement), service)
	if err != nil {
		return nil, fmt.Errorf("%w: list references of %s: %w", errTag(err, ErrUnreachable), s.base.Redacted(), err)
	}
	return adv, nil
}

// errUnsupported: the repository is of a kind that we cannot work with.
var errUnsupported = errors.New("unsupported repository")

// errTag keeps an error that says what it is, and calls all others tag.
func errTag(err, tag error) error {
	for _, known := range []error{ErrAuth, ErrUnreachable, ErrRejected, ErrUncertain, errUnsupported} {
		if errors.Is(err, known) {
			return known
		}
	}
	return tag
}

func readAdvertisement(r io.Reader, service string) (*advertisement, error) {
	var buf [maxLine]byte
	line, err := readLine(r, &buf)
	if err != nil {
		return nil, noEOF(err)
	}
	if strings.TrimSuffix(string(line), "\n") != "# service="+service {
		return nil, fmt.Errorf("it does not offer %s", service)
	}
	if _, err := readLine(r, &buf); !errors.Is(err, errFlush) {
		return nil, errors.New("malformed list of references")
	}
	adv := &advertisement{refs: map[string]Hash{}, caps: map[string]string{}}
	for first := true; ; first = false {
		line, err := readLine(r, &buf)
		if errors.Is(err, errFlush) {
			return adv, nil
		}
		if err != nil {
			return nil, noEOF(err)
		}
		text := strings.TrimSuffix(string(line), "\n")
		if message, failed := strings.CutPrefix(text, "ERR "); failed {
			return nil, fmt.Errorf("remote: %s", clean(message))
		}
		if first {
			var caps string
			text, caps, _ = strings.Cut(text, "\x00")
			for c := range strings.FieldsSeq(caps) {
				name, value, _ := strings.Cut(c, "=")
				adv.caps[name] = value
			}
			if format := adv.caps["object-format"]; format != "" && format != "sha1" {
				return nil, fmt.Errorf("%w: it uses %s object names, and only SHA-1 is supported", errUnsupported, strings.ToUpper(format))
			}
		}
		if strings.HasPrefix(text, "shallow ") {
			continue
		}
		hash, name, found := strings.Cut(text, " ")
		if !found || !Hash(hash).valid() {
			return nil, fmt.Errorf("malformed reference %q", text)
		}
		if hash != zeroHash { // zeros stand for "no references"
			adv.refs[name] = Hash(hash)
		}
	}
}

// fetchPack asks for everything that wants need and haves lack, and gives the pack.
func (s *smartHTTP) fetchPack(ctx context.Context, adv *advertisement, wants, haves []Hash) (io.ReadCloser, error) {
	caps := []string{"agent=" + userAgent}
	for _, c := range []string{"side-band-64k", "ofs-delta", "no-progress", "multi_ack_detailed"} {
		if adv.can(c) {
			caps = append(caps, c)
		}
	}
	if !adv.can("side-band-64k") {
		return nil, fmt.Errorf("%w: the server does not multiplex (side-band-64k)", errUnsupported)
	}
	var req bytes.Buffer
	for i, h := range wants {
		if i == 0 {
			writeLine(&req, "want %s %s\n", h, strings.Join(caps, " "))
			continue
		}
		writeLine(&req, "want %s\n", h)
	}
	writeFlush(&req)
	for _, h := range haves {
		writeLine(&req, "have %s\n", h)
	}
	writeLine(&req, "done\n")
	body, err := s.do(ctx, http.MethodPost, "/"+uploadPack, uploadPack, req.Bytes())
	if err != nil {
		return nil, err
	}
	return &packBody{sideband{r: &skipAcks{r: body}, words: &words{}}, body}, nil
}

type packBody struct {
	sideband
	io.Closer
}

// skipAcks passes over the lines that answer our haves: with "done" sent at once
// they decide nothing, whatever their number.
type skipAcks struct {
	r    io.Reader
	past bool
	rest []byte
}

func (s *skipAcks) Read(p []byte) (int, error) {
	for !s.past {
		var buf [maxLine]byte
		line, err := readLine(s.r, &buf)
		if err != nil {
			return 0, noEOF(err)
		}
		text := string(line)
		if message, failed := strings.CutPrefix(text, "ERR "); failed {
			return 0, fmt.Errorf("remote: %s", clean(message))
		}
		if !strings.HasPrefix(text, "ACK ") && !strings.HasPrefix(text, "NAK") {
			s.past = true
			s.rest = fmt.Appendf(nil, "%04x%s", len(line)+4, line)
		}
	}
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	return s.r.Read(p)
}

// do sends one request and gives the answer's body. Cancelling happens through ctx
// or by silence: the timer starts anew with every read.
func (s *smartHTTP) do(ctx context.Context, method, path, service string, content []byte) (io.ReadCloser, error) {
	name, password, err := s.opts.credentials()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, method, s.base.String()+path, bytes.NewReader(content))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if service != "" {
		req.Header.Set("Content-Type", "application/x-"+service+"-request")
		req.Header.Set("Accept", "application/x-"+service+"-result")
	}
	if name != "" || password != "" {
		req.SetBasicAuth(name, password)
	}
	res, err := s.client.Do(req)
	if err != nil {
		cause := context.Cause(ctx)
		cancel(nil)
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
		cancel(nil)
		return nil, err
	}
	body := &impatient{
		body: res.Body, cause: func() error { return context.Cause(ctx) }, cancel: cancel, patience: s.opts.Timeout,
	}
	body.timer = time.AfterFunc(body.patience, func() {
		cancel(fmt.Errorf("the remote was silent for %s", body.patience))
	})
	return body, nil
}

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
			to = "to " + u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/info/refs")
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
	body     io.ReadCloser
	cause    func() error
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
}

func (b *impatient) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.timer.Reset(b.patience)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := b.cause(); cause != nil {
			err = cause
		}
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return n, err
}

func (b *impatient) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}
