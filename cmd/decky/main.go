// Command decky is what runs inside a decky: the holder of a container's network
// namespace, the process that serves its services, the supervisor and the
// workers of the native runtime. It is small and static, and links nothing of
// the language, the engine or the intelligence: an intruder who lands beside it
// finds little.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/decnet/decnet/cmd/internal/version"
)

const usage = `usage: decky VERB

  hold                 own a container's network namespace and do nothing in it
  serve --spec FILE    serve the deckies that FILE describes
  serve --worker       serve what the supervisor at descriptor 3 hands over
  supervise            open sockets in namespaces and feed jailed workers
  version              print the version
`

// errUsage is an unknown verb or argument.
var errUsage = errors.New("unknown verb or argument")

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, log, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		log.Error("decky ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch verb, rest := args[0], args[1:]; verb {
	case "hold":
		if len(rest) > 0 {
			return errUsage
		}
		return hold(ctx, log)
	case "serve":
		return serve(ctx, log, rest)
	case "supervise":
		return superviseDeckies(ctx, log, rest)
	case "version":
		_, err := fmt.Fprintln(out, version.String())
		return err
	default:
		return errUsage
	}
}
