package node

import (
	"flag"
	"fmt"
	"net/netip"
	"strings"

	"k8s.io/klog/v2"

	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

// options are the node's flags.
type options struct {
	kubeconfig string
	dir        string
	address    netip.Addr
	pods, pool subnet.Range
	apiserver  string
	images     images
	// clientCA, cert and key are for the kubelet's API.
	clientCA, cert, key string
}

func parseOptions(args []string) (options, error) {
	var o options
	var address, pods, pool string
	fs := flag.NewFlagSet("devcluster node", flag.ContinueOnError)
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server")
	fs.StringVar(&o.dir, "dir", "", "folder for pods, volumes and logs")
	fs.StringVar(&address, "address", "", "the node's own address")
	fs.StringVar(&pods, "pods", "", "pods' addresses, FIRST-LAST")
	fs.StringVar(&pool, "pool", "", "load balancers' addresses, FIRST-LAST")
	fs.StringVar(&o.apiserver, "apiserver", "", "host:port behind the Service default/kubernetes")
	fs.StringVar(&o.clientCA, "client-ca", "", "who may read logs has a certificate of this authority")
	fs.StringVar(&o.cert, "tls-cert", "", "certificate of the kubelet's API")
	fs.StringVar(&o.key, "tls-key", "", "its key")
	fs.Func("image", "`REPOSITORY=BINARY` (repeatable)", func(s string) error {
		repository, binary, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q: want REPOSITORY=BINARY", s)
		}
		o.images = append(o.images, image{repository, binary})
		return nil
	})
	klog.InitFlags(fs)
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.address, err = netip.ParseAddr(address); err != nil {
		return o, fmt.Errorf("--address: %w", err)
	}
	if o.pods, err = subnet.ParseRange(pods); err != nil {
		return o, fmt.Errorf("--pods: %w", err)
	}
	if o.pool, err = subnet.ParseRange(pool); err != nil {
		return o, fmt.Errorf("--pool: %w", err)
	}
	return o, nil
}
