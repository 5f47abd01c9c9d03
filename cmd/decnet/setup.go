package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/unit"
)

// setupFlags are what setup may be told.
type setupFlags struct {
	root        string
	bin         string
	dryRun      bool
	autoApprove bool
	remove      bool
}

func (a *app) setupCommand() *cobra.Command {
	var flags setupFlags
	cmd := &cobra.Command{
		Use: "setup", Short: "Write units for systemd, and a first file for decnet reconcile", Args: cobra.NoArgs,
		Long: `Setup writes the units decnet-reconcile.service, decnet-intel@.service (one per sync) and
decnet-supervise@.service (started when a native decky needs it), the user of decnet intel, and a
commented /etc/decnet/sync.hcl where there is none. It shows what would change, asks, and neither
enables nor starts anything. A second run changes nothing. --remove takes the units away; deckies,
states and /etc/decnet stay.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.setup(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.root, "root", "", "write below this `DIR`, as if it were /")
	f.StringVar(&flags.bin, "bin-dir", "", "`DIR` where decnet and decky will stand (default: where this decnet stands)")
	f.BoolVar(&flags.dryRun, "dry-run", false, "show what would change, and change nothing")
	f.BoolVar(&flags.autoApprove, "auto-approve", false, "do not ask")
	f.BoolVar(&flags.remove, "remove", false, "take away what setup wrote")
	return cmd
}

// options says where the programs stand.
func (f setupFlags) options() (unit.Options, error) {
	o := unit.Options{Root: f.root}
	if f.bin != "" {
		dir, err := filepath.Abs(f.bin)
		o.Decnet, o.Decky = filepath.Join(dir, "decnet"), filepath.Join(dir, "decky")
		return o, err
	}
	own, err := os.Executable()
	if err != nil {
		return o, fmt.Errorf("setup: %w", err)
	}
	if o.Decky, err = filepath.Abs(deckyBinary()); err != nil {
		return o, fmt.Errorf("setup: %w", err)
	}
	o.Decnet = own
	return o, nil
}

// written is one file in JSON.
type written struct {
	Path   string `json:"path"`
	Change string `json:"change"` // "create", "update", "remove", "none"
}

func (a *app) setup(ctx context.Context, flags setupFlags) error {
	options, err := flags.options()
	if err != nil {
		return err
	}
	files, err := unit.Files(options)
	if err != nil {
		return err
	}
	var pending []unit.File
	report := []written{}
	for _, f := range files {
		text := f.Diff(flags.remove)
		change := "none"
		switch {
		case text == "":
		case flags.remove:
			change = "remove"
		case f.Have == nil:
			change = "create"
		default:
			change = "update"
		}
		report = append(report, written{f.Path, change})
		if text == "" {
			continue
		}
		pending = append(pending, f)
		if !a.json {
			fmt.Fprint(a.stdout, text)
		}
	}
	if len(pending) > 0 && !flags.dryRun {
		if err := a.carryOutSetup(ctx, options, flags, pending); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"files": report, "done": !flags.dryRun})
	}
	if len(pending) == 0 {
		fmt.Fprintln(a.stdout, "There is nothing to change.")
	}
	return nil
}

func (a *app) carryOutSetup(ctx context.Context, options unit.Options, flags setupFlags, files []unit.File) error {
	if err := a.mayApprove(flags.autoApprove); err != nil {
		return err
	}
	if !flags.autoApprove {
		fmt.Fprint(a.stdout, "\nDo you want decnet to make these changes? Only yes is taken for it: ")
		answer, err := bufio.NewReader(a.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the answer: %w", err)
		}
		if strings.TrimSpace(answer) != "yes" {
			fmt.Fprintln(a.stdout, "Nothing was touched.")
			return exitFailure
		}
	}
	do := unit.Write
	if flags.remove {
		do = unit.Remove
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, do(options, f))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	a.tellSystemd(ctx, options, flags)
	return nil
}

// tellSystemd makes a running systemd know what was written. It says what is
// left to do.
func (a *app) tellSystemd(ctx context.Context, options unit.Options, flags setupFlags) {
	commands := [][]string{{"systemd-sysusers", "/etc/sysusers.d/decnet.conf"}, {"systemctl", "daemon-reload"}}
	if flags.remove {
		commands = commands[1:]
	}
	_, err := os.Stat("/run/systemd/system")
	for _, argv := range commands {
		if options.Root != "" || err != nil {
			continue
		}
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			fmt.Fprintf(a.stderr, "%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
	}
	if a.json {
		return
	}
	if flags.remove {
		fmt.Fprintln(a.stdout, "\nRemoved. What runs goes on until it is stopped: systemctl stop decnet-reconcile. The deckies stay.")
		return
	}
	fmt.Fprintln(a.stdout, "\nWritten. Next: describe the repository in /etc/decnet/sync.hcl, then\n"+
		"  systemctl enable --now decnet-reconcile\n  systemctl enable --now decnet-intel@NAME      # NAME is that of a sync block")
}
