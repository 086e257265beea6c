//go:build !unix

package git

import "os"

func isDirectoryError(err error) bool { return err != nil }

// lockFile cannot lock here: one process a cache directory is up to the caller.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
