package shell

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
)

// glob lists the paths that match a pattern, none where nothing does. It stops
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
			if part == "**" && r.state.shopt["globstar"] {
				for _, one := range r.below(f.path, i == len(parts)-1) {
					shown := f.shown + one
					if i < len(parts)-1 && one != "" {
						shown += "/"
					}
					next = append(next, found{strings.TrimSuffix(f.path+"/"+one, "/"), shown})
				}
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

// below are the paths under a directory, as ** finds them: all of them, or the
// directories and the place itself.
func (r *runner) below(dir string, all bool) []string {
	var out []string
	if !all {
		out = append(out, "")
	}
	var walk func(path, shown string, depth int)
	walk = func(path, shown string, depth int) {
		list, err := r.view().ReadDir(path)
		if err != nil || depth > 32 || len(out) > 10_000 || r.step() != nil {
			return
		}
		for _, entry := range list {
			if strings.HasPrefix(entry.Name, ".") && !r.state.shopt["dotglob"] {
				continue
			}
			if entry.IsDir() || all {
				out = append(out, shown+entry.Name)
			}
			if entry.IsDir() {
				walk(strings.TrimSuffix(path, "/")+"/"+entry.Name, shown+entry.Name+"/", depth+1)
			}
		}
	}
	walk(dir, "", 0)
	return out
}

func existsPath[T any](stat func(string) (T, error), path string) bool {
	_, err := stat(path)
	return err == nil
}
