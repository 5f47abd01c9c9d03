package shell

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
)

// at maxGlob.
func (r *runner) glob(glob string) []string {
	const maxGlob = 10_000
	view := r.view()
	root, prefix := r.state.cwd, ""
	if strings.HasPrefix(glob, "/") {
		root, prefix = "/", "/"
		glob = strings.TrimLeft(glob, "/")
	}
	type found struct{ path, shown string }
	level := []found{{root, prefix}}
	parts := strings.Split(glob, "/")
	for i, part := range parts {
		var next []found
		for _, f := range level {
			if r.step() != nil {
				return nil
			}
			join := func(name string) found {
				shown := f.shown + name
				if i < len(parts)-1 {
					shown += "/"
				}
				return found{strings.TrimSuffix(f.path, "/") + "/" + name, shown}
			}
			if part == "" {
				next = append(next, f)
				continue
			}
			if !pattern.HasMeta(part) {
				if one := join(pattern.Unescape(part)); existsPath(view.Lstat, one.path) {
					next = append(next, one)
				}
				continue
			}
			list, err := view.ReadDir(f.path)
			if err != nil {
				continue
			}
			for _, entry := range list {
				if strings.HasPrefix(entry.Name, ".") && !strings.HasPrefix(part, ".") && !r.state.shopt["dotglob"] || !pattern.Match(part, entry.Name) {
					continue
				}
				if i < len(parts)-1 {
					if info, err := view.Stat(strings.TrimSuffix(f.path, "/") + "/" + entry.Name); err != nil || !info.IsDir() {
						continue
					}
				}
				if next = append(next, join(entry.Name)); len(next) >= maxGlob {
					break
				}
			}
		}
		level = next
	}
	out := make([]string, 0, len(level))
	for _, f := range level {
		out = append(out, f.shown)
	}
	return out
}

func existsPath[T any](stat func(string) (T, error), path string) bool {
	_, err := stat(path)
	return err == nil
}
