package node

import "strings"

// ownAddress completes the arguments of this binary's programs where their
// defaults would meet the next pod's: addresses to listen on, and folders.
func ownAddress(argv []string, ip, certs string) []string {
	has := func(flag string) bool {
		for _, a := range argv {
			if a == flag || strings.HasPrefix(a, flag+"=") {
				return true
			}
		}
		return false
	}
	add := func(flag, value string) {
		if !has(flag) {
			argv = append(argv, flag+"="+value)
		}
	}
	switch argv[0] {
	case "kube-apiserver":
		add("--bind-address", ip)
		add("--cert-dir", certs)
		add("--advertise-address", ip)
		add("--endpoint-reconciler-type", "none") // Endpoints may not name loopback addresses
	case "kube-controller-manager", "kube-scheduler":
		add("--bind-address", ip)
		add("--cert-dir", certs)
	case "etcd":
		add("--listen-peer-urls", "http://"+ip+":2380")
	}
	return argv
}
