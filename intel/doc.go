// Package intel turns what deckies recorded into knowledge: the event log,
// sessions, attackers, credentials and ATT&CK tags, and the questions that may
// be asked about them. It owns the words of that domain and the interfaces
// between its parts, and refuses everything about deckies, containers and
// configuration: it learns of the world through World, which its caller
// implements, and of what happened through journals.
//
// The parts, each a package of its own:
//
//	intel/sqlite   the store: Log, Stages, Deliveries and Query on one SQLite file
//	intel/ingest   journals to log, exactly once
//	intel/stage    runs the stages over the log, each from its cursor
//	intel/profile  the stage of sessions, attackers and credentials
//	intel/ttp      the stage of rules and techniques
//	intel/sink     RFC 5424 to files and local syslog
//	intel/api      HTTP, read-only, with a bearer token
//	intel/run      all of them as one daemon
//
// # For a caller
//
// The daemon is one call:
//
//	d, err := run.New(run.Config{Database: path, TokenFile: path, Listen: "127.0.0.1:8090", World: world, Watch: paths, Log: logger})
//	err = d.Run(ctx) // blocks until ctx ends, then stops in order
//
// A command that only asks opens the same database, with or without a running
// daemon:
//
//	db, err := sqlite.OpenQuery(ctx, path)
//	defer db.Close()
//	sessions, err := db.Sessions(ctx, intel.Filter{Source: "192.0.2.7", Limit: 50})
//
// db is an intel.Query; its results marshal to the JSON that the HTTP API
// answers.
//
// # The log is the truth
//
// A batch of events and the positions in the journals behind it are committed
// in one transaction, and an event's id is unique: every event is in the log
// exactly once, whatever is killed when. Everything else is computed from the
// log by stages, each of which commits its results together with its cursor.
package intel
