package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
)

// Each kind's file is its entry with a header before it, laid flat.
type (
	header struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	tenantFile struct {
		header
		Tenant
	}
	dataStoreFile struct {
		header
		DataStore
	}
	classFile struct {
		header
		Class
	}
	shardFile struct {
		header
		Shard
	}
)

// Encode gives an entry's file. The same entry gives the same bytes; what Read
// would refuse is not written.
func Encode[E entry](e E) ([]byte, error) {
	if err := e.valid(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.path(), err)
	}
	head := header{fleet.APIVersion, e.kind()}
	var file any
	switch e := any(e).(type) {
	case *Tenant:
		file = tenantFile{head, *e}
	case *DataStore:
		file = dataStoreFile{head, *e}
	case *Class:
		file = classFile{head, *e}
	case *Shard:
		file = shardFile{head, *e}
	}
	data, err := strict.Encode(file)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.path(), err)
	}
	return data, nil
}

// decodeFile reads one file of a kind. read gives the entry out of its file type.
func decodeFile[F any, E entry](file string, data []byte, read func(*F) E) (E, error) {
	var f F
	e := read(&f)
	doc, problems := strict.Parse(data)
	if len(problems) > 0 {
		return nil, problemsError(file, problems)
	}
	if version, kind := doc.Header(); version != fleet.APIVersion || kind != e.kind() {
		return nil, fmt.Errorf("read %s: is %s %s, want %s %s: it was written by a newer tenantry or by hand", file, version, kind, fleet.APIVersion, e.kind())
	}
	if problems := doc.Decode(&f, nil); len(problems) > 0 {
		return nil, problemsError(file, problems)
	}
	if err := e.valid(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if e.path() != file {
		return nil, fmt.Errorf("read %s: its entry belongs into %s", file, e.path())
	}
	return e, nil
}

// problemsError tells all that is wrong with a file in one line.
func problemsError(file string, problems []strict.Problem) error {
	texts := make([]string, len(problems))
	for i, p := range problems {
		text := p.Message
		if p.Message == strict.UnknownField {
			text = "is not known: it was written by a newer tenantry"
		}
		if p.Field != "" {
			text = p.Field + ": " + text
		}
		texts[i] = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, text)
	}
	return fmt.Errorf("read %s: %w", file, errors.New(strings.Join(texts, "; ")))
}
