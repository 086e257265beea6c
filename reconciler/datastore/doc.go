// Package datastore makes and removes tenants' access to a shared etcd: a user, a
// role of the same name, and exactly one key range for each.
//
// It is what `tenantry datastore` runs, in Jobs beside the datastore, because only
// there is etcd's root certificate and the daemon usually stands outside of the
// shard. Every function may be repeated and interrupted anywhere: it looks at what is
// there and does the rest. None waits for a datastore longer than Config.Timeout;
// the Job tries again.
//
// # Why
//
// Every change of a user or role makes other users' requests in flight fail once
// ("revision in header is old"). So all is read first, and a repetition changes nothing.
//
// Clients are told apart by the common name of their certificates, so users have no
// passwords. A key range that lacks its final slash would hold a neighbour's keys
// (/a is a prefix of /ab/), therefore a prefix is checked before anything is done.
package datastore
