package repository

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
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
