package ledger

import _ "embed"

//go:embed README.ledger.md
var readme string

// README is the ledger branch's own README.md.
func README() []byte { return []byte(readme) }
