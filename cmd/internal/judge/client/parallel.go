package client

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

func contains(data, part []byte) bool { return bytes.Contains(data, part) }

// parallel plays steps on many connections and counts their outcomes. The
// connections are opened in order and all held until the last is through.
func (s *session) parallel(ctx context.Context, p probe.Parallel) {
	outcomes := make([]string, p.Connections)
	others := make([]*session, p.Connections)
	var wait sync.WaitGroup
	for i := range others {
		o := &session{client: s.client, values: maps.Clone(s.values), log: &transcript.Transcript{}}
		others[i] = o
		if i > 0 {
			pause(ctx, p.Every.Or(time.Millisecond))
		}
		connected := o.connect(ctx)
		wait.Go(func() {
			if connected && o.play(ctx, p.Steps) {
				o.finish(p.Patience.Or(patience))
			}
			outcomes[i] = outcome(p.Outcome, o.log)
		})
	}
	wait.Wait()
	counts := map[string]int{}
	for i, o := range others {
		o.close()
		counts[outcomes[i]]++
	}
	s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: fmt.Appendf(nil, "%d connections", p.Connections)})
	line := fmt.Appendf(nil, "COUNTS of=%d within=%g", p.Connections, p.Tolerance)
	for _, name := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[string]) {
		line = fmt.Appendf(line, "\t%s: %d", name, counts[name])
	}
	s.log.Add(transcript.Entry{Kind: transcript.Count, Data: line})
	s.act = time.Now()
}

func outcome(kind string, t *transcript.Transcript) string {
	switch kind {
	case "class":
		return t.Class()
	case "bytes":
		var b bytes.Buffer
		for _, e := range t.Heard() {
			b.Write(e.Data)
			b.WriteByte(' ')
		}
		return transcript.Escape(b.Bytes(), 0) + string(t.End)
	}
	return string(t.End)
}
