package testfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/testfile"
)

// TestBlocksAreDescribed fails on an argument that a test file may have and its
// reference does not describe.
func TestBlocksAreDescribed(t *testing.T) {
	arguments := 0
	var walk func([]schema.BlockInfo)
	walk = func(blocks []schema.BlockInfo) {
		for _, b := range blocks {
			if len(b.Doc) < 8 || !strings.HasSuffix(b.Doc, ".") {
				t.Errorf("%s has no documentation: %q", b.Type, b.Doc)
			}
			for _, a := range b.Arguments {
				arguments++
				if len(a.Doc) < 8 || !strings.HasSuffix(a.Doc, ".") || a.Type == "" {
					t.Errorf("%s of %s has no documentation or no type: %+v", a.Name, b.Type, a)
				}
			}
			walk(b.Blocks)
		}
	}
	walk(testfile.Blocks())
	if arguments < 20 {
		t.Errorf("only %d arguments were looked at", arguments)
	}
}

// TestWhatIsDescribedIsAccepted writes every argument of every probe.
func TestWhatIsDescribedIsAccepted(t *testing.T) {
	var b strings.Builder
	run := testfile.Blocks()[0]
	b.WriteString("run \"all\" {\n")
	probes := 0
	for _, inner := range run.Blocks {
		if !strings.HasPrefix(inner.Type, "probe ") {
			continue
		}
		probes++
		fmt.Fprintf(&b, "  %s {\n", inner.Type)
		for _, a := range inner.Arguments {
			fmt.Fprintf(&b, "    %s = \"x\"\n", a.Name)
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	if _, diags := testfile.Parse([]byte(b.String()), "all.test.hcl"); diags.HasErrors() || probes != 3 {
		t.Errorf("%d probes: %v\n%s", probes, diags, b.String())
	}
}
