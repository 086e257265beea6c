package controllers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// Options of Controllers.
type Options struct {
	// Seed draws the delays.
	Seed uint64
	// Now is the cluster's clock.
	Now func() time.Time
	// Refused is told of every write that the API server refused, if set; it is tried
	// again after a while.
	Refused func(apiserver.Key, error)
}

// Controllers play the controllers of one cluster. They are not safe for several
// goroutines.
type Controllers struct {
	server  *apiserver.Server
	options Options
	random  *rand.Rand
	players map[kind]player
	queue   *queue
	stopped bool

	// present are the objects of each namespace, "" holding those of the cluster.
	present map[string]map[apiserver.Key]bool
	// waiting are those that look again when an object changes.
	waiting map[apiserver.Key][]apiserver.Key
	// refused counts an object's refusals in a row.
	refused map[apiserver.Key]int
	// troubles are asked from the last to the first.
	troubles []trouble
	// renew are to be renewed though nothing is wrong with them; issued counts what each
	// was given.
	renew  map[apiserver.Key]bool
	issued map[apiserver.Key]int
	writes int
}

// kind is what decides who plays.
type kind struct{ group, name string }

// player does the next thing with an object that is there: one write or none. Again says
// when to look again though nothing changes; zero means never.
type player func(key apiserver.Key, o apiserver.Object) (again time.Duration, err error)

// New begins to play on a server, with what is there already.
func New(server *apiserver.Server, options Options) *Controllers {
	c := &Controllers{
		server: server, options: options, random: rand.New(rand.NewPCG(options.Seed, 0x636f6e74726f6c)), queue: newQueue(),
		present: map[string]map[apiserver.Key]bool{}, waiting: map[apiserver.Key][]apiserver.Key{},
		refused: map[apiserver.Key]int{}, renew: map[apiserver.Key]bool{}, issued: map[apiserver.Key]int{},
	}
	c.players = map[kind]player{
		{"", "Namespace"}:                           c.namespace,
		{"", "Service"}:                             c.service,
		{"", "PersistentVolumeClaim"}:               c.claim,
		{"apps", "Deployment"}:                      c.deployment,
		{"apps", "StatefulSet"}:                     c.statefulSet,
		{"batch", "Job"}:                            c.job,
		{"cert-manager.io", "Issuer"}:               c.issuer,
		{"cert-manager.io", "ClusterIssuer"}:        c.issuer,
		{"cert-manager.io", "Certificate"}:          c.certificate,
		{"kamaji.clastix.io", "TenantControlPlane"}: c.controlPlane,
		{"kamaji.clastix.io", "DataStore"}:          c.dataStore,
	}
	for _, o := range server.List() {
		c.Saw(apiserver.Change{Key: keyOf(o), Is: o})
	}
	return c
}

// Saw is told of every change on the server.
func (c *Controllers) Saw(change apiserver.Change) {
	key := change.Key
	switch {
	case change.Is == nil:
		delete(c.present[key.Namespace], key)
	case change.Was == nil:
		if c.present[key.Namespace] == nil {
			c.present[key.Namespace] = map[apiserver.Key]bool{}
		}
		c.present[key.Namespace][key] = true
	}
	if change.Is != nil && (c.players[kind{key.Group, key.Kind}] != nil || len(owners(change.Is)) > 0) {
		c.soon(key)
	}
	if waiting := c.waiting[key]; len(waiting) > 0 {
		delete(c.waiting, key)
		for _, other := range waiting {
			c.soon(other)
		}
	}
}

// Due tells after which time Step has something to do, and false when it has nothing.
func (c *Controllers) Due() (after time.Duration, ok bool) {
	at, ok := c.queue.next()
	if !ok || c.stopped {
		return 0, false
	}
	return max(0, at.Sub(c.options.Now())), true
}

// Step does the next thing that is due: one write, or none when nothing needs one. It
// tells whether there was one.
func (c *Controllers) Step() bool {
	before := c.writes
	for c.writes == before {
		if after, ok := c.Due(); !ok || after > 0 {
			return false
		}
		c.look(c.queue.take())
	}
	return true
}

// look has an object's controller look at it.
func (c *Controllers) look(key apiserver.Key) {
	again, err := c.play(key)
	if err != nil {
		if c.options.Refused != nil {
			c.options.Refused(key, err)
		}
		again = min(time.Second<<min(c.refused[key], 10), 5*time.Minute)
		c.refused[key]++
	} else {
		delete(c.refused, key)
	}
	if again > 0 {
		c.queue.add(key, c.options.Now().Add(again))
	}
}

func (c *Controllers) play(key apiserver.Key) (time.Duration, error) {
	o := c.server.Get(key)
	if o == nil {
		return 0, nil
	}
	if c.orphaned(key, o) {
		return 0, c.remove(key)
	}
	if play := c.players[kind{key.Group, key.Kind}]; play != nil {
		return play(key, o)
	}
	return 0, nil
}

// Stop stops all controllers, or has them go on where they are.
func (c *Controllers) Stop(stopped bool) { c.stopped = stopped }

// Rotate renews a Certificate, or the kubeconfig of a TenantControlPlane, as if its time
// had come.
func (c *Controllers) Rotate(key apiserver.Key) {
	c.renew[key] = true
	c.soon(key)
}

// soon has an object looked at after a while: mostly seconds, rarely minutes.
func (c *Controllers) soon(key apiserver.Key) {
	if c.queue.holds(key) {
		return
	}
	delay := 200*time.Millisecond + time.Duration(c.random.Int64N(int64(2*time.Second)))
	switch chance := c.random.IntN(50); {
	case chance == 0:
		delay += time.Duration(c.random.Int64N(int64(3 * time.Minute)))
	case chance < 10:
		delay += time.Duration(c.random.Int64N(int64(3 * time.Second)))
	}
	c.queue.add(key, c.options.Now().Add(delay))
}

// await has key looked at when other changes: once, so it is asked for at each look.
func (c *Controllers) await(other, key apiserver.Key) {
	if !slices.Contains(c.waiting[other], key) {
		c.waiting[other] = append(c.waiting[other], key)
	}
}

// write makes or changes an object.
func (c *Controllers) write(manager, subresource string, o apiserver.Object) error {
	c.writes++
	// Who leaves managedFields out leaves them as they are, and saves copying them.
	if at(o, "metadata", "managedFields") != nil {
		o = with(o, nil, "metadata", "managedFields")
	}
	if _, err := c.server.Write(manager, subresource, o); err != nil {
		return fmt.Errorf("write as %s: %w", manager, err)
	}
	return nil
}

// apply makes or changes an object by server-side apply.
func (c *Controllers) apply(manager string, o apiserver.Object) error {
	c.writes++
	if _, err := c.server.Apply(manager, o); err != nil {
		return fmt.Errorf("apply as %s: %w", manager, err)
	}
	return nil
}

func (c *Controllers) remove(key apiserver.Key) error {
	c.writes++
	if err := c.server.Delete(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// report writes a status, if it says something else than it does.
func (c *Controllers) report(manager string, o apiserver.Object, status map[string]any) error {
	if same(mapping(o, "status"), status) {
		return nil
	}
	return c.write(manager, "status", with(o, status, "status"))
}
