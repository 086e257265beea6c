package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// image is what the daemon names in Jobs; pods of it run our own binary.
const image = "ghcr.io/tenantry/tenantry"

// shardInfo is a shard in devcluster's ready.json.
type shardInfo struct{ Name, Server, AddressPool string }

func (d *demo) startClusters(ctx context.Context) error {
	began := time.Now()
	dir := filepath.Join(d.dir, "clusters")
	d.out.command("devcluster up --names eu-1,eu-2 --dir clusters &")
	var err error
	d.clusters, err = startProcess("devcluster", filepath.Join(d.dir, "devcluster.log"), d.dir, environment(os.Environ()), []string{
		d.opts.devcluster, "up", "--names", "eu-1,eu-2", "--dir", dir, "--until-eof", "--unsafe-no-fsync",
		"--image", image + "=" + d.opts.tenantry,
	})
	if err != nil {
		return err
	}
	err = d.wait(ctx, func(context.Context) error {
		content, err := os.ReadFile(filepath.Join(dir, "ready.json"))
		if errors.Is(err, os.ErrNotExist) {
			return errors.New("the clusters are starting; " + d.clusters.lastWords())
		}
		if err != nil {
			return err
		}
		var ready struct{ Shards []shardInfo }
		err = json.Unmarshal(content, &ready)
		d.shards = ready.Shards
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range d.shards {
		d.out.progress("%s is ready: %s, addresses for tenants %s", s.Name, s.Server, s.AddressPool)
	}
	d.timed(began, "two management clusters")
	return nil
}

// admit does what an administrator does on each management cluster.
func (d *demo) admit(ctx context.Context) error {
	began := time.Now()
	if err := os.Mkdir(filepath.Join(d.dir, "shards"), 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	for _, s := range d.shards {
		err := d.showAll(ctx,
			"kubectl --kubeconfig $CLUSTERS/"+s.Name+" apply -k $INSTALL/shard",
			"KUBECONFIG=$CLUSTERS/"+s.Name+" $INSTALL/shard/kubeconfig.sh > $TENANTRY_KUBECONFIGS/"+s.Name+".kubeconfig",
		)
		if err != nil {
			return err
		}
	}
	d.timed(began, "the daemon admitted to %d clusters", len(d.shards))
	return nil
}

// showState shows, after a failure, what there is to see; nothing it does can fail
// the demo any more.
func (d *demo) showState(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	d.out.line("")
	d.out.line("It failed. This is how things stand:")
	if d.daemon != nil {
		_, _ = d.show(ctx, "tenantry status")
		for _, s := range d.shards {
			_, _ = d.show(ctx, fmt.Sprintf("kubectl --kubeconfig $CLUSTERS/%s get pods -A", s.Name))
		}
	}
	for _, p := range []*process{d.clusters, d.daemon} {
		if p == nil {
			continue
		}
		d.out.command("tail " + filepath.Base(p.log))
		for _, line := range p.tail(10) {
			d.out.text(line)
		}
	}
}
