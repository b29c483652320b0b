-- +goose Up
-- Names follow models/; a source's table is src_<source> with the columns of models.Specs.
CREATE TABLE districts (
  code TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL
);
CREATE TABLE departments (
  district TEXT NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (district, code)
);
-- How a source is fetched. secret_env names the environment variable that holds the bearer token: no secret is stored.
CREATE TABLE connections (
  district TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  address TEXT NOT NULL,
  secret_env TEXT NOT NULL DEFAULT '',
  client_cert TEXT NOT NULL DEFAULT '',
  client_key TEXT NOT NULL DEFAULT '',
  ca_file TEXT NOT NULL DEFAULT '',
  poll_minutes INTEGER NOT NULL DEFAULT 60,
  report_after_minutes INTEGER NOT NULL DEFAULT 1440,
  etag TEXT NOT NULL DEFAULT '',
  etag_year INTEGER NOT NULL DEFAULT 0,
  last_ok_at DATETIME NULL,
  failing_since DATETIME NULL,
  reported_at DATETIME NULL,
  last_error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (district, source)
);
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  district TEXT NOT NULL DEFAULT '',
  department TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL DEFAULT '',
  disabled BOOLEAN NOT NULL DEFAULT FALSE,
  created_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);
-- Only the SHA-256 of a token is kept; prefix lets a person recognise it.
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  expires_at DATETIME NULL,
  last_used_at DATETIME NULL,
  revoked_at DATETIME NULL
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_user ON tokens (user_id);
-- Append-only and chained: hash = SHA-256(prev_hash, seq, at, actor, action, object, detail). The one row of audit_head serialises writers.
CREATE TABLE audit_log (
  seq INTEGER NOT NULL PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_hash ON audit_log (hash);
CREATE INDEX audit_object ON audit_log (object, seq);
CREATE TABLE audit_head (
  id INTEGER NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
-- What people wrote as the reason of a command or decision; processes and logs carry only the id.
CREATE TABLE reasons (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  text TEXT NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE TABLE holidays (
  day DATE NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  notice TEXT NOT NULL DEFAULT ''
);
CREATE TABLE policies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  created_by TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  in_force_by TEXT NOT NULL DEFAULT '',
  in_force_at DATETIME NULL,
  published_at DATETIME NULL
);
CREATE UNIQUE INDEX policies_version ON policies (district, year, version);
CREATE UNIQUE INDEX policies_hash ON policies (district, year, hash);
CREATE TABLE cycles (
  id TEXT NOT NULL PRIMARY KEY,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  stage TEXT NOT NULL,
  state TEXT NOT NULL,
  plan TEXT NOT NULL,
  clock TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  policy_id INTEGER NOT NULL,
  workflow_id TEXT NOT NULL,
  run_id TEXT NOT NULL DEFAULT '',
  attempt INTEGER NOT NULL DEFAULT 1,
  started_by TEXT NOT NULL,
  started_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX cycles_year ON cycles (district, year);
CREATE TABLE plan_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  item TEXT NOT NULL,
  old_date DATE NOT NULL,
  new_date DATE NOT NULL,
  reason_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE UNIQUE INDEX plan_changes_command ON plan_changes (cycle_id, command_id, item);
-- What happened in a cycle, in order: stage borders and commands, for people to read.
CREATE TABLE cycle_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  event_key TEXT NOT NULL,
  on_date DATE NOT NULL,
  stage TEXT NOT NULL,
  text TEXT NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE UNIQUE INDEX cycle_events_key ON cycle_events (cycle_id, event_key);
CREATE TABLE deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  channel TEXT NOT NULL,
  file_name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  rows_read INTEGER NOT NULL DEFAULT 0,
  rows_accepted INTEGER NOT NULL DEFAULT 0,
  rows_repeated INTEGER NOT NULL DEFAULT 0,
  rows_rejected INTEGER NOT NULL DEFAULT 0,
  rows_unmatched INTEGER NOT NULL DEFAULT 0,
  headers TEXT NOT NULL,
  unknown_columns TEXT NOT NULL,
  by_actor TEXT NOT NULL,
  received_at DATETIME NOT NULL,
  settled_at DATETIME NULL
);
CREATE UNIQUE INDEX deliveries_sequence ON deliveries (district, year, source, sequence);
-- The file as delivered, compressed, in pieces: the evidence of every result, reachable from every worker.
CREATE TABLE delivery_files (
  delivery_id TEXT NOT NULL,
  piece INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (delivery_id, piece)
);
-- problems: JSON of models.Problem; cells: JSON of the row as delivered, by deliveries.headers.
CREATE TABLE delivery_rejects (
  delivery_id TEXT NOT NULL,
  row_no INTEGER NOT NULL,
  problems TEXT NOT NULL,
  cells TEXT NOT NULL,
  PRIMARY KEY (delivery_id, row_no)
);
CREATE TABLE src_registry (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  operator TEXT NOT NULL,
  founded DATE NOT NULL,
  status TEXT NOT NULL,
  street TEXT NULL,
  premises TEXT NULL,
  trade TEXT NULL,
  scope TEXT NULL,
  email TEXT NULL,
  phone TEXT NULL,
  operator_kind TEXT NULL,
  seasonal INTEGER NULL,
  suspended_from DATE NULL,
  suspended_to DATE NULL,
  PRIMARY KEY (district, year, uscc)
) WITHOUT ROWID;
CREATE TABLE src_annual_report (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  report_year INTEGER NOT NULL,
  filed_on DATE NULL,
  revenue INTEGER NULL,
  employees INTEGER NULL,
  PRIMARY KEY (district, year, uscc, report_year)
) WITHOUT ROWID;
CREATE TABLE src_credit (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  kind TEXT NOT NULL,
  listed_on DATE NOT NULL,
  removed_on DATE NULL,
  penalty TEXT NULL,
  published INTEGER NULL,
  PRIMARY KEY (district, year, uscc, kind, listed_on)
) WITHOUT ROWID;
CREATE TABLE src_tax (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  tax_year INTEGER NOT NULL,
  registered INTEGER NOT NULL,
  abnormal INTEGER NULL,
  payer TEXT NULL,
  paid INTEGER NULL,
  PRIMARY KEY (district, year, uscc, tax_year)
) WITHOUT ROWID;
CREATE TABLE src_social_security (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  insured_year INTEGER NOT NULL,
  insured INTEGER NOT NULL,
  PRIMARY KEY (district, year, uscc, insured_year)
) WITHOUT ROWID;
CREATE TABLE src_ip (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  kind TEXT NOT NULL,
  certificate TEXT NOT NULL,
  in_use INTEGER NULL,
  valid_until DATE NULL,
  PRIMARY KEY (district, year, certificate)
) WITHOUT ROWID;
CREATE INDEX src_ip_uscc ON src_ip (district, year, uscc);
CREATE TABLE src_city_tiering (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  tier_year INTEGER NOT NULL,
  tier TEXT NOT NULL,
  PRIMARY KEY (district, year, uscc, tier_year)
) WITHOUT ROWID;
CREATE TABLE src_honours (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  title TEXT NOT NULL,
  awarded_on DATE NOT NULL,
  level TEXT NOT NULL,
  party INTEGER NULL,
  PRIMARY KEY (district, year, uscc, title, awarded_on)
) WITHOUT ROWID;
CREATE TABLE tiering_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  number INTEGER NOT NULL,
  as_of DATE NOT NULL,
  policy_id INTEGER NOT NULL,
  policy_hash TEXT NOT NULL,
  program TEXT NOT NULL,
  rules INTEGER NOT NULL,
  data_mark TEXT NOT NULL,
  round INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL,
  current BOOLEAN NOT NULL DEFAULT FALSE,
  counts TEXT NOT NULL DEFAULT '{}',
  started_at DATETIME NOT NULL,
  finished_at DATETIME NULL
);
CREATE UNIQUE INDEX tiering_runs_number ON tiering_runs (cycle_id, number);
-- A run's work: ranges of codes, how far each is judged, and the tiers found so far; moved on in the transaction of each page.
CREATE TABLE tiering_parts (
  run_id INTEGER NOT NULL,
  part INTEGER NOT NULL,
  round INTEGER NOT NULL,
  after_uscc TEXT NOT NULL,
  upto_uscc TEXT NOT NULL,
  at_uscc TEXT NOT NULL,
  households INTEGER NOT NULL,
  ineligible INTEGER NOT NULL DEFAULT 0,
  survival INTEGER NOT NULL DEFAULT 0,
  growth INTEGER NOT NULL DEFAULT 0,
  development INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, part)
) WITHOUT ROWID;
CREATE TABLE tiering_results (
  run_id INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  tier INTEGER NOT NULL,
  met INTEGER NOT NULL,
  not_known INTEGER NOT NULL,
  PRIMARY KEY (run_id, uscc)
) WITHOUT ROWID;
-- Where the city's result and ours differ (研判); one per cycle and household, mended by later runs until settled.
CREATE TABLE differences (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  uscc TEXT NOT NULL,
  run_id INTEGER NOT NULL,
  own_tier INTEGER NOT NULL,
  city_tier INTEGER NOT NULL,
  department TEXT NOT NULL,
  source TEXT NOT NULL,
  why TEXT NOT NULL,
  state TEXT NOT NULL,
  decided_tier INTEGER NOT NULL DEFAULT 0,
  reason_id INTEGER NOT NULL DEFAULT 0,
  decided_by TEXT NOT NULL DEFAULT '',
  decided_at DATETIME NULL
);
CREATE UNIQUE INDEX differences_household ON differences (cycle_id, uscc);
CREATE INDEX differences_inbox ON differences (cycle_id, department, state, id);
CREATE INDEX differences_list ON differences (cycle_id, state, id);
-- Decisions of the joint study, one per command: what was asked for (request_hash), by whom and why.
CREATE TABLE study_decisions (
  cycle_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  choice TEXT NOT NULL,
  settled INTEGER NOT NULL,
  reason_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id, command_id)
);
-- What the plan makes public of a household in a year, and nothing else (附一(二)2).
CREATE TABLE published_tiers (
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  tier INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  published_on DATE NOT NULL,
  PRIMARY KEY (uscc, year, district)
) WITHOUT ROWID;
CREATE INDEX published_tiers_name ON published_tiers (name, uscc);
CREATE INDEX published_tiers_list ON published_tiers (district, year, uscc);
CREATE TABLE handovers (
  cycle_id TEXT NOT NULL PRIMARY KEY,
  run_id INTEGER NOT NULL,
  counts TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  prepared_on DATE NOT NULL,
  receipt TEXT NOT NULL DEFAULT '',
  received_on DATE NULL,
  by_actor TEXT NOT NULL DEFAULT '',
  at DATETIME NOT NULL
);
-- The file that was handed over, compressed, in pieces: it stays as it was.
CREATE TABLE handover_files (
  cycle_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  piece INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (cycle_id, sha256, piece)
);
CREATE TABLE obligations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  owner_kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  required BOOLEAN NOT NULL DEFAULT FALSE,
  title TEXT NOT NULL,
  clause TEXT NOT NULL,
  due DATE NOT NULL,
  opened_on DATE NOT NULL,
  state TEXT NOT NULL,
  done_on DATE NULL,
  done_by TEXT NOT NULL DEFAULT '',
  reason_id INTEGER NOT NULL DEFAULT 0,
  reminded_step INTEGER NULL,
  reminded_on DATE NULL,
  escalated_on DATE NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX obligations_key ON obligations (cycle_id, kind, subject, owner);
