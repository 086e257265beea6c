// Command devcluster is real Kubernetes management clusters on one machine,
// without a container runtime, without privileges and without downloads but Go
// modules.
//
// One binary is etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
// kubectl, cert-manager's controllers and a node that runs pods as processes;
// "devcluster up" starts as many clusters of them as asked for. It serves the
// demonstration, the tests and whoever wants to try Tenantry without a cluster.
// It is a module of its own, so that the product's go.mod stays clean, and no
// part of the product.
//
//	process       starts processes that don't outlive the run
//	subnet        loopback addresses: who has which
//	pki           keys and certificates of a shard
//	up            shards: start, stop, outage
//	node          pods, volumes, probes, services, DNS, load balancer addresses
//	certmanager   cert-manager's controllers
//
// # Why
//
// The product's claims are about real API servers, so tests need real ones, by
// the dozen and in seconds. A container runtime would ask for root and images;
// a simulated API server would answer what its author believes.
package main
