package core

import (
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Config is what the core is told once. Zero durations take the defaults.
type Config struct {
	// ReadOnly observes and decides, but pushes and applies nothing.
	ReadOnly bool
	// FetchInterval is how often Git is looked at unasked; default 60 s.
	FetchInterval time.Duration
	// StatusInterval is the least time between two status commits; default 10 s.
	StatusInterval time.Duration
	// AcceptRewind is a declared commit that may replace what was accepted although
	// it does not descend from it: a person's answer to a rewound branch.
	AcceptRewind string
	// MaxWork bounds the owners worked on at once on one shard; default 16.
	MaxWork int
}

// Core holds what is known and decides what to do. Make it with New; it is not
// safe for several goroutines.
type Core struct {
	cfg      Config
	renderer *render.Renderer

	git    gitState
	ledger ledgerState
	status statusState
	shards map[string]*shardState
	owners map[string]*ownerState // by uid
	// inspections are kubeconfigs that have to be looked at, by owner's uid.
	inspections map[string]*inspection
	packer      *packer
	unpacked    []*Object
	notes       map[string]note // by tenant name: why it is not decided otherwise
	// leftTo are new tenants that another replica decides about, and so speaks of.
	leftTo map[string]bool
	// awaited are datastores to which tenants come when they are ready.
	awaited map[string]bool

	// proofs are what rendering new tenants has told, by name; unproven are to come.
	proofs   map[string]*proof
	unproven []unproven

	remarks    []string
	introduced bool // the shards that there are kubeconfigs for are known
	undecided  bool // decisions have to be looked at again
	decided    bool // once at least: notes say what there is to say
	// settled is the declared commit that asks for no more decisions.
	settled string
	unread  bool // all of the status has to be looked at again
	// news are the tenants whose status has to be looked at again, newsOfShards the
	// shards' own.
	news         map[string]bool
	newsOfShards bool
	first        int // the shard whose owners are looked at first
	// later are the owners that have to be looked at although nothing happened.
	later   map[*ownerState]bool
	next    time.Time
	effects []Effect
}

type gitState struct {
	declared *Declared // the last one without a problem
	// own is the commit that was declared when this replica held a Lease last and every
	// shard's agreed with it: what comes next has to descend from it. What is read before
	// Leases are heard may be a branch that was rewritten.
	own     string
	problem Problem
	message string
	err     error // of the last fetch
	// asked and done are the newest Fetch asked for and ended well.
	asked, ended, done int64
	attempts           int
	// wanted has to be asked for at once; askedAt and readAt are when the newest Fetch,
	// and the newest one that ended well, were asked for.
	wanted          int64
	askedAt, readAt time.Time
	// accepted goes with the Fetch that was asked for; vetted are the accepted
	// commits that what is declared is known to descend from. waived are those that a
	// person has let what is declared replace.
	accepted  []string
	vetted    map[string]bool
	waived    map[string]bool
	nextFetch time.Time
	last      map[WantRef]Last
	searched  map[WantRef]bool
	wants     []Want
	searching bool // a FindLast is under way
}

type ledgerState struct {
	known   bool // read once at least, without a problem since
	tip     string
	entries *ledger.Ledger
	// classes are those in force, by key; judged are the kinds whose content is read.
	classes map[string]*fleet.Class
	judged  []string
	fleets  map[string]*fleet.Fleet
	problem Problem
	message string

	pushing  *PushLedger
	attempts int
	retryAt  time.Time
	pushErr  error
	// contains are tips that leases remember, and whether the ledger has them.
	contains map[string]bool
	// nextPurge is when decisions have to be looked at again.
	nextPurge time.Time
}

type statusState struct {
	known bool
	tip   string
	files map[string][]byte
	built map[string]builtFile
	// next are the files to be written or removed, as far as they were looked through;
	// places say where what is said of a tenant stands.
	next     map[string][]byte
	places   map[string]string
	sweep    bool // files that nothing stands behind have to be looked for
	pushing  *PushStatus
	attempts int
	retryAt  time.Time // not before: interval and back-off
	// renewAt is when the branch's overview has to be looked at; zero is never.
	renewAt time.Time
	err     error
}

type shardState struct {
	name string
	// configured: there is a kubeconfig; heard: it is known what the Lease says, or why not.
	configured, heard bool
	lease             Lease
	// pin is what was last asked to be watched; watched are the kinds asked for, synced those whose objects are all known.
	pin     *ledger.Shard
	judged  []string // with pin
	watched map[string]bool
	synced  map[string]bool
	unknown map[string]bool
	// lacking are kinds that the ledger has to list before anything of them is applied.
	lacking []string
	// unwatched says of kinds why they cannot be listed.
	unwatched map[string]string
	objects   map[string]held // by owner uid
	anchors   map[string]Anchor
	busy      int
	// dirty and waiting are the owners whose turn it is, as soon as may be.
	dirty, waiting turns
	// remembered is what the keeper was last told.
	remembered Remember
	problem    note
}

// ownerState is what is known of one owner of objects: a tenant or a datastore.
type ownerState struct {
	owner render.Owner
	shard string
	// dirty owners are looked at; busy ones are being worked on.
	dirty, busy bool

	attempts int
	retryAt  time.Time
	failures []Failure
	// wanted is what should be there; refused is what could not be rendered, and why.
	wanted  *wanted
	refused map[recipe]error
	// proven is what it is to be as soon as that is decided, if it is known already.
	proven   *wanted
	accepted acceptance
	// made is the unit of a new tenant with a Component of its own, until its first
	// work: building one takes thirty times as long as stamping.
	made *render.Unit
	// unit is at hand within the Step that rendered it.
	unit *render.Unit
	// fresh is the Fetch that has to end before anything is deleted; 0 is none.
	fresh   int64
	verdict verdict
	// seen counts what was observed; health is what was judged of it, for judged, at
	// judgedAt.
	seen, judgedAt int64
	judged         *wanted
	health         render.Health
	// credentials are what was found out of a kubeconfig that is not ours.
	credentials credentials
	// secrets are what is known of those that a datastore refers to.
	secrets secrets
	// contests are the objects that were healed lately; lookAt is when they have to be
	// looked at although nothing happened, zero is never.
	contests map[render.ObjectID]*contest
	lookAt   time.Time
}

// note says in Kubernetes' manner why something is as it is.
type note struct{ reason, message string }

// New makes a core that knows nothing yet. Its first Step asks for Git.
func New(cfg Config, renderer *render.Renderer) *Core {
	if cfg.FetchInterval == 0 {
		cfg.FetchInterval = time.Minute
	}
	if cfg.StatusInterval == 0 {
		cfg.StatusInterval = 10 * time.Second
	}
	if cfg.MaxWork == 0 {
		cfg.MaxWork = 16
	}
	return &Core{
		cfg:      cfg,
		renderer: renderer,
		git:      gitState{vetted: map[string]bool{}, waived: map[string]bool{}, last: map[WantRef]Last{}, searched: map[WantRef]bool{}},
		ledger:   ledgerState{contains: map[string]bool{}},
		shards:   map[string]*shardState{},
		owners:   map[string]*ownerState{},
		notes:    map[string]note{},
		status:   statusState{built: map[string]builtFile{}, next: map[string][]byte{}, places: map[string]string{}},
		news:     map[string]bool{},
		later:    map[*ownerState]bool{},

		proofs:      map[string]*proof{},
		inspections: map[string]*inspection{},
		packer:      newPacker(),
	}
}

// Step takes one event at a time in and gives what to do. The caller carries the
// effects out in any order, at the same time if it likes, and reports what came
// of each. When Next has come, and nothing else happened, it steps with Tick.
func (c *Core) Step(event Event, now time.Time) []Effect {
	c.effects, c.next = nil, time.Time{}
	c.take(event, now)
	c.fetch(now)
	c.decide(now)
	c.work(now)
	c.inspect(now)
	c.decide(now) // what was torn down just now is a decision
	c.proveSome()
	c.report(now)
	c.packAll()
	return c.effects
}

// Next is when Step wants to be called although nothing happened; zero is never.
func (c *Core) Next() time.Time { return c.next }

func (c *Core) emit(e Effect) { c.effects = append(c.effects, e) }

// wake asks for a Step at t.
func (c *Core) wake(t time.Time) {
	if !t.IsZero() && (c.next.IsZero() || t.Before(c.next)) {
		c.next = t
	}
}

// due tells whether t has come, and asks for a Step at t when it has not.
func (c *Core) due(t, now time.Time) bool {
	if now.Before(t) {
		c.wake(t)
		return false
	}
	return true
}

// backoff is the pause after the n-th failure in a row: 1 s, doubled, 2 min at most.
func backoff(attempts int) time.Duration {
	return min(time.Second<<min(max(attempts-1, 0), 10), 2*time.Minute)
}

func (c *Core) shard(name string) *shardState {
	s := c.shards[name]
	if s == nil {
		s = &shardState{
			name: name, watched: map[string]bool{}, synced: map[string]bool{}, unknown: map[string]bool{}, unwatched: map[string]string{},
			objects: map[string]held{}, anchors: map[string]Anchor{},
		}
		c.shards[name] = s
	}
	return s
}
