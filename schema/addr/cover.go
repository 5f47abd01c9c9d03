package addr

import "strings"

// Covers tells that pattern names a, the block or module that a belongs to, or
// what a lives in: "decky.web" covers "decky.web[0].service.ssh".
func Covers(pattern, a Address) bool {
	rest, ok := strings.CutPrefix(string(a), string(pattern))
	if !ok {
		return false
	}
	return rest == "" || rest[0] == '.' || rest[0] == '['
}

// Rename is a with its leading from replaced by to, false where a does not
// stand under from. A last step without a key on both sides stands for every
// instance of the block; on one side only, for the instance without a key.
func Rename(a, from, to Address) (Address, bool) {
	steps, err := Parse(string(a))
	if err != nil {
		return a, false
	}
	old, err := Parse(string(from))
	if err != nil || len(steps) < len(old) {
		return a, false
	}
	now, err := Parse(string(to))
	if err != nil {
		return a, false
	}
	last := len(old) - 1
	for i, s := range old {
		if steps[i].Type != s.Type || steps[i].Name != s.Name || i < last && steps[i].Key != s.Key {
			return a, false
		}
	}
	if steps[last].Key != old[last].Key {
		if old[last].Key.Kind != KeyNone || now[len(now)-1].Key.Kind != KeyNone {
			return a, false
		}
		now[len(now)-1].Key = steps[last].Key
	}
	return Of(append(now, steps[len(old):]...)...), true
}
