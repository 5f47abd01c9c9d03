// Package file holds the programs that make, list, move and describe files, as coreutils and
// file(1) have them.
package file

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"mkdir": mkdir, "rm": rm, "unlink": rm, "rmdir": rmdir, "cp": cp, "mv": mv, "ln": ln, "chmod": chmod, "chown": chown, "chgrp": chown, "touch": touch, "stat": stat,
		"ls": ls, "dir": ls, "vdir": ls, "mktemp": mktemp, "readlink": readlink, "realpath": realpath, "file": fileCommand, "dd": dd, "truncate": truncate, "fallocate": fallocate, "install": install, "mkfifo": mkfifo, "mknod": mknod, "link": link, "shred": shred, "lsattr": lsattr, "chattr": chattr, "whereis": whereis,
	}
}
