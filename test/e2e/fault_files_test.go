package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/git/gittest"
)

// What can be wrong with a file, or with what stands in its place.

func TestFault01InvalidYAML(t *testing.T) {
	o := newOrdeal(t, "fault01")
	_, content := tenant(o.bad)
	o.suffers(o.spoil(content+"\tversion: v1.36.3\n", "Invalid", "tenant.yaml:7:"))
}

func TestFault02CyclicAnchor(t *testing.T) {
	o := newOrdeal(t, "fault02")
	_, content := tenant(o.bad)
	o.suffers(o.spoil(strings.Replace(content, "spec:\n", "spec: &spec\n  network: *spec\n", 1), "Invalid", "tenant.yaml:5:7"))
}

func TestFault03AliasBomb(t *testing.T) {
	o := newOrdeal(t, "fault03")
	bomb := "bomb0: &bomb0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("bomb%d: &bomb%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*bomb%d, ", i-1), 9), ", "))
	}
	_, content := tenant(o.bad)
	o.suffers(o.spoil(bomb+content, "Invalid", "tenant.yaml:1:8"))
}

func TestFault04HugeFile(t *testing.T) {
	o := newOrdeal(t, "fault04")
	_, content := tenant(o.bad)
	o.suffers(o.spoil(content+strings.Repeat("# 16 bytes long\n", 100<<20/16), "Invalid", "1 MiB"))
}

func TestFault05EmptyFile(t *testing.T) {
	o := newOrdeal(t, "fault05")
	o.suffers(o.spoil("", "Invalid", "empty"))
}

func TestFault06DuplicateKeys(t *testing.T) {
	o := newOrdeal(t, "fault06")
	_, content := tenant(o.bad, "replicas: 1", "replicas: 3")
	o.suffers(o.spoil(content, "Invalid", "tenant.yaml:8:3", "replicas"))
}

func TestFault07NoText(t *testing.T) {
	o := newOrdeal(t, "fault07")
	_, content := tenant(o.bad)
	o.suffers(o.spoil(content+"# \x00\n", "Invalid", "tenant.yaml:7:3"))
	o.suffers(o.spoil(content+"# \xff\n", "Invalid", "tenant.yaml:7:3", "UTF-8"))
}

func TestFault08HomographName(t *testing.T) {
	o := newOrdeal(t, "fault08")
	_, content := tenant(o.bad)
	o.suffers(o.spoil(strings.Replace(content, "-bad", "-b\u0430d", 1), "Invalid", "tenant.yaml:4:9", "metadata.name"))

	// Beside the tenant, in a folder of its own, it is a tenant that cannot be.
	twin := "fault08-b\u0430d"
	path, content := tenant(twin)
	o.suffers(fault{
		entries: map[string]gittest.Entry{path: gittest.File(content)},
		says:    []string{"want lower-case letters"},
	})
	if list := o.MustGit("ls-tree", "-r", "--name-only", decided); strings.Contains(list, "\\") || strings.Contains(list, twin) {
		t.Errorf("the ledger has an entry of a name that is not ASCII:\n%s", list)
	}
}

func TestFault09TwoTenantsOfOneName(t *testing.T) {
	o := newOrdeal(t, "fault09")
	_, content := tenant(o.bad)
	other := "tenants/other/" + o.bad + "/tenant.yaml"
	// The one that was there first is not held: it goes on, and may be changed.
	o.suffers(fault{
		entries: map[string]gittest.Entry{other: gittest.File(content)},
		says:    []string{other, o.path("tenant.yaml")},
	})
	mine, changed := tenant(o.bad, "replicas: 2")
	o.MustCommit(declared, map[string]string{other: content, mine: changed})
	o.eventually("the first one's change arrives", func() error { return o.shard.replicas(o.bad, 2) })
	o.reach("Ready", o.bad)
}

func TestFault10FolderOfAnotherName(t *testing.T) {
	o := newOrdeal(t, "fault10")
	_, content := tenant("fault10-other")
	o.suffers(o.spoil(content, "Invalid", "tenant.yaml:4:9", "metadata.name"))
}

func TestFault11SymbolicLink(t *testing.T) {
	o := newOrdeal(t, "fault11")
	o.suffers(fault{
		entries: map[string]gittest.Entry{o.path("tenant.yaml"): {Mode: "120000", Data: "../" + o.good + "/tenant.yaml"}},
		says:    []string{o.path("tenant.yaml"), "symbolic link"},
		reason:  "Invalid",
	})
}

func TestFault12Submodule(t *testing.T) {
	o := newOrdeal(t, "fault12")
	// The hash of a commit that is nowhere: nothing may look for it.
	o.suffers(fault{
		entries: map[string]gittest.Entry{
			o.path("tenant.yaml"):   {},
			"tenants/team/" + o.bad: {Mode: "160000", Data: strings.Repeat("1", 40)},
		},
		says:   []string{"tenants/team/" + o.bad, "submodule"},
		reason: "Invalid",
	})
}
