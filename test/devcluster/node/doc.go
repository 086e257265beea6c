// Package node is a node whose pods are processes of this machine: "devcluster
// node". It stands for kubelet, container runtime, kube-proxy, cluster DNS, load
// balancer and volume provisioner at once.
//
//	pod          one worker, one address of its own in 127/8
//	image        a name for a binary (command.go); nothing is pulled
//	volumes      folders; Secrets and ConfigMaps are followed while the pod runs
//	Service      a listener on the cluster IP that forwards to ready pods
//	LoadBalancer the same on an address of the shard's pool
//	PVC          a folder that lives as long as its PersistentVolume
//
// A process is not a container, and some of what a manifest says must be
// translated (rewrite.go): mount paths become folders, wildcard and localhost
// addresses become the pod's own. Programs of this binary ask the node for names
// of Services; in arguments of other programs URLs with such names are replaced
// by the cluster IP.
//
// Not here: users, limits and everything else that needs a kernel's help,
// network policies, UDP, sidecar init containers, lifecycle hooks but preStop.
//
// # Why
//
// Network namespaces, mounts and users need privileges that neither a laptop nor
// a build agent gives away. All of 127/8 and a process group need none, and a
// control plane asks for little more. EndpointSlices may not name loopback
// addresses, so they stay empty and the proxy reads the node's own pods.
package node
