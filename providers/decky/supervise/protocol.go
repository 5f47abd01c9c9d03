package supervise

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky"
)

// Bounds of the protocols.
const (
	maxRequest = 256 << 20 // bytes of a batch from the provider, which is root
	maxReply   = 64 << 20
	maxMessage = 1 << 20 // bytes of one unit on its way to a worker
	maxAnswer  = 4 << 10 // bytes of a worker's answer, which is not trusted
	maxPorts   = 64      // of one service
)

// Requests to the supervisor.
const (
	opHello  = "hello"
	opApply  = "apply"
	opStatus = "status"
	opRetire = "retire" // leave, records stay: a new binary takes over
	opWatch  = "watch"  // tell what happens until the connection ends
	// opSocket asks for one of a decky's sockets, to find the namespace that it
	// stands in: it comes beside the reply.
	opSocket = "socket"
)

type request struct {
	Op    string `json:"op"`
	Items []item `json:"items,omitempty"`
	Decky string `json:"decky,omitempty"` // of opSocket
}

// item is one act of a batch.
type item struct {
	Serve *Unit `json:"serve,omitempty"`
	Stop  *Key  `json:"stop,omitempty"`
}

type reply struct {
	Error   string   `json:"error,omitempty"`
	Errors  []string `json:"errors,omitempty"` // of an apply, one for each item, "" for success
	Lives   []string `json:"lives,omitempty"`  // of an apply: the lives of the workers that serve the items
	Heard   []string `json:"heard,omitempty"`  // of a watch
	Image   string   `json:"image"`
	PID     int      `json:"pid"`
	Leaving bool     `json:"leaving,omitempty"` // the connection closes when it has gone
	Status  *Status  `json:"status,omitempty"`
}

// Status is what a supervisor serves.
type Status struct {
	Running bool         `json:"running"` // a supervisor answers
	PID     int          `json:"pid,omitempty"`
	Image   string       `json:"image,omitempty"` // SHA-256 of its binary
	Units   []UnitStatus `json:"units,omitempty"`
	Workers []Worker     `json:"workers,omitempty"`
}

// UnitStatus is one unit as it is served.
type UnitStatus struct {
	Key
	Digest    string `json:"digest"`
	Inode     uint64 `json:"inode"`           // of the namespace its sockets stand in
	Listening bool   `json:"listening"`       // its sockets are open
	Served    bool   `json:"served"`          // a worker accepts on them
	Error     string `json:"error,omitempty"` // why not
	// Life names the life of the worker that serves it: another after each
	// death, the same where a new supervisor took over as it was asked to.
	Life string `json:"life,omitempty"`
}

// Worker is one worker process.
type Worker struct {
	Shard    int    `json:"shard"`
	PID      int    `json:"pid"` // 0 while it does not run
	UID      uint32 `json:"uid"`
	Restarts int    `json:"restarts"`
	Units    int    `json:"units"` // that are its to serve
}

// message is what a worker is told; the sockets of Service.Ports travel beside
// it.
type message struct {
	ID      uint64            `json:"id"`
	Spec    *decky.Spec       `json:"spec,omitempty"` // add
	Service decky.ServiceSpec `json:"service"`
	Address string            `json:"address,omitempty"` // remove
	// Prepared answers a worker's request.
	Prepared string `json:"prepared,omitempty"`
	Error    string `json:"error,omitempty"`
	// Ping is to be answered at once: a worker that does not is replaced.
	Ping bool `json:"ping,omitempty"`
}

// answer is what a worker replies, or asks for.
type answer struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
	// Prepare asks for the directories of a decky that has its first visitor:
	// making them for thousands that may never have one costs too much.
	Prepare string `json:"prepare,omitempty"`
}

// send writes one length-prefixed JSON value.
func send(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data)))
	if _, err := w.Write(append(frame, data...)); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// receive reads one length-prefixed JSON value of at most limit bytes. io.EOF
// says that the other side closed between two.
func receive(r io.Reader, v any, limit uint32) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > limit {
		return fmt.Errorf("message of %d bytes is over %d", size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return fmt.Errorf("receive message: %w", err)
	}
	if len(data) != int(size) {
		return io.ErrUnexpectedEOF
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}

// maxSocketPath is what fits sockaddr_un (unix(7)).
const maxSocketPath = 107

// withShortPath calls fn with a name of path that fits a socket address.
func withShortPath(path string, fn func(string) error) error {
	if len(path) <= maxSocketPath {
		return fn(path)
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(dir)
	return fn("/proc/self/fd/" + strconv.Itoa(dir) + "/" + filepath.Base(path))
}

// peer is who is at the other end of a UNIX socket.
func peer(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, credErr
}

// peerPID is the process at the other end: the one that listened.
func peerPID(conn *net.UnixConn) (int, error) {
	cred, err := peer(conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// socketPair makes the connection between supervisor and worker; messages keep
// their boundaries and their descriptors.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "worker")
	mine := os.NewFile(uintptr(fds[0]), "supervisor")
	defer mine.Close()
	// Room for a whole message; without the privilege the default must do.
	_ = unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*maxMessage)
	conn, err := net.FileConn(mine)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make a socket pair: %w", err), theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}
