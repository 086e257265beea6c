package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet/strict"
)

// limits bound the files beside a declaration: an overlay, not an archive.
type limits struct {
	files, size int
}

// filesBeside reads the files of a declaration's folder but the declaration
// itself. YAML is looked through here, where a finding has its place; what it means
// is for Kustomize to say. It gives nil when there are too many to be read.
func (l *loader) filesBeside(e *entry, dir string, content folder, declaration string, most limits) (map[string][]byte, error) {
	if n := len(content.files); n > most.files {
		l.report(e, Finding{File: dir, Message: fmt.Sprintf("has %d files, more than %d", n, most.files)})
		return nil, nil
	}
	files, size := map[string][]byte{}, 0
	for _, rel := range content.order {
		if rel == declaration {
			continue
		}
		file := path.Join(dir, rel)
		if !plainPath(rel) {
			l.report(e, Finding{File: file, Message: "its name has characters other than letters, digits, '.', '_' and '-'", Hint: "rename it"})
			continue
		}
		data, problems, err := l.read(file, content.files[rel])
		if err != nil {
			return nil, err
		}
		if len(problems) == 0 && isYAML(rel) {
			problems = strict.Scan(data)
		}
		l.fileProblems(e, file, problems)
		if data != nil {
			files[rel] = data
		}
		if size += len(data); size > most.size {
			l.report(e, Finding{File: dir, Message: fmt.Sprintf("its files are larger than %s together", bytesText(most.size))})
			break
		}
	}
	return files, nil
}

// fileProblems reports what is wrong with a file beside a declaration.
func (l *loader) fileProblems(e *entry, file string, problems []strict.Problem) {
	for _, p := range problems {
		l.report(e, Finding{File: file, Line: p.Line, Column: p.Column, Field: p.Field, Message: p.Message, Hint: p.Hint})
	}
}

const kustomizationFile = "kustomization.yaml"

// tenantFiles reads a tenant's own Kustomize files: nil when it has none. Without a
// kustomization, YAML would be taken for something that has an effect, so it is
// refused.
func (l *loader) tenantFiles(e *entry, dir string, content folder) (map[string][]byte, error) {
	_, own := content.files[kustomizationFile]
	for _, rel := range content.order {
		file := path.Join(dir, rel)
		switch base := path.Base(rel); {
		case rel == tenantFileName, rel == kustomizationFile:
		case base == tenantFileName:
			l.stray(KindTenant, path.Base(path.Dir(rel)), file, "is too deep", tenantPlace)
		case path.Dir(rel) == "." && (rel == "kustomization.yml" || rel == "Kustomization"):
			l.report(e, Finding{File: file, Message: "is not read", Hint: "name it " + kustomizationFile})
		case !own && (isYAML(strings.ToLower(rel)) || strings.ToLower(path.Ext(rel)) == ".json"):
			l.report(e, Finding{File: file, Message: "is not read: a tenant's folder holds tenant.yaml only",
				Hint: "what several tenants share belongs into their class; patches of this tenant alone need a " + kustomizationFile})
		}
	}
	if !own {
		return nil, nil
	}
	files, err := l.filesBeside(e, dir, content, tenantFileName, limits{32, 256 << 10})
	if data, ok := files[kustomizationFile]; ok && err == nil {
		l.component(e, path.Join(dir, kustomizationFile), data)
	}
	return files, err
}

// component checks that a tenant's kustomization is one that joins in what its class
// gives, instead of a base of its own.
func (l *loader) component(e *entry, file string, data []byte) {
	doc, problems := strict.Parse(data)
	if len(problems) > 0 {
		if len(strict.Scan(data)) == 0 { // else they are reported already
			l.fileProblems(e, file, problems)
		}
		return
	}
	const apiVersion, kind = "kustomize.config.k8s.io/v1alpha1", "Component"
	gotVersion, gotKind := doc.Header()
	for _, f := range []struct{ field, got, want string }{{"apiVersion", gotVersion, apiVersion}, {"kind", gotKind, kind}} {
		if f.got == f.want {
			continue
		}
		at := doc.Position(f.field)
		l.report(e, Finding{File: file, Line: at.Line, Column: at.Column, Field: f.field,
			Message: fmt.Sprintf("Invalid value: %q: want %s", f.got, f.want), Hint: "a tenant's kustomization is a Component: it patches what its class gives"})
	}
}

// hashFiles names files by their content: their names and bytes, and nothing else.
func hashFiles(files map[string][]byte) string {
	if files == nil {
		return ""
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func isYAML(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func bytesText(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func plainPath(p string) bool {
	return !strings.ContainsFunc(p, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r))
	})
}
