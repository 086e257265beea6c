package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// transport reaches one remote repository: by HTTP or by SSH. What is said there is
// the same (protocol.go, report.go).
type transport interface {
	// String names the remote for people, without credentials.
	fmt.Stringer
	// advertise asks what a service has. Errors: ErrAuth, ErrUnreachable,
	// errUnsupported, or ctx's. What it holds open is given back when ctx ends.
	advertise(ctx context.Context, service string) (*advertisement, error)
	close()
}

// advertisement is what a service says first: the references, and what it can do.
type advertisement struct {
	refs map[string]Hash
	caps map[string]string
	// ask sends a request to the service and gives its answer. It may be used again.
	ask func(ctx context.Context, request []byte) (io.ReadCloser, error)
}

func (a *advertisement) can(capability string) bool {
	_, found := a.caps[capability]
	return found
}

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	userAgent   = "git/tenantry"
	// maxAdvertisement bounds the list of references: a million of them.
	maxAdvertisement = 100 << 20
)

func branchRef(branch string) string { return "refs/heads/" + branch }

func newTransport(where *url.URL, opts Options) (transport, error) {
	if where.Scheme == "ssh" {
		return newSSH(where, opts)
	}
	return newSmartHTTP(where, opts)
}

// errUnsupported: the repository is of a kind that we cannot work with.
var errUnsupported = errors.New("unsupported repository")

// unsupportedFormat refuses object names that are not SHA-1, and says what to do.
func unsupportedFormat(format string) error {
	return fmt.Errorf("%w: it uses %s object names, and only SHA-1 is supported; keep the fleet in a repository made by git init --object-format=sha1",
		errUnsupported, strings.ToUpper(format))
}

// tagged says what was being done; an error that does not say of itself what it
// means is called tag.
func tagged(err, tag error, doing string) error {
	for _, known := range []error{ErrAuth, ErrUnreachable, ErrRejected, ErrUncertain, errUnsupported, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return fmt.Errorf("%w: %s: %w", tag, doing, err)
}
