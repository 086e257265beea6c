package main

// advice says of a reason what a person can do, in the imperative. Reasons that
// are not here pass by themselves. docs/formats.md explains all of them.
var advice = map[string]string{
	"Invalid":                `mend the declaration; "tenantry validate" says where`,
	"NotRendered":            `mend the declaration or its class; "tenantry validate" says where`,
	"ClassUnusable":          `mend the class; "tenantry validate" says where`,
	"DataStoreUnusable":      `mend the datastore; "tenantry validate" says where`,
	"BaseUnknown":            "run a tenantry that carries that base version: an older one cannot look after what stands on it",
	"NoPlace":                "make room on a shard, or ask for less",
	"CannotObserve":          "let the daemon list that kind on the shard: its rights there lack it",
	"Frozen":                 "revert the change: a living tenant keeps its provider, shard and datastore",
	"Moved":                  "name the old folder in spec.movedFrom, if it is the same tenant; else give it another name",
	"NameTaken":              "choose another name, or wait until the removed tenant of this one is purged",
	"DeletionBrake":          "revert the removals, or raise spec.deletion in fleet.yaml if they are meant",
	"LastDeclarationUnknown": "restore the tenant's file: no good one was found in the history",
	"DeclaredMissing":        "restore the declared branch",
	"DeclaredRewound":        "push a commit that descends from the accepted one, or accept the new history with --accept-rewind",
	"DeclaredUnreadable":     "restore the declared branch: an object of it cannot be read",
	"LedgerUnreadable":       "run the newest tenantry if the message says that a newer one wrote it; else restore the ledger branch from a clone",
	"LedgerRewound":          "restore the ledger branch from a clone",
	"LedgerMissing":          "restore the ledger branch from a clone",
	"ShardUnavailable":       "look at the shard's kubeconfig and the way to its API server, and whether a replica runs that has one",
	"IdentityChanged":        "mend the kubeconfig: it leads to another cluster than the ledger says",
	"IdentityTaken":          "mend the kubeconfig: it leads to another shard's cluster",
	"EpochBehind":            "restore the ledger: the shard has seen newer decisions",
	"Contested":              "have one of both give the field up: a patch of the tenant's, or the other tool",
	"Foreign":                "remove or rename the object that is in the way: it is not Tenantry's",
	"Forbidden":              "give the daemon that right on the shard",
	"NoKind":                 "install what serves that kind on the shard, such as cert-manager",
	"NotFound":               "make the namespace, or install what is missing on the shard",
	"Internal":               "report it: this is a fault of Tenantry's",
}
