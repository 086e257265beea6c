package core

import (
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Object is what a shard holds of an object that carries our label. Bodies of
// Secrets and credentials stay on the shard. It never changes once reported.
type Object struct {
	ID              render.ObjectID
	UID             string
	ResourceVersion string
	// OwnerUID is the label tenantry.io/uid; Self, Digest and Epoch are the
	// annotations. Zero values where they are missing or cannot be read.
	OwnerUID, Self, Digest string
	Epoch                  int64
	// Ours is true when managedFields holds our Apply entry, and the label in it.
	Ours bool
	// Drifted is true when our entry is not what our last apply left: somebody has
	// changed or removed a field of ours. It says nothing of an object that is not Ours.
	Drifted bool
	// Deleting is true once the object carries a deletion timestamp.
	Deleting bool
	// Parents are the UIDs of its ownerReferences.
	Parents []string
	// Content is the object without managedFields, for kinds that a provider
	// judges; nil for all others, and always for Secrets.
	Content map[string]any
	// Data is a SHA-256 in hex over a Secret's data; empty for other kinds.
	Data string
	// Certificate describes the leaf certificate of a Secret (tls.crt, or the
	// client certificate of a kubeconfig); nil when there is none.
	Certificate *Certificate

	// As the core keeps it: own says what Owned says, packed is Content.
	own    bool
	packed []byte
}

// Owned tells whether the object is really ours: a copied label or a copied
// annotation proves nothing.
func (o *Object) Owned() bool { return o.own || o.Ours && o.Self == o.ID.String() }

// Certificate is what may be told of a certificate.
type Certificate struct {
	// Fingerprint is the SHA-256 of its public key (SubjectPublicKeyInfo), in hex.
	Fingerprint string
	NotAfter    time.Time
}

// Anchor is what a shard remembers of an owner beside its objects: the highest
// epoch that was ever applied there. It is a ConfigMap in tenantry-system,
// changed by compare-and-swap, and outlives the owner's objects.
type Anchor struct {
	OwnerUID        string
	Epoch           int64
	ResourceVersion string
}

// Work is what to do for one owner on one shard, carried out in this order:
// the anchor, the applies in their order, the derived objects, the deletes.
// A failed step ends it; what follows is decided anew.
type Work struct {
	Shard string
	Owner render.Owner
	Epoch int64
	// RaiseAnchor asks for the anchor to be set to Epoch by compare-and-swap on
	// AnchorVersion (empty: it does not exist).
	RaiseAnchor   bool
	AnchorVersion string
	Apply         []Apply
	Derive        []Derive
	Delete        []Delete
}

// Empty tells whether there is nothing to do.
func (w *Work) Empty() bool {
	return !w.RaiseAnchor && len(w.Apply) == 0 && len(w.Derive) == 0 && len(w.Delete) == 0
}

// Apply writes one object by one forced server-side apply. With a UID the write
// carries it, so that an object that is gone is not made anew by a change that
// was meant for it. Without one the object is expected to be absent: one that is
// there and not ours is left alone and reported as Foreign.
type Apply struct {
	Object render.Object
	UID    string
	// Judged asks for the content to be reported with the object (Object.Content).
	Judged bool
	// Heals tells that fields of ours are to be taken back: it is found out from whom.
	Heals bool
}

// Derive makes an object on the shard from others (render.Derived). Source is the
// expected Object.Data of the certificate's Secret; Digest goes onto the object.
type Derive struct {
	Derived render.Derived
	UID     string
	Source  string
	Digest  string
	// Heals is as in Apply.
	Heals bool
}

// Delete removes one object, with its uid and resourceVersion as preconditions.
type Delete struct {
	ID                   render.ObjectID
	UID, ResourceVersion string
}

// Effect is something to be done by an edge; see Step.
type Effect interface{ effect() }

// Effects on Git.
type (
	// Fetch asks for all branches to be fetched and read; it ends with Fetched.
	Fetch struct {
		Seq int64
		// Accepted are the declared commits that were accepted before, here or by
		// whoever wrote the shards' leases: the new tip has to descend from each.
		Accepted []string
		// AcceptRewind is a commit that is accepted although it does not.
		AcceptRewind string
		// Ledger is the ledger's tip as the core knows it: a new one has to descend
		// from it. Empty when it knows none.
		Ledger string
		// Tips are ledger tips that shards' leases remember (LedgerRead.Known).
		Tips []string
	}
	// FindLast asks for the last declared commits with usable declarations of
	// tenants (by folder) or datastores (by file) that Commit breaks or lacks.
	FindLast struct {
		Commit string
		Wants  []Want
	}
	// PushLedger commits decisions on Parent; it ends with LedgerPushed.
	PushLedger struct {
		Parent string
		// Ledger is what was decided on; Commit and Changes are the cause and the decisions.
		Ledger  *ledger.Ledger
		Commit  string
		Changes ledger.Changes
		When    time.Time

		classes map[string]*fleet.Class
		fleets  map[string]*fleet.Fleet
	}
	// PushStatus commits observations, and with them the branch's overview (its
	// README.md), which is made from the files of the tip that they are laid on. It
	// ends with StatusPushed.
	PushStatus struct {
		Parent string
		// Files maps paths to contents, nil to remove. Without any the overview is
		// looked at, and committed if it tells something else than the files do.
		Files   map[string][]byte
		Message string
		When    time.Time
	}
)

// Effects of a read-only core: what it would have asked for. Nothing is to be done.
type (
	// WouldPush stands for a PushLedger.
	WouldPush struct {
		Ledger  *ledger.Ledger
		Changes ledger.Changes
	}
	// WouldDo stands for a Do.
	WouldDo struct{ Work Work }
)

// Want asks for the last good declaration of Ref. A tenant is good only when its
// class is one of Classes, those in force that it may have, and when it is none of
// Not, which cannot be rendered.
type Want struct {
	Ref     WantRef
	Classes []string
	Not     []*fleet.Tenant
}

// Effects on shards.
type (
	// Watch asks for labelled watches over these kinds, as the ledger lists them.
	Watch struct {
		Shard string
		Kinds []string
		// Judged are the kinds whose content is to be reported.
		Judged []string
	}
	// Do carries out Work; it ends with Done.
	Do struct{ Work Work }
	// Inspect has one Secret looked at that carries no label of ours: a kubeconfig that
	// the provider's own controllers make. It ends with Inspected.
	Inspect struct {
		Shard    string
		Owner    render.Owner
		Secret   render.SecretKey
		Revision string
	}
	// SeeSecrets has those Secrets looked at that a datastore refers to. It ends with
	// SecretsSeen.
	SeeSecrets struct {
		Shard string
		Owner render.Owner
		Keys  []render.SecretKey
	}
	// Remember asks the lease's keeper to write these down with its next renewal.
	Remember struct {
		Shard, Tip, Accepted string
	}
)

func (Fetch) effect()      {}
func (FindLast) effect()   {}
func (PushLedger) effect() {}
func (PushStatus) effect() {}
func (Watch) effect()      {}
func (Do) effect()         {}
func (Inspect) effect()    {}
func (SeeSecrets) effect() {}
func (Remember) effect()   {}
func (WouldPush) effect()  {}
func (WouldDo) effect()    {}

// ShardOf names the shard that an effect is for; empty for effects on Git.
func ShardOf(effect Effect) string {
	switch e := effect.(type) {
	case Watch:
		return e.Shard
	case Do:
		return e.Work.Shard
	case Inspect:
		return e.Shard
	case SeeSecrets:
		return e.Shard
	case Remember:
		return e.Shard
	}
	return ""
}
