package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// text is the explanation for people: a sentence, then what it rests on.
func (e *explanation) text() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s: %s\n\n", e.Name, e.Summary)
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	e.writeDeclared(row)
	if d := e.Decided; d != nil {
		row("identity", "uid %s, epoch %d, %s", d.UID, d.Epoch, d.Lifecycle)
		e.writePlacement(row, d)
		if d.Held != nil {
			row("in force", "what commit %.12s declared, because of %s", d.Held.Commit, d.Held.Reason)
		}
	}
	for i, c := range e.Candidates {
		row(first(i, "candidates"), "shard %s: %s", c.Shard, c.Message)
	}
	e.writeObserved(row)
	for i, w := range e.WaitsFor {
		row(first(i, "waits for"), "%s", w)
	}
	for i, a := range e.Advice {
		row(first(i, "what helps"), "%s", a)
	}
	for i, n := range e.Notes {
		row(first(i, "notes"), "%s", n)
	}
	_ = t.Flush() // a buffer takes everything
	e.writeConditions(&out)
	return out.Bytes()
}

// first labels the first of several rows.
func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

type rowWriter func(label, format string, args ...any)

func (e *explanation) writeDeclared(row rowWriter) {
	if d := e.Declared; d == nil {
		row("declared", "nowhere")
	} else {
		row("declared", "%s", d.File)
		if d.Changed != nil {
			row("", "changed last by %s", d.Changed)
		} else {
			row("", "changed last more than %d commits ago", changeLimit)
		}
		if d.Broken != "" {
			row("", "cannot be used: %s", d.Broken)
		}
		if s := d.Spec; s != nil {
			row("asks for", "class %s, Kubernetes %s, %s", s.Class, cmp.Or(s.Version, "of no version"), plural(max(s.Replicas, 1), "replica"))
		}
	}
	c := e.Class
	if c == nil {
		return
	}
	if c.Commit == "" {
		row("class", "%s: nothing is in force yet", c.Name)
	} else {
		row("class", "%s as commit %.12s declared it, base %s %s", c.Name, c.Commit, c.Provider, c.BaseVersion)
	}
	if c.Note != "" {
		row("", "%s", c.Note)
	}
}

func (e *explanation) writePlacement(row rowWriter, d *ledger.Tenant) {
	p := d.Placement
	row("placement", "%s, %s", p.Where(), cmp.Or(p.Address, p.Host))
	if e.PlacedSince != nil {
		row("", "since %s in the ledger", e.PlacedSince)
	} else {
		row("", "since more than %d commits of the ledger", changeLimit)
	}
	switch a := d.Adopted; {
	case a != nil && d.Adopting():
		row("", "it ran there before, as %s in namespace %s, and is being taken over", a.Name, a.Namespace)
	case a != nil:
		row("", "it ran there before, as %s in namespace %s", a.Name, a.Namespace)
	case e.PlacedBy != "" && d.Lifecycle == ledger.Living:
		row("", "%s", e.PlacedBy)
	}
}

func (e *explanation) writeObserved(row rowWriter) {
	o := e.Observed
	if o == nil {
		return
	}
	if o.Endpoint != "" {
		row("endpoint", "%s, Kubernetes %s", o.Endpoint, cmp.Or(o.Version, "not observed yet"))
	}
	if k := o.Kubeconfig; k != nil {
		row("kubeconfig", "key %s of secret %s/%s on shard %s, valid until %s", k.Key, k.Namespace, k.Secret, k.Shard, moment(k.NotAfter))
	}
	switch s := e.Shard; {
	case s == nil || s.Commit == "":
	case s.Commit == e.Commit:
		row("shard", "%s has been brought to the newest commit, %.12s", s.Name, s.Commit)
	default:
		row("shard", "%s has been brought to commit %.12s as a whole; the newest one is %.12s", s.Name, s.Commit, e.Commit)
	}
}

func (e *explanation) writeConditions(out io.Writer) {
	if e.Observed == nil || len(e.Observed.Conditions) == 0 {
		return
	}
	fmt.Fprintln(out)
	writeConditions(out, e.Observed.Conditions)
}
