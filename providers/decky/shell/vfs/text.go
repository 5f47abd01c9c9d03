package vfs

import (
	"errors"
	"syscall"
)

// Text is an error in the words of the C library.
func Text(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "Input/output error"
	}
	if s, ok := texts[errno]; ok {
		return s
	}
	return "Input/output error"
}

var texts = map[syscall.Errno]string{
	syscall.ENOENT: "No such file or directory", syscall.EACCES: "Permission denied", syscall.EPERM: "Operation not permitted",
	syscall.EEXIST: "File exists", syscall.ENOTDIR: "Not a directory", syscall.EISDIR: "Is a directory", syscall.ENOTEMPTY: "Directory not empty",
	syscall.ENOSPC: "No space left on device", syscall.ELOOP: "Too many levels of symbolic links", syscall.ENAMETOOLONG: "File name too long",
	syscall.EINVAL: "Invalid argument", syscall.EROFS: "Read-only file system", syscall.EBUSY: "Device or resource busy", syscall.EXDEV: "Invalid cross-device link",
	syscall.EFBIG: "File too large", syscall.EMFILE: "Too many open files", syscall.EBADF: "Bad file descriptor", syscall.EIO: "Input/output error",
	syscall.EMLINK: "Too many links", syscall.ENXIO: "No such device or address", syscall.ESPIPE: "Illegal seek", syscall.EDQUOT: "Disk quota exceeded",
	syscall.ETXTBSY: "Text file busy", syscall.ENOEXEC: "Exec format error", syscall.ESRCH: "No such process", syscall.ECONNREFUSED: "Connection refused", syscall.ETIMEDOUT: "Connection timed out", syscall.EINTR: "Interrupted system call", syscall.ENOTTY: "Inappropriate ioctl for device", syscall.EOPNOTSUPP: "Operation not supported",
}
