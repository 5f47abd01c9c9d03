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

// Rootless is added to Args to allow what Options.Rootless does.
const Rootless = "--rootless"

// ParseArgs reads what Args wrote into o. It also takes --workers and Rootless.
func ParseArgs(args []string, o *Options) error {
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Lineage, "lineage", "", "lineage of the state whose deckies are served")
	flags.StringVar(&o.DataDir, "data-dir", "/var/lib/decnet", "what survives a restart of the host")
	flags.StringVar(&o.RunDir, "run-dir", "/run/decnet", "what does not")
	flags.BoolVar(&o.Rootless, Rootless[2:], false, "let workers share one uid where there is no other (tests)")
	flags.IntVar(&o.Shards, "workers", DefaultShards, "worker processes, 1 to 16")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Lineage == "" || flags.NArg() > 0 {
		return errors.New("usage: supervise --lineage NAME [--data-dir DIR] [--run-dir DIR] [--workers N] [--rootless]")
	}
	return nil
}
