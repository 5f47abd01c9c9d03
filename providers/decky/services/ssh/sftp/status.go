package sftp

import (
	"errors"
	"syscall"
)

// Statuses of section 7.
const (
	fxOK          = 0
	fxEOF         = 1
	fxNoFile      = 2
	fxDenied      = 3
	fxFailure     = 4
	fxBadMessage  = 5
	fxUnsupported = 8
)

// texts are sftp-server's words for a status.
var texts = [...]string{
	"Success", "End of file", "No such file", "Permission denied", "Failure", "Bad message", "No connection", "Connection lost", "Operation unsupported", "Unknown error",
}

// statusOf is an error of the file system in the protocol's terms.
func statusOf(err error) uint32 {
	var errno syscall.Errno
	if err == nil {
		return fxOK
	}
	if !errors.As(err, &errno) {
		return fxFailure
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.EBADF, syscall.ELOOP:
		return fxNoFile
	case syscall.EPERM, syscall.EACCES, syscall.EFAULT:
		return fxDenied
	case syscall.ENAMETOOLONG, syscall.EINVAL:
		return fxBadMessage
	case syscall.ENOSYS:
		return fxUnsupported
	}
	return fxFailure
}
