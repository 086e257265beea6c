package main

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tenantry/tenantry/git/gittest"
)

// serveGit is: gitssh DIR serves the repositories below a folder over SSH. It writes key
// and known_hosts, and sets $GITSSH to the address.
func serveGit(ts *testscript.TestScript, _ bool, args []string) {
	server, err := gittest.ServeSSH(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(server.Stop)
	key, err := gittest.NewKey(ts.MkAbs("key"), "")
	ts.Check(err)
	server.Admit(key, true)
	ts.Check(os.WriteFile(ts.MkAbs("known_hosts"), []byte(server.KnownHosts()), 0o600))
	ts.Setenv("GITSSH", filepath.ToSlash(server.URL("")))
}
