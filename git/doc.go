// Package git takes commits in and puts commits out. It knows bytes and paths,
// branches and hashes, and never what a file means.
//
//	Open ─► Repository ─ Fetch ──► where branches are
//	                   ─ Revision ► a commit as a read-only file system
//	                   ─ Push ────► a Draft, by compare-and-swap on its parent
//
// Remote repositories are reached over HTTPS or SSH through a bare mirror on disk,
// local ones are opened in place. No git binary is needed, and no ssh. The mirror is a
// cache: one process uses it at a time, and what looks damaged is fetched anew, because
// no other answer to a torn file is safe. Package watch says when to look; work trees,
// merging and SHA-256 repositories are not supported.
//
// Promises to callers:
//
//   - An error is never an empty set. A branch is missing from Fetch's result, or
//     a path from a Revision (fs.ErrNotExist), only when that was seen; whatever
//     could not be read is ErrUnreadable.
//   - A Revision shows what its hash names: every object is hashed again when it
//     is read. Links and submodules are shown, and never followed.
//   - Push makes one commit, whatever becomes of the acknowledgement, and none on
//     a tip that the draft was not decided on.
//   - Credentials go to the host that was named, and into no error. Redirects are not
//     followed, and an SSH host that is not known by its key is not spoken to.
//   - What is in a file of a secret may be replaced while we run.
//
// # Why so little of go-git
//
// go-git reads packs and loose objects and indexes the packs that are received.
// Its push walks all history, its work tree hashes all files, its references are
// rewritten in place, which a crash tears, and it finds a file whose object is lost
// to be absent. So trees and commits are encoded here, a push sends exactly the
// objects of its draft, references are changed under Git's own lock files, and
// objects are only ever asked for by hash. go-git is not safe for several
// goroutines; one mutex guards each door to it.
//
// # Why protocol version 0
//
// Every server speaks it, it needs one request to list references and one to move
// objects, and a push has no other version. Its cost is that all references are
// listed each time: some 70 bytes each.
package git
