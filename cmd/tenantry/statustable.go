package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"text/tabwriter"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
)

// table gives statuses for people. Times stand as they were committed, so that a
// table that is watched changes only when the fleet does.
func table(statuses []core.TenantStatus, detail bool) []byte {
	var out bytes.Buffer
	writeTable(&out, statuses)
	if detail {
		for _, s := range statuses {
			writeDetail(&out, s)
		}
	}
	return out.Bytes()
}

func writeTable(out *bytes.Buffer, statuses []core.TenantStatus) {
	if len(statuses) == 0 {
		fmt.Fprintln(out, "no tenants")
		return
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tTEAM\tSHARD\tDATASTORE\tPHASE\tSINCE\tVERSION\tENDPOINT\tREASON")
	for _, s := range statuses {
		since := phaseSince(s)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, dash(team(s.Source)), dash(s.Shard), dash(s.DataStore),
			s.Phase, dash(moment(since)), dash(s.Version), dash(s.Endpoint), dash(s.Why().Reason))
	}
	_ = t.Flush() // a buffer takes everything
}

// writeDetail says of one tenant what has no place in a row.
func writeDetail(out *bytes.Buffer, s core.TenantStatus) {
	fmt.Fprintln(out)
	writeConditions(out, s.Conditions)
	if s.PurgeAfter != nil {
		fmt.Fprintf(out, "\nremoved; its data is kept until %s: revert the commit before then to have it back\n", moment(*s.PurgeAfter))
	}
	if k := s.Kubeconfig; k != nil {
		fmt.Fprintf(out, "\nkubeconfig: key %s of secret %s/%s on shard %s, valid until %s\n", k.Key, k.Namespace, k.Secret, k.Shard, moment(k.NotAfter))
	}
}

func writeConditions(out io.Writer, conditions []core.Condition) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CONDITION\tSTATUS\tSINCE\tREASON\tMESSAGE")
	for _, c := range conditions {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", c.Type, c.Status, dash(moment(c.LastTransitionTime)), dash(c.Reason), dash(c.Message))
	}
	_ = t.Flush() // out is a buffer, and takes everything
}

// team is the folder above the tenant's (tenants/<team>/<name>).
func team(source string) string {
	if source == "" {
		return ""
	}
	return path.Base(path.Dir(source))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string { return cmp.Or(s, "-") }
