// Package archive holds the programs that pack and unpack: tar, gzip, bzip2, xz,
// zip and unzip. Archives are real and in memory; what they unpack to is
// bounded by the room of a buffer and by the quota of the file system, so that
// a bomb ends as a full disk does.
package archive

import (
	"maps"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := wrapped()
	maps.Copy(all, map[string]program.Func{
		"tar": tar, "gzip": compressor, "gunzip": compressor, "zcat": compressor, "uncompress": compressor, "bzip2": compressor, "bunzip2": compressor, "bzcat": compressor,
		"xz": compressor, "unxz": compressor, "xzcat": compressor, "lzma": compressor, "unlzma": compressor, "zip": zip, "unzip": unzip,
	})
	return all
}
