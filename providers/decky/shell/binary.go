package shell

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// programDirs are where the image has its programs; a file of the same name
// elsewhere is something else.
var programDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/usr/lib", "/usr/libexec"}

// inProgramDir tells whether path is where programs are.
func inProgramDir(path string) bool {
	return slices.ContainsFunc(programDirs, func(dir string) bool { return strings.HasPrefix(path, dir+"/") })
}

// copied is the name of the program of the image that a client's file is a copy
// of, or empty.
func (r *runner) copied(data []byte) string {
	view := r.view()
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/bin", "/sbin"} {
		if target, err := view.Resolve(dir); err != nil || target != dir {
			continue
		}
		list, err := view.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, info := range list {
			path := dir + "/" + info.Name
			if info.Size != int64(len(data)) || !r.session.machine.Genuine(path) {
				continue
			}
			if same, err := view.ReadFile(path); err == nil && bytes.Equal(same, data) {
				return info.Name
			}
		}
	}
	return ""
}

// crashed is the end of a program that fell over.
func (r *runner) crashed(args []string, io Streams) {
	text := "Segmentation fault\n"
	if d := r.state.dialect; !r.state.interactive && d.bash() {
		text = fmt.Sprintf("%s%5d Segmentation fault      %s\n", r.prefix(), r.session.machine.NextPID(), strings.Join(args, " "))
	}
	io.Err.Print(text)
	r.state.status = 139
}

// initScript runs a script of /etc/init.d as systemd's lsb functions have it run.
func (r *runner) initScript(path string, args []string, io Streams) error {
	name, verb := base(path), ""
	if len(args) > 1 {
		verb = args[1]
	}
	doing := map[string]string{"start": "Starting", "stop": "Stopping", "restart": "Restarting", "reload": "Reloading", "force-reload": "Reloading", "try-restart": "Restarting"}[verb]
	control, ok := simulated("systemctl")
	switch {
	case doing == "" && verb != "status", !ok:
		io.Out.Print("Usage: " + args[0] + " {start|stop|reload|force-reload|restart|try-restart|status}\n")
		r.state.status = 1
		return nil
	case doing != "":
		io.Out.Print(doing + " " + name + " (via systemctl): " + name + ".service")
		if err := r.invoke(control, []string{"systemctl", verb, name + ".service"}, io); err != nil {
			return err
		}
		io.Out.Print(map[bool]string{true: ".\n", false: " failed!\n"}[r.state.status == 0])
		return nil
	}
	return r.invoke(control, []string{"systemctl", verb, name + ".service"}, io)
}
