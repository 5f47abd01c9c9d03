package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// batchLimit bounds how many writes share one commit.
const batchLimit = 256

// writer is the one goroutine that writes. Writes that wait while a commit is
// under way share the next one.
type writer struct {
	db       *sql.DB
	requests chan request
	quit     chan struct{}
	finished sync.WaitGroup
}

type request struct {
	fn   func(*sql.Tx) error
	done chan error
}

func newWriter(db *sql.DB) *writer {
	w := &writer{db: db, requests: make(chan request, batchLimit), quit: make(chan struct{})}
	w.finished.Add(1)
	go w.run()
	return w
}

func (w *writer) close() error {
	close(w.quit)
	w.finished.Wait()
	return w.db.Close()
}

func (w *writer) do(ctx context.Context, fn func(*sql.Tx) error) error {
	r := request{fn: fn, done: make(chan error, 1)}
	select {
	case w.requests <- r:
	case <-w.quit:
		return errors.New("it is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-w.quit:
		return errors.New("it is closed")
	}
}

func (w *writer) run() {
	defer w.finished.Done()
	batch := make([]request, 0, batchLimit)
	for {
		batch = batch[:0]
		select {
		case r := <-w.requests:
			batch = append(batch, r)
		case <-w.quit:
			return
		}
		batch = w.drain(batch)
		w.commit(batch)
	}
}

func (w *writer) drain(batch []request) []request {
	for len(batch) < batchLimit {
		select {
		case r := <-w.requests:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// commit writes a batch as one transaction. Where one write of several is
// refused, each is tried by itself, so that only its own author hears of it.
func (w *writer) commit(batch []request) {
	err := w.transact(batch)
	if err == nil || len(batch) == 1 {
		for _, r := range batch {
			r.done <- err
		}
		return
	}
	for i := range batch {
		batch[i].done <- w.transact(batch[i : i+1])
	}
}

func (w *writer) transact(batch []request) error {
	tx, err := w.db.Begin()
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	for _, r := range batch {
		if err := r.fn(tx); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
