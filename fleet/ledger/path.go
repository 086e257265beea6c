package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Dir gives the folder of a tenant's file: the first byte of the name's SHA-256
// in hex, which keeps folders small however many tenants there are.
func Dir(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:1])
}

// TenantPath gives the file of a tenant's entry.
func TenantPath(name string) string { return "tenants/" + Dir(name) + "/" + name + ".yaml" }

// DataStorePath gives the file of a datastore's entry.
func DataStorePath(name string) string { return "datastores/" + name + ".yaml" }

// ClassPath gives the file of a class's entry.
func ClassPath(name string) string { return "classes/" + name + ".yaml" }

// ShardPath gives the file of a shard's entry.
func ShardPath(name string) string { return "shards/" + name + ".yaml" }

// SourcePath gives the place where a declared tree is mounted.
func SourcePath(tree string) string { return "sources/" + tree }

// UID derives an identity, in the form of a UUID, from what makes it unique: the
// ledger's tip, what is identified, and the commit that declares it. The same
// decision made twice gives the same identity; made on another tip, another.
func UID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		// Lengths first, so that no two lists of parts read alike.
		_ = binary.Write(h, binary.BigEndian, uint64(len(p)))
		h.Write([]byte(p))
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80 // version 8: made by a rule of one's own (RFC 9562)
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
