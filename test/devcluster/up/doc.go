// Package up runs whole management clusters, several at once, as processes of
// this machine: "devcluster up", and "stop" and "start" for one API server of a
// running one.
//
// A run has a folder and a block of loopback addresses of its own, so that tests
// and a demonstration do not meet. In the folder:
//
//	ready.json              names, kubeconfigs, address pools; exists once all is ready
//	kubeconfigs/SHARD       an administrator's kubeconfig of each shard, nothing else
//	control.json            where a running up takes orders, and the password for it
//	SHARD/logs/*.log        a component's log; logs/pods/NAMESPACE_POD_UID/CONTAINER.log
//	SHARD/{etcd,pki,pods,volumes}
//
// A component that ends unasked ends the whole run: half a cluster would let
// tests fail for reasons that are not theirs.
//
// # Why
//
// An outage is made by killing the API server and leaving the rest: state and
// pods survive it as they do in a real one, and nothing has to be restored. The
// controllers are started anew after it, as their lost leases would have them:
// left alone they wait up to a minute before they try again.
package up
