package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// onDisk is a session with a repository on this host, served by go-git within
// this process. It sends all of history, for go-git's server cannot send less.
type onDisk struct {
	session transport.UploadPackSession
	access  *access
	pack    io.Closer
}

func local(path string) dialer {
	return func(_ context.Context, a *access) (session, error) {
		opened, err := git.PlainOpen(path)
		if errors.Is(err, git.ErrRepositoryNotExists) {
			return nil, a.fail(NotFound, "there is no repository")
		}
		if err != nil {
			return nil, a.fail(Server, "%v", err)
		}
		if stored, ok := opened.Storer.(*filesystem.Storage); ok {
			opened.Storer = filesystem.NewStorage(unlocked{stored.Filesystem()}, cache.NewObjectLRUDefault())
		}
		if shallow, err := opened.Storer.Shallow(); err != nil || len(shallow) > 0 {
			return nil, a.fail(Server, "it is a shallow copy itself; name one that has all of history")
		}
		end, err := transport.NewEndpoint("file://" + path)
		if err != nil {
			return nil, a.fail(NotFound, "%v", err)
		}
		served, err := server.NewServer(server.MapLoader{end.String(): opened.Storer}).NewUploadPackSession(end, nil)
		if err != nil {
			return nil, a.fail(Server, "%v", err)
		}
		return &onDisk{session: served, access: a}, nil
	}
}

// unlocked hides the locks of references, which go-git takes for references: a
// push that is under way, or was killed, would keep the repository from being
// read. Git does not look at them either.
type unlocked struct{ billy.Filesystem }

// ReadDir implements billy.Filesystem.
func (u unlocked) ReadDir(path string) ([]os.FileInfo, error) {
	infos, err := u.Filesystem.ReadDir(path)
	return slices.DeleteFunc(infos, func(i os.FileInfo) bool { return !i.IsDir() && strings.HasSuffix(i.Name(), ".lock") }), err
}

func (d *onDisk) advertised(ctx context.Context) (*packp.AdvRefs, error) {
	refs, err := d.session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) || err == nil && len(refs.References) == 0 {
		return nil, &MissingError{What: "commit: it is empty"}
	}
	if err != nil {
		return nil, d.access.fail(Server, "%v", err)
	}
	return refs, nil
}

func (d *onDisk) ask(ctx context.Context, q *packp.UploadPackRequest) (*answer, error) {
	response, err := d.session.UploadPack(ctx, q)
	if err != nil {
		return nil, broken("read the repository: %v", err)
	}
	d.pack = response
	return &answer{pack: d.access.meter.reader(&read{response})}, nil
}

// read tells that a repository lacks an object as such, not as a fault of a
// network.
type read struct{ io.Reader }

func (r *read) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		err = broken("read the repository: %v", err)
	}
	return n, err
}

func (d *onDisk) Close() error {
	if d.pack != nil {
		if err := d.pack.Close(); err != nil {
			return fmt.Errorf("close the repository: %w", err)
		}
	}
	return nil
}
