package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/reference"
	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [BLOCK]", Short: "Tell what can be written in a configuration", Args: cobra.MaximumNArgs(1),
		Long: `Schema shows a type of block with its arguments, or lists the types. With --json it is the whole
language as one document, for editors: blocks, arguments, types, defaults, allowed values, services,
functions, fields of events and the catalogue.`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var kinds []string
			for _, b := range schema.Blocks() {
				kinds = append(kinds, cobra.CompletionWithDesc(b.Type, b.Doc))
			}
			return first(args, kinds)
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.schema(strings.Join(args, "")) },
	}
}

func (a *app) schema(kind string) error {
	d, err := reference.New(version.String(), serviceTypes(), modules.FS)
	if err != nil {
		return err
	}
	if kind == "" && a.json {
		return a.printJSON(d)
	}
	width := 0
	var kinds []string
	for _, b := range d.Blocks {
		kinds = append(kinds, b.Type)
		width = max(width, len(b.Type))
	}
	if kind == "" {
		for _, b := range d.Blocks {
			fmt.Fprintf(a.stdout, "%s  %s\n", a.style().Bold(fmt.Sprintf("%-*s", width, b.Type)), b.Doc)
		}
		return nil
	}
	i := slices.Index(kinds, kind)
	if i < 0 {
		return fmt.Errorf("there is no block %q. %s", kind, diag.Advice("block", kind, kinds))
	}
	if a.json {
		return a.printJSON(d.Blocks[i])
	}
	_, text, _ := strings.Cut(string(reference.Block(d.Blocks[i])), "\n\n")
	fmt.Fprint(a.stdout, text)
	return nil
}

func (a *app) docsCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "docs DIR", Short: "Write the reference pages into a directory", Args: cobra.ExactArgs(1),
		Long: `Docs writes the reference of blocks, services, functions, events and commands in Markdown, made from
what this program reads. It replaces and removes what it wrote before, and leaves other files alone.`,
		ValidArgsFunction: directories,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.docs(cmd.Root(), args[0], check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit with 1 where a page is missing, stale or surplus")
	return cmd
}

func (a *app) docs(root *cobra.Command, dir string, check bool) error {
	d, err := reference.New(version.String(), serviceTypes(), modules.FS)
	if err != nil {
		return err
	}
	pages := d.Pages(reference.Commands(root))
	if !check {
		changes, err := reference.Write(dir, pages)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"pages": len(pages), "changes": changes})
		}
		fmt.Fprintf(a.stdout, "%d pages in %s, %d of them changed.\n", len(pages), dir, len(changes))
		return nil
	}
	differences, err := reference.Check(dir, pages)
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(map[string]any{"pages": len(pages), "differences": differences})
	}
	for _, d := range differences {
		if !a.json {
			fmt.Fprintf(a.stdout, "%-7s  %s\n", d.What, d.Name)
		}
	}
	if err == nil && len(differences) > 0 {
		return exitFailure
	}
	return err
}
