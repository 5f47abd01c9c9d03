package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/decnet/decnet/providers"
)

const (
	repository = "decnet/decky"
	// binaryPath is where the decky binary stands in its image: a name that
	// any container might have.
	binaryPath = "sbin/init"
)

// images makes the image of the decky binary, once per process and digest.
type images struct {
	engine *engine
	binary string
	digest string

	mu    sync.Mutex
	ready bool
}

func (i *images) tag() string { return i.digest[:12] }

// reference is the image's name at the engine.
func (i *images) reference() string { return repository + ":" + i.tag() }

// ensure makes the image if the engine lacks it and returns its name. Callers
// at the same time wait for one making.
func (i *images) ensure(ctx context.Context) (string, error) {
	if len(i.digest) < 12 {
		return "", &providers.UnavailableError{
			Provider: "docker", What: "the decky binary is missing: " + i.binary,
			Remedy: "build it with make build, or install it beside decnet",
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ready {
		return i.reference(), nil
	}
	c, err := i.engine.client(ctx)
	if err != nil {
		return "", err
	}
	found, err := c.ImageInspect(ctx, i.reference())
	switch {
	case err == nil && found.Config != nil && found.Config.Labels[labelImage] == i.digest:
		i.ready = true
		return i.reference(), nil
	case err == nil:
		return "", fmt.Errorf("image %s is not decnet's: remove it (docker image rm %s)", i.reference(), i.reference())
	case !errdefs.IsNotFound(err):
		return "", i.engine.explain("inspect image "+i.reference(), err)
	}
	if err := i.build(ctx); err != nil {
		return "", err
	}
	i.ready = true
	return i.reference(), nil
}

// forget makes the next ensure look again: somebody removed the image.
func (i *images) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ready = false
}

// build imports an image that holds the binary and the mount points, nothing
// else.
func (i *images) build(ctx context.Context) error {
	c, err := i.engine.client(ctx)
	if err != nil {
		return err
	}
	f, err := os.Open(i.binary)
	if err != nil {
		return fmt.Errorf("read the decky binary: %w", err)
	}
	defer f.Close()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := writeLayer(w, f)
		w.CloseWithError(err)
		done <- err
	}()
	body, err := c.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, repository, image.ImportOptions{
		Tag:     i.tag(),
		Changes: []string{`ENTRYPOINT ["/` + binaryPath + `"]`, "LABEL " + labelImage + "=" + i.digest},
	})
	if err == nil {
		err = drain(body)
	}
	r.CloseWithError(errors.New("the engine stopped reading"))
	if writeErr := <-done; err == nil {
		err = writeErr
	}
	return i.engine.explain("make image "+i.reference(), err)
}

// drain reads an answer of progress messages to its end and returns the error
// that it tells of, if any.
func drain(body io.ReadCloser) error {
	defer body.Close()
	return jsonmessage.DisplayJSONMessagesStream(body, io.Discard, 0, false, nil)
}

// writeLayer writes the image's only layer. Its times are fixed, so that equal
// binaries give equal layers.
func writeLayer(w io.Writer, binary *os.File) error {
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	epoch := time.Unix(0, 0)
	t := tar.NewWriter(w)
	for _, h := range []tar.Header{
		{Name: "sbin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: binaryPath, Typeflag: tar.TypeReg, Mode: 0o755, Size: info.Size()},
		{Name: inJournal[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: inStore[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: inSpec[1:], Typeflag: tar.TypeReg, Mode: 0o400},
	} {
		h.ModTime = epoch
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		if h.Name == binaryPath {
			if _, err := io.Copy(t, binary); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

// prune removes our images that no container uses. The engine itself refuses
// to remove one in use, of whatever lineage.
func (i *images) prune(ctx context.Context) error {
	c, err := i.engine.client(ctx)
	if err != nil {
		return err
	}
	list, err := c.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelImage))})
	if err != nil {
		return i.engine.explain("list images", err)
	}
	i.forget()
	for _, found := range list {
		_, err := c.ImageRemove(ctx, found.ID, image.RemoveOptions{PruneChildren: true})
		if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
			return i.engine.explain("remove image "+short(found.ID), err)
		}
	}
	return nil
}
