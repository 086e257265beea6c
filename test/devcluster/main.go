package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	_ "time/tzdata"

	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	"github.com/tenantry/tenantry/test/devcluster/certmanager"
	"github.com/tenantry/tenantry/test/devcluster/node"
	"github.com/tenantry/tenantry/test/devcluster/process"
	"github.com/tenantry/tenantry/test/devcluster/up"
)

const usage = `devcluster runs real Kubernetes management clusters as processes of this machine.

  devcluster up --dir DIR [--shards N]      run clusters until told to end; see up --help
  devcluster stop|start --dir DIR --shard S stop or start the API server of one of them
  devcluster kubectl …                      talk to them: --kubeconfig DIR/kubeconfigs/shard-1

Components, run by up and by pods:
  etcd etcdctl kube-apiserver kube-controller-manager kube-scheduler kubectl
  cert-manager-controller node watchdog
`

func main() {
	// By its own name, as a link or in a pod, else by the first argument: ps and
	// logs show what a process is.
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	run, ok := component(name)
	if !ok && len(args) > 0 {
		name, args = args[0], args[1:]
		run, ok = component(name)
	}
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	os.Args = append([]string{name}, args...)
	resolveBy(os.Getenv(node.DNSEnv))
	os.Exit(run(args))
}

// component finds what this binary can be.
func component(name string) (func(args []string) int, bool) {
	switch name {
	case "etcd":
		return func([]string) int { etcdmain.Main(os.Args); return 0 }, true
	case "etcdctl":
		return func([]string) int { ctlv3.MustStart(); return 0 }, true
	case "kube-apiserver":
		return func([]string) int { return cli.Run(apiserver.NewAPIServerCommand()) }, true
	case "kube-controller-manager":
		return func([]string) int { return cli.Run(kcm.NewControllerManagerCommand()) }, true
	case "kube-scheduler":
		return func([]string) int { return cli.Run(scheduler.NewSchedulerCommand()) }, true
	case "kubectl":
		return func([]string) int { return cli.Run(kubectl.NewDefaultKubectlCommand()) }, true
	case "cert-manager-controller":
		return report(certmanager.Main), true
	case "node":
		return report(node.Main), true
	case "up":
		return report(func(args []string) error { return up.Main(args, os.Stderr) }), true
	case "stop", "start":
		return report(func(args []string) error { return up.Order(name, args, os.Stderr) }), true
	case "watchdog":
		return report(func(args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("watchdog: want one mark")
			}
			return process.Watch(args[0])
		}), true
	}
	return nil, false
}

func report(f func([]string) error) func([]string) int {
	return func(args []string) int {
		if err := f(args); err != nil {
			fmt.Fprintln(os.Stderr, "devcluster:", err)
			return 1
		}
		return 0
	}
}

// resolveBy sends this process's DNS questions to the node that runs it, for
// the names of Services. Other programs in pods are helped otherwise (node).
func resolveBy(server string) {
	if server == "" {
		return
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server)
	}}
}
