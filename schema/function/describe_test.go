package function_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/schema/function"
)

func TestEveryFunctionIsDescribed(t *testing.T) {
	all := function.All(nil)
	infos := function.Describe()
	if len(infos) != len(all) {
		t.Errorf("%d of %d functions are described", len(infos), len(all))
	}
	for _, i := range infos {
		if len(i.Doc) < 10 || !strings.HasSuffix(i.Doc, ".") {
			t.Errorf("%s has no documentation: %q", i.Name, i.Doc)
		}
		if !strings.HasPrefix(i.Signature, i.Name+"(") || strings.Contains(i.Signature, "( ") || strings.Contains(i.Signature, "()") {
			t.Errorf("the signature of %s is %q", i.Name, i.Signature)
		}
	}
	for _, i := range infos[:3] {
		t.Log(i.Signature, i.Doc)
	}
}
