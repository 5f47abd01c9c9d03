package suite

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// limits of what a failure shows of a value.
const (
	maxText     = 400
	maxElements = 8
)

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

func sequence(value cty.Value) string {
	var parts []string
	for _, v := range value.AsValueSlice() {
		if len(parts) == maxElements {
			parts = append(parts, fmt.Sprintf("and %d more", value.LengthInt()-maxElements))
			break
		}
		parts = append(parts, describe(v))
	}
	return clip("[" + strings.Join(parts, ", ") + "]")
}

func object(value cty.Value) string {
	var parts []string
	for it := value.ElementIterator(); it.Next(); {
		k, v := it.Element()
		parts = append(parts, k.AsString()+" = "+describe(v))
	}
	return clip("{ " + strings.Join(parts, ", ") + " }")
}
