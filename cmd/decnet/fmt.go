package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// Exit codes of fmt, as Terraform has them.
const (
	exitUnreadable  exitError = 2 // a file cannot be read or does not parse
	exitUnformatted exitError = 3 // with --check: a file would change
)

// formatter is one run of fmt.
type formatter struct {
	*app
	check, diff, recursive bool
	list, write            bool

	changed []string
	broken  bool
}

func (a *app) fmtCommand() *cobra.Command {
	f := &formatter{app: a}
	cmd := &cobra.Command{
		Use: "fmt [FILE|DIR|-]...", Short: "Lay out configuration files in the one style",
		Long: `Fmt rewrites configuration files (*.hcl, with *.vars.hcl and *.test.hcl) in the one style, which is
Terraform's, and names those it changed. Without an argument it takes the configuration's directory.
A single dash is standard input, laid out to standard output. A file that does not parse is reported
and stays as it is, and the others are done all the same.

Exit codes: 0, or 3 where --check found a file that would change, or 2 where one could not be read.`,
		Example: `  decnet fmt -recursive
  decnet fmt -check -diff      # in CI
  decnet fmt - < main.hcl      # in an editor`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "change nothing; exit with 3 where a file would change")
	flags.BoolVar(&f.diff, "diff", false, "show what changes")
	flags.BoolVar(&f.recursive, "recursive", false, "take the directories below, too")
	flags.BoolVar(&f.list, "list", true, "name the files that change")
	flags.BoolVar(&f.write, "write", true, "write them")
	return cmd
}

func (f *formatter) run(args []string) error {
	if slices.Contains(args, "-") {
		if len(args) > 1 {
			return errors.New("standard input is laid out alone; name files or -, not both")
		}
		return f.stream()
	}
	if len(args) == 0 {
		args = []string{f.dir}
	}
	for _, arg := range args {
		if err := f.path(arg); err != nil {
			fmt.Fprintf(f.stderr, "Error: %s\n", view.Lines(err.Error()))
			f.broken = true
		}
	}
	if f.json {
		if err := f.printJSON(map[string]any{"changed": append([]string{}, f.changed...)}); err != nil {
			return err
		}
	}
	return f.result()
}

func (f *formatter) result() error {
	switch {
	case f.broken:
		return exitUnreadable
	case f.check && len(f.changed) > 0:
		return exitUnformatted
	}
	return nil
}

// path lays out a file, or those of a directory.
func (f *formatter) path(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if !strings.HasSuffix(name, ".hcl") {
			return fmt.Errorf("%s does not end in .hcl; fmt lays out configuration files only", name)
		}
		return f.file(name)
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		child := filepath.Join(name, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case entry.IsDir():
			if f.recursive {
				errs = append(errs, f.path(child))
			}
		case strings.HasSuffix(child, ".hcl"):
			errs = append(errs, f.file(child))
		}
	}
	return errors.Join(errs...)
}

func (f *formatter) file(name string) error {
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	formatted, ok, err := f.format(source, name)
	if err != nil || !ok || string(formatted) == string(source) {
		return err
	}
	f.changed = append(f.changed, name)
	if f.list && !f.json {
		fmt.Fprintln(f.stdout, view.Clean(name))
	}
	if f.diff && !f.json {
		f.showDiff(name, source, formatted)
	}
	if f.check || !f.write {
		return nil
	}
	return replaceFile(name, formatted)
}

// stream lays out standard input.
func (f *formatter) stream() error {
	const name = "<stdin>"
	source, err := io.ReadAll(io.LimitReader(f.stdin, schema.MaxSource+1))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	if len(source) > schema.MaxSource {
		return fmt.Errorf("standard input is larger than %d bytes", schema.MaxSource)
	}
	formatted, ok, err := f.format(source, name)
	if err != nil {
		return err
	}
	if !ok {
		return exitUnreadable
	}
	if string(formatted) != string(source) {
		f.changed = []string{name}
	}
	switch {
	case f.diff:
		f.showDiff(name, source, formatted)
	case !f.check:
		if _, err := f.stdout.Write(formatted); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return f.result()
}

// format is false where the source does not parse, which it has shown.
func (f *formatter) format(source []byte, name string) ([]byte, bool, error) {
	formatted, diags := schema.Format(source, name)
	if !diags.HasErrors() {
		return formatted, true, nil
	}
	f.broken = true
	files := map[string]*hcl.File{name: {Bytes: source}}
	return nil, false, diag.Write(f.stderr, files, diags, f.diagnostics())
}

// showDiff writes a unified diff.
func (f *formatter) showDiff(name string, before, after []byte) {
	text := diff.Diff("old/"+name, before, "new/"+name, after)
	if len(text) == 0 {
		return
	}
	_, hunks, _ := strings.Cut(string(text), "\n") // the line "diff old new" names nothing new
	fmt.Fprint(f.stdout, view.Lines(hunks))
}

// replaceFile writes a file anew, whole or not at all, with its mode and, where
// we may, its owner. A symbolic link stays one.
func replaceFile(name string, data []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("format %s: %w", name, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), ".fmt-*")
	if err != nil {
		return fmt.Errorf("format %s: %w", name, err)
	}
	_, err = temporary.Write(data)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		err = errors.Join(err, temporary.Chown(int(owner.Uid), int(owner.Gid)))
	}
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		if removeErr := os.Remove(temporary.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
		return fmt.Errorf("format %s: %w", name, err)
	}
	return nil
}
