package core

import (
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Event is something that happened, reported by an edge; see Step.
type Event interface{ event() }

// Problem says why a branch cannot be followed now. Empty is none.
type Problem string

// Problems.
const (
	Missing    Problem = "Missing"    // the branch does not exist
	Rewound    Problem = "Rewound"    // the tip does not descend from what was accepted
	Unreadable Problem = "Unreadable" // an object or a file of it cannot be read
)

// Events from Git.
type (
	// Declared is the declared branch as fetched; reported when it changed, and
	// whenever Problem is not empty.
	Declared struct {
		Commit, Tree string
		Fleet        *fleet.Fleet
		Findings     fleet.Findings
		Problem      Problem
		Message      string
	}
	// LedgerRead is the ledger as fetched; reported when its tip is not the one
	// that the core knows. Tip is empty when the branch does not exist.
	LedgerRead struct {
		Tip    string
		Ledger *ledger.Ledger
		// Classes and Fleets are what the trees hold that entries name, by tree.
		Classes map[string]*fleet.Class
		Fleets  map[string]*fleet.Fleet
		Problem Problem
		Message string
	}
	// TipsKnown tells, of the tips in Fetch.Tips, whether the ledger contains them.
	TipsKnown struct{ Contains map[string]bool }
	// StatusRead is the status branch as fetched, path to content; Tip is empty
	// when it does not exist.
	StatusRead struct {
		Tip   string
		Files map[string][]byte
	}
	// Fetched ends a Fetch: what it found was reported before. Err says why
	// nothing could be fetched; everything is as it was then.
	Fetched struct {
		Seq int64
		Err error
	}
	// LastFound answers FindLast. What is missing in ByRef was not found.
	LastFound struct {
		Commit string
		ByRef  map[WantRef]Last
		Err    error
	}
	// LedgerPushed ends a PushLedger. After an error the ledger is read again.
	LedgerPushed struct {
		Tip string
		Err error
	}
	// StatusPushed ends a PushStatus. Renew is when the overview has to be looked
	// at again, by a PushStatus without files if nothing else is to be said; zero is
	// never: it tells what there is.
	StatusPushed struct {
		Tip   string
		Renew time.Time
		Err   error
	}
)

// WantRef names a declaration by kind (fleet.KindTenant, fleet.KindDataStore)
// and the path where the ledger says it stands.
type WantRef struct{ Kind, Name, Path string }

// Last is the last good declaration of something, and the commit it stands in.
type Last struct {
	Commit, Tree string
	Fleet        *fleet.Fleet
}

// Events from shards.
type (
	// Kubeconfigs names the shards that this replica has kubeconfigs for.
	Kubeconfigs struct{ Shards []string }
	// Lease tells whether this replica holds the shard's Lease, whenever that or
	// what it says changes. While it is not held nothing is done there. With neither
	// an Identity nor an Err the connection ended, and another one is made.
	Lease struct {
		Shard string
		Held  bool
		// Holder is who holds it, when it is somebody else.
		Holder string
		// Identity is the uid of the shard's kube-system namespace.
		Identity string
		// Tip and Accepted are what the Lease remembered when it was acquired.
		Tip, Accepted string
		// Err says why the shard cannot be reached.
		Err error
	}
	// Observed reports changes of what the shard holds. Gone names objects that
	// are no longer there.
	Observed struct {
		Shard   string
		Objects []*Object
		Gone    []Gone
		Anchors []Anchor
	}
	// Synced tells that everything there is of these kinds has been reported, and
	// the anchors too. Unknown are kinds that the shard does not serve.
	Synced struct {
		Shard          string
		Kinds, Unknown []string
	}
	// Unwatched tells that a kind cannot be listed, and why; Synced ends it.
	Unwatched struct{ Shard, Kind, Message string }
	// Done ends a Do. The objects it wrote have been reported before.
	Done struct {
		Shard string
		Owner render.Owner
		// Failures are empty when all was done.
		Failures []Failure
		// Healed are the objects that were put right (Apply.Heals).
		Healed []Healed
	}
	// Inspected ends an Inspect: what may be told of the credentials, or why they cannot
	// be seen.
	Inspected struct {
		Shard       string
		Owner       render.Owner
		Revision    string
		Certificate *Certificate
		Failure     *Failure
	}
	// SecretsSeen ends a SeeSecrets: each Secret once, or why none could be looked at.
	SecretsSeen struct {
		Shard   string
		Owner   render.Owner
		Secrets []SecretSeen
		Failure *Failure
	}
	// Tick is the passing of time.
	Tick struct{}
	// Look says that Git may have changed: look now.
	Look struct{}
)

// Gone names an object that is no longer there.
type Gone struct {
	OwnerUID string
	ID       render.ObjectID
}

// Healed is one object of which fields were taken back.
type Healed struct {
	ID render.ObjectID
	// Digest is what it was put right to.
	Digest string
	// Field is one that was taken, and Rival who took it (manager and operation);
	// empty where that cannot be told.
	Field, Rival string
}

// SecretSeen is what may be told of a Secret that others put on a shard.
type SecretSeen struct {
	Namespace, Name string
	// Missing is true when there is none; Lacks are the keys that were asked for and are
	// not in it, or empty.
	Missing bool
	Lacks   []string
	// Written is when its data was last written, as the API server says.
	Written time.Time
	// Failure says why it cannot be looked at; nil when it was.
	Failure *Failure
}

// Failure is one step that failed.
type Failure struct {
	ID     render.ObjectID // zero for the anchor
	Reason string          // Foreign, Conflict, Invalid, Forbidden, NoKind, Unreachable, …
	// Message is for people; it holds no secret.
	Message string
	// RetryAfter is how long the shard asked us to wait; 0 when it did not.
	RetryAfter time.Duration
}

func (Declared) event()     {}
func (LedgerRead) event()   {}
func (TipsKnown) event()    {}
func (StatusRead) event()   {}
func (Fetched) event()      {}
func (LastFound) event()    {}
func (LedgerPushed) event() {}
func (StatusPushed) event() {}
func (Kubeconfigs) event()  {}
func (Lease) event()        {}
func (Observed) event()     {}
func (Synced) event()       {}
func (Unwatched) event()    {}
func (Done) event()         {}
func (Inspected) event()    {}
func (SecretsSeen) event()  {}
func (Tick) event()         {}
func (Look) event()         {}
