package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate [DIR]", Short: "Check a configuration; needs neither privilege nor state", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.validate(cmd.Context())
		},
	}
}

func (a *app) validate(ctx context.Context) error {
	configuration, err := a.load()
	if err != nil {
		return err
	}
	desired, diags, err := a.resolve(ctx, configuration, nil)
	if err != nil {
		return err
	}
	if err := a.report(configuration, diags); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"valid": true, "instances": len(desired.Instances), "diagnostics": diag.Records(configuration.Files(), diags)})
	}
	fmt.Fprintf(a.stdout, "%s %d instances.\n", a.style().Good("The configuration is valid:"), len(desired.Instances))
	return nil
}

func (a *app) fmtCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "fmt [DIR|FILE...]", Short: "Format configuration files in place",
		Long: `Fmt rewrites the files of a directory, or the named ones, in the one format, and names those it changed.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.format(args, check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit with 1 where a file would change")
	return cmd
}

func (a *app) format(args []string, check bool) error {
	if len(args) == 0 {
		args = []string{a.dir}
	}
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.hcl"))
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	changed := []string{}
	for _, name := range files {
		different, err := a.formatFile(name, check)
		if err != nil {
			return err
		}
		if different {
			changed = append(changed, name)
		}
	}
	if a.json {
		if err := a.printJSON(map[string]any{"changed": changed}); err != nil {
			return err
		}
	} else if len(changed) > 0 {
		fmt.Fprintln(a.stdout, strings.Join(changed, "\n"))
	}
	if check && len(changed) > 0 {
		return exitFailure
	}
	return nil
}

func (a *app) formatFile(name string, check bool) (bool, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	formatted, diags := schema.Format(source, name)
	if diags.HasErrors() {
		if err := diag.Write(a.stderr, map[string]*hcl.File{name: {Bytes: source}}, diags, diag.Style{Width: 100, Color: a.style().Color}); err != nil {
			return false, err
		}
		return false, exitFailure
	}
	if string(formatted) == string(source) {
		return false, nil
	}
	if check {
		return true, nil
	}
	return true, replaceFile(name, formatted)
}

// replaceFile writes a file anew, whole or not at all, with its mode.
func replaceFile(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".fmt-*")
	if err != nil {
		return fmt.Errorf("format %s: %w", name, err)
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		if removeErr := os.Remove(temporary.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
		return fmt.Errorf("format %s: %w", name, err)
	}
	return nil
}
