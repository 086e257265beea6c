// Package fleet holds what people declare: the kinds of a fleet repository, how
// they are read strictly and with positions, their defaults and their rules.
//
// A Fleet is everything that one commit declares, valid and indexed. Load reads
// it from any fs.FS; it never fails as a whole. What is wrong becomes a Finding
// with its place, and what a broken file would have declared is named in
// Fleet.Broken, because an invalid file is not an absent one: a tenant whose
// file no longer parses is held, never removed.
//
// What a commit does not declare is asked with Fleet.Absent and never by a look
// into the maps: a name may be broken, declared twice, or hidden in a folder that
// cannot be looked into. An error of Load is stronger than all findings: something
// is there that could not be read, and nothing follows from such a commit.
//
// A declaration is judged for itself when it is read, and then against what it
// names. A tenant has to fit its class: parameters, bounds, files of its own. One that
// no longer does is broken too, whichever of both was changed, and every message that
// a class's rule causes names the class's file. What patches change is seen in what
// they render to, so it is judged there and not here.
//
// The package is pure: no clock, no network, no disk but the fs.FS it is given.
// Placement lives in fleet/placement, the daemon's own decisions in fleet/ledger.
//
// # Why
//
// Values are read by strict decoding into plain structs, and positions stand in
// an index beside them, so that validation speaks of fields (spec.version) and
// only the edge of the package turns a field into file:line:col. Parameters are
// judged here and not by a library for OpenAPI, because these know no places, and
// because a part of OpenAPI that fits on a page is enough for single values.
//
// Most commits of a large fleet change one folder. A Loader remembers folders by the
// hashes that Git has of them, so what did not change is neither read nor judged
// again but against what it names.
package fleet
