package rule

import "github.com/decnet/decnet/schema/event"

// Values are all fields of an event by name, as string, float64 or bool; what
// its kind lacks is "", 0 or false.
func Values(e *event.Event) map[string]any {
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		switch f.ty {
		case text:
			v, _ := first(f.texts)(e)
			out[f.name] = v
		case number:
			v, _ := first(f.numbers)(e)
			out[f.name] = v
		default:
			v, _ := first(f.tests)(e)
			out[f.name] = v
		}
	}
	return out
}
