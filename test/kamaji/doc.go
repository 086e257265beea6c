// Package kamaji plays Kamaji for tests: definitions of its kinds that are just strict
// enough, and a responder that does with a shard's API server what the operator does,
// without any control plane behind it.
//
//	kamaji.Install(ctx, cfg)             the kinds, on a shard
//	kamaji.Run(ctx, cfg, kamaji.Options{})
//
// The responder has the operator's manners, as traces of the real one show them: it
// adds a finalizer and empty mappings of its own (so that a generation is 2 after
// creation), goes through Provisioning and NotReady to Ready, says observedGeneration
// before it is ready, makes the Secret <name>-admin-kubeconfig without anybody's label,
// puts control planes to sleep and wakes them, brings them to another DataStore without
// having seen the newest generation meanwhile, keeps a DataStore that is in use, and
// does nothing where an annotation pauses it.
//
// It is cheap: about four requests for a new tenant, and one for each later change, so
// that thousands can be played on a small machine. All kubeconfigs are one and the same
// certificate's, which nobody accepts.
//
// # Why
//
// The real definitions and the real operator are other projects'. `make contract` holds
// what is rendered against the former; this package is for what comes after.
package kamaji
