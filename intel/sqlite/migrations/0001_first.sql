CREATE TABLE events (
  seq         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  time        INTEGER NOT NULL,
  received    INTEGER NOT NULL,
  journal     TEXT    NOT NULL,
  flags       INTEGER NOT NULL,
  decky       TEXT    NOT NULL,
  service     TEXT    NOT NULL,
  session     TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  source_port INTEGER NOT NULL,
  dest        TEXT    NOT NULL,
  dest_port   INTEGER NOT NULL,
  kind        TEXT    NOT NULL,
  body        TEXT    NOT NULL
);
CREATE INDEX events_time    ON events (time);
CREATE INDEX events_source  ON events (source);
CREATE INDEX events_decky   ON events (decky);
CREATE INDEX events_session ON events (session) WHERE session <> '';

CREATE TABLE journals (
  journal    TEXT PRIMARY KEY,
  name       TEXT    NOT NULL,
  segment    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  corrupt    INTEGER NOT NULL,
  flagged    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursors (
  stage TEXT PRIMARY KEY,
  seq   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
  decky       TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  service     TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  source_port INTEGER NOT NULL,
  opened      INTEGER NOT NULL,
  last        INTEGER NOT NULL,
  closed      INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  events      INTEGER NOT NULL,
  auths       INTEGER NOT NULL,
  logins      INTEGER NOT NULL,
  commands    INTEGER NOT NULL,
  requests    INTEGER NOT NULL,
  queries     INTEGER NOT NULL,
  transfers   INTEGER NOT NULL,
  bytes_in    INTEGER NOT NULL,
  bytes_out   INTEGER NOT NULL,
  reason      TEXT    NOT NULL,
  PRIMARY KEY (decky, id)
) WITHOUT ROWID;
CREATE INDEX sessions_opened ON sessions (opened);
CREATE INDEX sessions_source ON sessions (source);

CREATE TABLE attackers (
  source TEXT PRIMARY KEY,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  events INTEGER NOT NULL,
  auths  INTEGER NOT NULL,
  logins INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE contacts (
  source TEXT    NOT NULL,
  decky  TEXT    NOT NULL,
  events INTEGER NOT NULL,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  PRIMARY KEY (source, decky)
) WITHOUT ROWID;
CREATE INDEX contacts_decky ON contacts (decky);

CREATE TABLE credentials (
  key       BLOB PRIMARY KEY,
  principal TEXT    NOT NULL,
  kind      TEXT    NOT NULL,
  sha256    TEXT    NOT NULL,
  secret    TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE uses (
  key       BLOB    NOT NULL,
  source    TEXT    NOT NULL,
  decky     TEXT    NOT NULL,
  service   TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  PRIMARY KEY (key, source, decky, service)
) WITHOUT ROWID;
CREATE INDEX uses_source ON uses (source);

CREATE TABLE tags (
  id             INTEGER PRIMARY KEY,
  event          TEXT    NOT NULL,
  seq            INTEGER NOT NULL,
  technique      TEXT    NOT NULL,
  tactics        TEXT    NOT NULL,
  rule           TEXT    NOT NULL,
  attack_version TEXT    NOT NULL,
  key            TEXT    NOT NULL,
  count          INTEGER NOT NULL,
  time           INTEGER NOT NULL,
  decky          TEXT    NOT NULL,
  service        TEXT    NOT NULL,
  session        TEXT    NOT NULL,
  source         TEXT    NOT NULL,
  UNIQUE (seq, technique, rule)
);
CREATE INDEX tags_rule   ON tags (rule, time);
CREATE INDEX tags_source ON tags (source, technique);

CREATE TABLE deliveries (
  sink  TEXT PRIMARY KEY,
  event INTEGER NOT NULL,
  tag   INTEGER NOT NULL
) WITHOUT ROWID;