CREATE INDEX obligations_due ON obligations (district, state, due, id);
CREATE INDEX obligations_inbox ON obligations (district, owner, state, due, id);
-- Mail to be sent and sent. dedup_key = SHA-256(recipient, kind, subject key, date): a message is written once.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  dedup_key TEXT NOT NULL,
  district TEXT NOT NULL,
  cycle_id TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL,
  recipient TEXT NOT NULL,
  on_date DATE NOT NULL,
  subject TEXT NOT NULL,
  html TEXT NOT NULL,
  text TEXT NOT NULL,
  message_id TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at DATETIME NOT NULL,
  last_error TEXT NOT NULL DEFAULT '',
  created_at DATETIME NOT NULL,
  sent_at DATETIME NULL
);
CREATE UNIQUE INDEX outbox_dedup ON outbox (dedup_key);
CREATE INDEX outbox_queue ON outbox (state, next_at, id);
CREATE INDEX outbox_list ON outbox (district, state, id);

-- +goose Down
DROP TABLE outbox;
DROP TABLE obligations;
DROP TABLE handover_files;
DROP TABLE handovers;
DROP TABLE published_tiers;
DROP TABLE study_decisions;
DROP TABLE differences;
DROP TABLE tiering_results;
DROP TABLE tiering_parts;
DROP TABLE tiering_runs;
DROP TABLE src_honours;
DROP TABLE src_city_tiering;
DROP TABLE src_ip;
DROP TABLE src_social_security;
DROP TABLE src_tax;
DROP TABLE src_credit;
DROP TABLE src_annual_report;
DROP TABLE src_registry;
DROP TABLE delivery_rejects;
DROP TABLE delivery_files;
DROP TABLE deliveries;
DROP TABLE cycle_events;
DROP TABLE plan_changes;
DROP TABLE cycles;
DROP TABLE policies;
DROP TABLE holidays;
DROP TABLE reasons;
DROP TABLE audit_head;
DROP TABLE audit_log;
DROP TABLE tokens;
DROP TABLE users;
DROP TABLE connections;
DROP TABLE departments;
DROP TABLE districts;
