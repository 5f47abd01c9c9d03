package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite golden files and scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"decnet":    func() { os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"collected": collected,
	})
}

// TestScripts runs one script per behaviour of the command line. They touch
// nothing: no engine answers, and every directory is the script's own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DECNET_DATA_DIR", filepath.Join(env.WorkDir, "data"))
			env.Setenv("DECNET_RUN_DIR", filepath.Join(env.WorkDir, "run"))
			env.Setenv("DECNET_RUNTIME", "native")
			env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "no-engine.sock"))
			return nil
		},
	})
}
