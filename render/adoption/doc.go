// Package adoption turns what runs on a shard already into declarations: the objects of
// control planes and datastores in, files of a fleet out.
//
//	objects ─ read (provider.yaml: import) ─► declaration ─ render ─► what it would be
//	                                                                    │
//	   class's overlay ◄─ what all have in common ─┐                    ▼
//	   tenant's Component ◄─ what only one has ────┴── residue: what it is beside that
//
//	files ─ load, render ─► the same as what is live? ── no ─► told, and nothing written
//
// What is declared takes over what is live, so it has to be equal to it in each field
// that is somebody's to say. Whatever cannot be said is told with object and field, and
// its owner is left out as a whole: half of a control plane is never declared.
//
// # Why
//
// A reader of operators' objects that knew what each field means would be wrong with the
// next version of the operator. Here nothing is known but what a provider describes: what
// a declaration would render is subtracted from what is live, and what remains becomes a
// patch, whatever it is. That the files are right is not believed but tried, by the very
// code that the daemon renders with.
//
// Objects are hostile: whoever may write one on a shard must not be able to have a file
// written anywhere else, nor to have another one's declared. The package is pure, and its
// files' names are made of names that were judged first.
package adoption
