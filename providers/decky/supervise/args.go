package supervise

import (
	"errors"
	"flag"
	"io"
)

// Args is the command line of `decky supervise` after the verb; ParseArgs reads
// it.
func Args(lineage, dataDir, runDir string) []string {
	return []string{"--lineage", lineage, "--data-dir", dataDir, "--run-dir", runDir}
}

// ParseArgs reads what Args wrote into o. It also takes --workers.
func ParseArgs(args []string, o *Options) error {
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Lineage, "lineage", "", "lineage of the state whose deckies are served")
	flags.StringVar(&o.DataDir, "data-dir", "/var/lib/decnet", "what survives a restart of the host")
	flags.StringVar(&o.RunDir, "run-dir", "/run/decnet", "what does not")
	flags.IntVar(&o.Shards, "workers", DefaultShards, "worker processes, 1 to 16")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Lineage == "" || flags.NArg() > 0 {
		return errors.New("usage: supervise --lineage NAME [--data-dir DIR] [--run-dir DIR] [--workers N]")
	}
	return nil
}
