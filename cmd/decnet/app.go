package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// app is one invocation: where it reads and writes, and what every command may
// be told.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger

	dir      string // of the configuration
	state    string // path of the state file, "" for the default
	json     bool
	noColor  bool
	input    bool // false: nobody is asked, as if there were no terminal
	verbose  bool
	given    given          // --var and --var-file
	values   []schema.Value // stronger than they; a daemon's own file has them
	rootless bool           // workers may share a uid: set inside the test runner's sandbox only
	// intelDatabase is that of decnet intel, for recycle_on; "": where it usually is.
	intelDatabase string
	reports       *reports // where the answer of a command that judges goes; nil: it is no such
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "decnet",
		Short: "Deception networks as code",
		Long: `decnet turns a configuration in HCL into a network of decoy hosts, keeps it as written, and tells
what attackers do in it.`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			level := slog.LevelWarn
			if a.verbose {
				level = slog.LevelDebug
			}
			a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
			return nil
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "chdir", "C", ".", "directory of the configuration")
	flags.StringVar(&a.state, "state", "", "state file (default: .decnet/state.db in the directory)")
	flags.BoolVar(&a.json, "json", false, "answer in JSON")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours, as with NO_COLOR")
	flags.BoolVar(&a.input, "input", true, "ask where something is to be approved")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log what is done")
	flags.Var(a.given.flag(&a.given.vars), "var", "value of a variable, `NAME=VALUE`")
	flags.Var(a.given.flag(&a.given.files), "var-file", "`FILE` of values for variables; of --var and --var-file the last wins")

	root.AddGroup(
		&cobra.Group{ID: "main", Title: "Deception network:"},
		&cobra.Group{ID: "intel", Title: "What attackers did:"},
		&cobra.Group{ID: "tools", Title: "Tools:"},
	)
	grouped := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	grouped("main", a.planCommand(), a.applyCommand(), a.destroyCommand(), a.statusCommand(), a.showCommand(), a.outputCommand(), a.stateCommand(), a.getCommand(), a.validateCommand(), a.testCommand(), a.fmtCommand())
	grouped("main", a.importCommand(), a.taintCommand(), a.untaintCommand(), a.diffCommand())
	grouped("main", a.lintCommand(), a.explainCommand())
	grouped("main", a.sinkCommand(), a.driftCommand())
	grouped("main", a.reconcileCommand(), a.tryCommit(), a.syncCommand(), a.setupCommand())
	grouped("intel", a.intelCommand(), a.eventsCommand(), a.recordedSessions(), a.attackersCommand(), a.credentialsCommand(), a.ttpCommand())
	grouped("tools", a.consoleCommand(), a.graphCommand(), a.schemaCommand(), a.docsCommand(), a.labCommand(), a.doctorCommand(), a.versionCommand())
	a.complete(root)
	return root
}

// directory takes the optional argument of a command as the configuration's
// directory.
func (a *app) directory(args []string) error {
	if len(args) > 0 {
		a.dir = args[0]
	}
	info, err := os.Stat(a.dir)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("configuration: %s is a file; name its directory, %s", a.dir, filepath.Dir(a.dir))
	}
	return nil
}

func (a *app) style() view.Style {
	style := view.StyleFor(a.stdout, a.noColor || a.json)
	types := serviceTypes()
	style.Hidden = func(slug, argument string) bool {
		for _, known := range types[slug].Arguments {
			if known.Name == argument {
				return known.Sensitive
			}
		}
		return false
	}
	return style
}

// diagnostics is the style of diagnostics, which go to standard error.
func (a *app) diagnostics() diag.Style {
	return diag.Style{Width: 100, Color: view.StyleFor(a.stderr, a.noColor).Color}
}

// printJSON writes v as one indented document.
func (a *app) printJSON(v any) error { return writeJSON(a.stdout, v) }

func writeJSON(w io.Writer, v any) error {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, view.JSON(b.String()))
	return err
}

// fromEnv is an environment variable, or a default.
func fromEnv(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// dataDir and runDir are where the objects of this host are kept.
func dataDir() string { return fromEnv("DECNET_DATA_DIR", "/var/lib/decnet") }

func runDir() string { return fromEnv("DECNET_RUN_DIR", "/run/decnet") }
