package cluster_test

import (
	"os"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/tenantry/tenantry/test/cluster"
)

var fixture = cluster.New(cluster.Options{Names: []string{"eu-1", "us-1"}})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

func TestAPIServerGoesAndComesBack(t *testing.T) {
	run := fixture.Start(t)
	alive := map[string]func() bool{}
	for _, s := range run.Shards {
		client, err := kubernetes.NewForConfig(s.Config(t))
		if err != nil {
			t.Fatal(err)
		}
		alive[s.Name] = func() bool { _, err := client.ServerVersion(); return err == nil }
	}
	if len(alive) != 2 || !alive["eu-1"]() || !alive["us-1"]() {
		t.Fatal("not both are up")
	}
	run.Down(t, "eu-1")
	if alive["eu-1"]() || !alive["us-1"]() {
		t.Error("want eu-1 down and us-1 up")
	}
	run.Up(t, "eu-1")
	if !alive["eu-1"]() {
		t.Error("want eu-1 up again")
	}
	if again := fixture.Start(t); again != run {
		t.Error("a second run was started")
	}
}
