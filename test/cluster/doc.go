// Package cluster gives tests real management clusters: it builds
// test/devcluster, starts one run of it, and stops it at the end.
//
//	var fixture = cluster.New(cluster.Options{})
//
//	func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }
//
//	func TestX(t *testing.T) { cfg := fixture.Start(t).Shard("shard-1").Config(t) … }
//
// Config is an administrator's connection; what the daemon is to be given is the
// kubeconfig of Admit, which has the rights of examples/install/shard and no others.
//
// The run is started by the first test that asks for it, in a folder of its own,
// and shared by all tests of the binary: each makes namespaces of its own.
// Without a node and cert-manager it is ready after about four seconds. It ends
// with the test binary, however that ends.
package cluster
