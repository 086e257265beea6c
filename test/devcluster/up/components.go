package up

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	apiserverPort   = 6443
	etcdPort        = 2379
	kcmPort         = 10257
	schedulerPort   = 10259
	certManagerPort = 9403
	nodeHealthPort  = 10248
)

// url is where a port of the shard's control plane is.
func url(scheme string, host netip.Addr, port int) string {
	return scheme + "://" + netip.AddrPortFrom(host, uint16(port)).String()
}

func (s *shard) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s *shard) etcdArgs() []string {
	client, peer := url("http", s.at.Control, etcdPort), url("http", s.at.Control, etcdPort+1)
	args := []string{"etcd", "--name=" + s.name, "--data-dir=" + s.path("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=" + s.name + "=" + peer,
		"--quota-backend-bytes=8589934592", "--log-level=warn"}
	if s.opts.noFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

func (s *shard) apiserverArgs() []string {
	p := s.pki.Path
	args := []string{"kube-apiserver",
		"--etcd-servers=" + url("http", s.at.Control, etcdPort),
		"--bind-address=" + s.at.Control.String(), "--secure-port=" + strconv.Itoa(apiserverPort),
		// Endpoints may not name loopback addresses: the "kubernetes" Service has none.
		"--advertise-address=" + s.at.Control.String(), "--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + s.at.Services.String(),
		"--tls-cert-file=" + p("server.crt"), "--tls-private-key-file=" + p("server.key"), "--client-ca-file=" + p("ca.crt"),
		"--cert-dir=" + s.path("certs", "kube-apiserver"),
		"--kubelet-client-certificate=" + p("admin.crt"), "--kubelet-client-key=" + p("admin.key"), "--kubelet-certificate-authority=" + p("ca.crt"),
		"--requestheader-client-ca-file=" + p("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + p("front-proxy-client.crt"), "--proxy-client-key-file=" + p("front-proxy-client.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p("sa.pub"), "--service-account-signing-key-file=" + p("sa.key"),
		"--authorization-mode=RBAC", "--allow-privileged=true", "--profiling=false",
		// The node-lifecycle controller, which would take the taint off, does not run.
		"--disable-admission-plugins=TaintNodesByCondition"}
	return append(args, s.opts.apiserverArgs...)
}

// controllers are those that a shard's work needs. Without the endpoint
// controllers: slices may not name loopback addresses, they would try for ever.
func controllers() []string {
	return []string{
		"deployment-controller", "replicaset-controller", "statefulset-controller", "job-controller", "cronjob-controller",
		"daemonset-controller", "disruption-controller", "ttl-after-finished-controller",
		"namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller",
		"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
		// Without the protection controllers their finalizers would stay for ever.
		"persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller",
	}
}

func (s *shard) kcmArgs() []string {
	return []string{"kube-controller-manager", "--kubeconfig=" + s.path("kcm.kubeconfig"), "--leader-elect=false",
		"--bind-address=" + s.at.Control.String(), "--secure-port=" + strconv.Itoa(kcmPort), "--cert-dir=" + s.path("certs", "kube-controller-manager"),
		"--service-account-private-key-file=" + s.pki.Path("sa.key"), "--root-ca-file=" + s.pki.Path("ca.crt"),
		"--use-service-account-credentials=false", "--kube-api-qps=200", "--kube-api-burst=400",
		"--controllers=" + strings.Join(controllers(), ",")}
}

func (s *shard) schedulerArgs() []string {
	return []string{"kube-scheduler", "--kubeconfig=" + s.path("scheduler.kubeconfig"), "--leader-elect=false",
		"--bind-address=" + s.at.Control.String(), "--secure-port=" + strconv.Itoa(schedulerPort), "--cert-dir=" + s.path("certs", "kube-scheduler"),
		"--kube-api-qps=200", "--kube-api-burst=400"}
}

func (s *shard) certManagerArgs() []string {
	return []string{"cert-manager-controller", "--kubeconfig=" + s.path("cert-manager.kubeconfig"),
		fmt.Sprintf("--health=%s", netip.AddrPortFrom(s.at.Control, certManagerPort))}
}

func (s *shard) nodeArgs() []string {
	args := []string{"node", "--kubeconfig=" + s.path("node.kubeconfig"), "--dir=" + s.dir,
		"--address=" + s.at.Node.String(), "--pods=" + s.at.Pods.String(), "--pool=" + s.at.Pool.String(),
		"--apiserver=" + netip.AddrPortFrom(s.at.Control, apiserverPort).String(),
		"--client-ca=" + s.pki.Path("ca.crt"), "--tls-cert=" + s.pki.Path("node.crt"), "--tls-key=" + s.pki.Path("node.key")}
	for _, image := range s.opts.images {
		args = append(args, "--image="+image)
	}
	return args
}
