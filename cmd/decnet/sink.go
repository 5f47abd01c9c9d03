package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/intel/sink"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/rfc5424"
	"github.com/decnet/decnet/schema/syncfile"
)

// reconcileSpool is where the reconcile daemon keeps the notifications that
// wait.
func reconcileSpool() string { return filepath.Join(dataDir(), "notifications") }

// spool is where intel keeps the detections that wait to be told.
func (f intelFiles) spool() string {
	return strings.TrimSuffix(f.database, filepath.Ext(f.database)) + ".notifications"
}

func (a *app) sinkCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "sink", Short: "Try and list the sinks: where events and notifications are sent"}
	cmd.AddCommand(a.sinkTestCommand(), a.sinkListCommand())
	return cmd
}

func (a *app) sinkTestCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Send a test notification to a sink and say what was answered", Args: cobra.ExactArgs(1),
		Long: `Test sends one notification of kind "test" to a sink of the configuration, or of the daemon's file, past
its filters and its spool, and says what was answered. A commit_status sink sets no status: it is asked
for its repository with the token. It exits with 1 where the sink does not take it.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.sinkTest(cmd.Context(), args[0], file) },
	}
	cmd.Flags().StringVar(&file, "file", "", "take the sink from the daemon's `FILE`, such as "+syncfile.DefaultPath+", instead")
	return cmd
}

// sinks are those of the configuration, or of the daemon's file, their paths
// absolute.
func (a *app) sinks(ctx context.Context, file string) ([]schema.Sink, error) {
	if file != "" {
		f, diags := syncfile.Load(file)
		if err := a.reportIn(f.Sources, diag.Forgive(diags)); err != nil {
			return nil, err
		}
		all := make([]schema.Sink, 0, len(f.Sinks))
		for _, s := range f.Sinks {
			all = append(all, s.Sink)
		}
		return all, nil
	}
	configuration, err := a.load()
	if err != nil {
		return nil, err
	}
	desired, diags, err := a.resolve(ctx, configuration, nil)
	if err != nil {
		return nil, err
	}
	if err := a.report(configuration, diag.Forgive(diags)); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(a.dir)
	if err != nil || desired == nil {
		return nil, err
	}
	var all []schema.Sink
	for _, i := range desired.Instances {
		if i.Type != providers.TypeSink {
			continue
		}
		var s schema.Sink
		if err := json.Unmarshal(i.Config, &s); err != nil {
			return nil, fmt.Errorf("read configuration of %s: %w", i.Address, err)
		}
		all = append(all, s.Rooted(dir))
	}
	return all, nil
}

// sinkTested is how a test went.
type sinkTested struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Delivered  bool   `json:"delivered"`
	Answer     string `json:"answer,omitempty"`
	Error      string `json:"error,omitempty"`
	Permanent  bool   `json:"permanent,omitempty"` // trying again is of no use
	DurationMS int64  `json:"duration_ms"`
}

func (a *app) sinkTest(ctx context.Context, name, file string) error {
	all, err := a.sinks(ctx, file)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name, "sink.")
	at := slices.IndexFunc(all, func(s schema.Sink) bool { return s.Name == name })
	if at < 0 {
		names := make([]string, 0, len(all))
		for _, s := range all {
			names = append(names, s.Name)
		}
		return fmt.Errorf("there is no sink %q. %s", name, diag.Advice("sink", name, names))
	}
	start := time.Now()
	answer, err := sendTest(ctx, all[at])
	tested := sinkTested{
		Name: name, Type: all[at].Type, Delivered: err == nil, Answer: answer, Permanent: delivery.IsPermanent(err), DurationMS: time.Since(start).Milliseconds(),
	}
	if err != nil {
		tested.Answer, tested.Error = "", err.Error()
	}
	if a.json {
		if err := a.printJSON(tested); err != nil {
			return err
		}
	} else if err == nil {
		fmt.Fprintf(a.stdout, "The sink %s (%s) took the notification: %s\n", name, tested.Type, view.Clean(tested.Answer))
	} else {
		fmt.Fprintf(a.stderr, "The sink %s (%s) did not take the notification: %s\n", name, tested.Type, view.Clean(tested.Error))
	}
	if err != nil {
		return exitFailure
	}
	return nil
}

// sendTest hands a notification to a sink.
func sendTest(ctx context.Context, s schema.Sink) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	n := notification.Notification{
		ID: rand.Text(), Time: time.Now(), Kind: notification.Test, Severity: notification.Info,
		Title: "Test of the sink " + s.Name, Body: "Somebody ran decnet sink test on " + host + ".",
	}
	if s.Type == schema.SinkFile {
		return appendTest(ctx, s, n, host)
	}
	target, err := delivery.Open(s, delivery.Options{})
	if err != nil {
		return "", err
	}
	return target.Deliver(ctx, n)
}

// appendTest writes a line to a file, as intel does.
func appendTest(ctx context.Context, s schema.Sink, n notification.Notification, host string) (string, error) {
	target, err := sink.Open(s)
	if err != nil {
		return "", err
	}
	message := rfc5424.Message(rfc5424.Header{Severity: rfc5424.Info, Time: n.Time, Hostname: host, App: "decnet", ID: string(n.Kind)},
		[]rfc5424.Param{{Name: "id", Value: n.ID}, {Name: "title", Value: n.Title}, {Name: "body", Value: n.Body}})
	if err := target.Write(ctx, []string{message}); err != nil {
		_ = target.Close() // the first error says why
		return "", err
	}
	return "a line was appended to " + s.Path, target.Close()
}

// sinkListed is a sink with how its spools do.
type sinkListed struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	To    string `json:"to,omitempty"`
	Known bool   `json:"configured"`
	// Spools are those of the reconciler and of intel that have it.
	Spools map[string]delivery.Status `json:"spools,omitempty"`
}

func (a *app) sinkListCommand() *cobra.Command {
	var file, database string
	var spools []string
	cmd := &cobra.Command{
		Use: "list [DIR]", Short: "List the sinks and how their deliveries go", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			all, err := a.sinks(cmd.Context(), file)
			if err != nil {
				return err
			}
			where := map[string]string{"intel": a.intelFiles(database, "").spool(), "reconcile": reconcileSpool()}
			for _, s := range spools {
				where[s] = s
			}
			listed, err := listSinks(all, where)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(listed)
			}
			return sinkTable.Write(a.stdout, sinkLines(listed))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "file", "", "list the sinks of the daemon's `FILE` instead")
	flags.StringVar(&database, "database", os.Getenv("DECNET_INTEL_DATABASE"), "database of decnet intel, whose spool stands beside it (default: intel.db beside the state)")
	flags.StringArrayVar(&spools, "spool", nil, "look at this `DIRECTORY`, too")
	return cmd
}

// listSinks joins what is configured with what spools say; a sink that is
// configured no more is listed while something of it is left.
func listSinks(all []schema.Sink, where map[string]string) ([]sinkListed, error) {
	listed := map[string]*sinkListed{}
	for _, s := range all {
		listed[s.Name] = &sinkListed{
			Name: s.Name, Type: s.Type, Known: true, To: cmp.Or(s.Path, s.Address, s.URL, s.Host, s.Repository), Spools: map[string]delivery.Status{},
		}
	}
	for spool, dir := range where {
		found, err := delivery.ReadStatus(dir)
		if err != nil {
			return nil, err
		}
		for _, status := range found {
			if listed[status.Name] == nil {
				listed[status.Name] = &sinkListed{Name: status.Name, Type: status.Type, Spools: map[string]delivery.Status{}}
			}
			listed[status.Name].Spools[spool] = status
		}
	}
	out := make([]sinkListed, 0, len(listed))
	for _, s := range listed {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b sinkListed) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// sinkLine is one line of the list: a sink in one spool.
type sinkLine struct {
	sink   sinkListed
	spool  string
	status delivery.Status
}

func sinkLines(listed []sinkListed) []sinkLine {
	var lines []sinkLine
	for _, s := range listed {
		names := make([]string, 0, len(s.Spools))
		for name := range s.Spools {
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) == 0 {
			lines = append(lines, sinkLine{sink: s, spool: "-"})
		}
		for _, name := range names {
			lines = append(lines, sinkLine{sink: s, spool: name, status: s.Spools[name]})
		}
	}
	return lines
}

var sinkTable = view.NewTable("There are no sinks.", []string{"SINK", "TYPE", "TO", "SPOOL", "QUEUED", "SENT", "REFUSED", "DROPPED", "LAST SENT", "ERROR"}, func(l sinkLine) []string {
	name, s := l.sink.Name, l.status
	if !l.sink.Known {
		name += " (not configured)"
	}
	sent := "-"
	if !s.LastSent.IsZero() {
		sent = s.LastSent.UTC().Format(time.DateTime)
	}
	return []string{name, l.sink.Type, cmp.Or(l.sink.To, "-"), l.spool, fmt.Sprint(s.Queued), fmt.Sprint(s.Sent), fmt.Sprint(s.Refused), fmt.Sprint(s.Dropped), sent, cmp.Or(s.Error, "-")}
})
