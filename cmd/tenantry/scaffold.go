package main

import (
	"bytes"
	"embed"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"text/template"

	"github.com/tenantry/tenantry/docs/schemas"
)

//go:embed template
var templates embed.FS

// fillTemplate fills the template of a name.
func fillTemplate(name string, values any) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"schema": schemas.URL}).ParseFS(templates, "template/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, values)
	return out.Bytes(), err
}

// writeNew writes files that do not exist yet into dir, all or none of them.
func writeNew(dir string, files map[string][]byte) (err error) {
	var made []string // files and folders, in the order in which they were made
	defer func() {
		if err != nil {
			for _, p := range slices.Backward(made) {
				err = errors.Join(err, os.Remove(p))
			}
		}
	}()
	for _, name := range sortedNames(files) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		var folders []string
		for at := filepath.Dir(file); ; at = filepath.Dir(at) {
			if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
				break
			}
			folders = append(folders, at)
		}
		for _, at := range slices.Backward(folders) {
			if err := os.Mkdir(at, 0o755); err != nil { //nolint:gosec // a work tree is as readable as its owner's umask says
				return err
			}
			made = append(made, at)
		}
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // the same
		if err != nil {
			return err
		}
		made = append(made, file)
		_, err = f.Write(files[name])
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
