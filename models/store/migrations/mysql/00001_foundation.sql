-- +goose Up
-- Names follow models/; a source's table is src_<source> with the columns of models.Specs.
CREATE TABLE districts (
  code CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  city VARCHAR(60) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE departments (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  code VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(100) NOT NULL,
  email VARCHAR(200) NOT NULL DEFAULT '',
  PRIMARY KEY (district, code)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- How a source is fetched. secret_env names the environment variable that holds the bearer token: no secret is stored.
CREATE TABLE connections (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  address VARCHAR(500) NOT NULL,
  secret_env VARCHAR(100) NOT NULL DEFAULT '',
  client_cert VARCHAR(300) NOT NULL DEFAULT '',
  client_key VARCHAR(300) NOT NULL DEFAULT '',
  ca_file VARCHAR(300) NOT NULL DEFAULT '',
  poll_minutes INT NOT NULL DEFAULT 60,
  report_after_minutes INT NOT NULL DEFAULT 1440,
  etag VARCHAR(300) NOT NULL DEFAULT '',
  etag_year INT NOT NULL DEFAULT 0,
  last_ok_at DATETIME(3) NULL,
  failing_since DATETIME(3) NULL,
  reported_at DATETIME(3) NULL,
  last_error VARCHAR(500) NOT NULL DEFAULT '',
  PRIMARY KEY (district, source)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE users (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(200) NOT NULL,
  name VARCHAR(100) NOT NULL,
  role VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district VARCHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  password_hash VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  disabled BOOLEAN NOT NULL DEFAULT FALSE,
  created_at DATETIME(3) NOT NULL,
  UNIQUE KEY users_email (email)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Only the SHA-256 of a token is kept; prefix lets a person recognise it.
CREATE TABLE tokens (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_id BIGINT NOT NULL,
  name VARCHAR(100) NOT NULL,
  prefix VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NULL,
  last_used_at DATETIME(3) NULL,
  revoked_at DATETIME(3) NULL,
  UNIQUE KEY tokens_hash (hash),
  KEY tokens_user (user_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Append-only and chained: hash = SHA-256(prev_hash, seq, at, actor, action, object, detail). The one row of audit_head serialises writers.
CREATE TABLE audit_log (
  seq BIGINT NOT NULL PRIMARY KEY,
  at VARCHAR(35) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  actor VARCHAR(100) NOT NULL,
  action VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object VARCHAR(200) NOT NULL,
  detail LONGTEXT NOT NULL,
  prev_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  UNIQUE KEY audit_hash (hash),
  KEY audit_object (object, seq)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE audit_head (
  id INT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, REPEAT('0', 64));
-- What people wrote as the reason of a command or decision; processes and logs carry only the id.
CREATE TABLE reasons (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  text VARCHAR(2000) NOT NULL,
  actor VARCHAR(100) NOT NULL,
  at DATETIME(3) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE holidays (
  day DATE NOT NULL PRIMARY KEY,
  kind VARCHAR(2) NOT NULL,
  name VARCHAR(60) NOT NULL,
  notice VARCHAR(300) NOT NULL DEFAULT ''
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE policies (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  version INT NOT NULL,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  content LONGTEXT NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note VARCHAR(500) NOT NULL DEFAULT '',
  created_by VARCHAR(100) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  in_force_by VARCHAR(100) NOT NULL DEFAULT '',
  in_force_at DATETIME(3) NULL,
  published_at DATETIME(3) NULL,
  UNIQUE KEY policies_version (district, year, version),
  UNIQUE KEY policies_hash (district, year, hash)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE cycles (
  id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  stage VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  plan TEXT NOT NULL,
  clock VARCHAR(200) NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  policy_id BIGINT NOT NULL,
  workflow_id VARCHAR(200) NOT NULL,
  run_id VARCHAR(60) NOT NULL DEFAULT '',
  attempt INT NOT NULL DEFAULT 1,
  started_by VARCHAR(100) NOT NULL,
  started_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY cycles_year (district, year)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE plan_changes (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  item VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  old_date DATE NOT NULL,
  new_date DATE NOT NULL,
  reason_id BIGINT NOT NULL,
  actor VARCHAR(100) NOT NULL,
  at DATETIME(3) NOT NULL,
  UNIQUE KEY plan_changes_command (cycle_id, command_id, item)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What happened in a cycle, in order: stage borders and commands, for people to read.
CREATE TABLE cycle_events (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_key VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  stage VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  text VARCHAR(500) NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  actor VARCHAR(100) NOT NULL,
  at DATETIME(3) NOT NULL,
  UNIQUE KEY cycle_events_key (cycle_id, event_key)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE deliveries (
  id VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  source VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sequence INT NOT NULL,
  channel VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  file_name VARCHAR(255) NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  size BIGINT NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason VARCHAR(500) NOT NULL DEFAULT '',
  rows_read INT NOT NULL DEFAULT 0,
  rows_accepted INT NOT NULL DEFAULT 0,
  rows_repeated INT NOT NULL DEFAULT 0,
  rows_rejected INT NOT NULL DEFAULT 0,
  rows_unmatched INT NOT NULL DEFAULT 0,
  headers MEDIUMTEXT NOT NULL,
  unknown_columns MEDIUMTEXT NOT NULL,
  by_actor VARCHAR(100) NOT NULL,
  received_at DATETIME(3) NOT NULL,
  settled_at DATETIME(3) NULL,
  UNIQUE KEY deliveries_sequence (district, year, source, sequence)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The file as delivered, compressed, in pieces: the evidence of every result, reachable from every worker.
CREATE TABLE delivery_files (
  delivery_id VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  piece INT NOT NULL,
  content MEDIUMBLOB NOT NULL,
  PRIMARY KEY (delivery_id, piece)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- problems: JSON of models.Problem; cells: JSON of the row as delivered, by deliveries.headers.
CREATE TABLE delivery_rejects (
  delivery_id VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  row_no INT NOT NULL,
  problems MEDIUMTEXT NOT NULL,
  cells MEDIUMTEXT NOT NULL,
  PRIMARY KEY (delivery_id, row_no)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_registry (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  operator VARCHAR(100) NOT NULL,
  founded DATE NOT NULL,
  status VARCHAR(4) NOT NULL,
  street VARCHAR(60) NULL,
  premises VARCHAR(300) NULL,
  trade VARCHAR(10) NULL,
  scope TEXT NULL,
  email VARCHAR(200) NULL,
  phone VARCHAR(60) NULL,
  operator_kind VARCHAR(10) NULL,
  seasonal TINYINT NULL,
  suspended_from DATE NULL,
  suspended_to DATE NULL,
  PRIMARY KEY (district, year, uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_annual_report (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  report_year SMALLINT NOT NULL,
  filed_on DATE NULL,
  revenue BIGINT NULL,
  employees INT NULL,
  PRIMARY KEY (district, year, uscc, report_year)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_credit (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(10) NOT NULL,
  listed_on DATE NOT NULL,
  removed_on DATE NULL,
  penalty VARCHAR(60) NULL,
  published TINYINT NULL,
  PRIMARY KEY (district, year, uscc, kind, listed_on)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_tax (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tax_year SMALLINT NOT NULL,
  registered TINYINT NOT NULL,
  abnormal TINYINT NULL,
  payer VARCHAR(10) NULL,
  paid BIGINT NULL,
  PRIMARY KEY (district, year, uscc, tax_year)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_social_security (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  insured_year SMALLINT NOT NULL,
  insured INT NOT NULL,
  PRIMARY KEY (district, year, uscc, insured_year)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_ip (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(4) NOT NULL,
  certificate VARCHAR(100) NOT NULL,
  in_use TINYINT NULL,
  valid_until DATE NULL,
  PRIMARY KEY (district, year, certificate),
  KEY src_ip_uscc (district, year, uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_city_tiering (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tier_year SMALLINT NOT NULL,
  tier VARCHAR(10) NOT NULL,
  PRIMARY KEY (district, year, uscc, tier_year)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE src_honours (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  title VARCHAR(200) NOT NULL,
  awarded_on DATE NOT NULL,
  level VARCHAR(4) NOT NULL,
  party TINYINT NULL,
  PRIMARY KEY (district, year, uscc, title, awarded_on)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE tiering_runs (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  number INT NOT NULL,
  as_of DATE NOT NULL,
  policy_id BIGINT NOT NULL,
  policy_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  program VARCHAR(60) NOT NULL,
  rules INT NOT NULL,
  data_mark VARCHAR(300) NOT NULL,
  round INT NOT NULL DEFAULT 1,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  current BOOLEAN NOT NULL DEFAULT FALSE,
  counts VARCHAR(200) NOT NULL DEFAULT '{}',
  started_at DATETIME(3) NOT NULL,
  finished_at DATETIME(3) NULL,
  UNIQUE KEY tiering_runs_number (cycle_id, number)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A run's work: ranges of codes, how far each is judged, and the tiers found so far; moved on in the transaction of each page.
CREATE TABLE tiering_parts (
  run_id INT NOT NULL,
  part INT NOT NULL,
  round INT NOT NULL,
  after_uscc VARCHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  upto_uscc VARCHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at_uscc VARCHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  households INT NOT NULL,
  ineligible INT NOT NULL DEFAULT 0,
  survival INT NOT NULL DEFAULT 0,
  growth INT NOT NULL DEFAULT 0,
  development INT NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, part)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE tiering_results (
  run_id INT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tier TINYINT NOT NULL,
  met BIGINT NOT NULL,
  not_known BIGINT NOT NULL,
  PRIMARY KEY (run_id, uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Where the city's result and ours differ (研判); one per cycle and household, mended by later runs until settled.
CREATE TABLE differences (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  run_id BIGINT NOT NULL,
  own_tier TINYINT NOT NULL,
  city_tier TINYINT NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  why VARCHAR(500) NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  decided_tier TINYINT NOT NULL DEFAULT 0,
  reason_id BIGINT NOT NULL DEFAULT 0,
  decided_by VARCHAR(100) NOT NULL DEFAULT '',
  decided_at DATETIME(3) NULL,
  UNIQUE KEY differences_household (cycle_id, uscc),
  KEY differences_inbox (cycle_id, department, state, id),
  KEY differences_list (cycle_id, state, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Decisions of the joint study, one per command: what was asked for (request_hash), by whom and why.
CREATE TABLE study_decisions (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  choice VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  settled INT NOT NULL,
  reason_id BIGINT NOT NULL,
  actor VARCHAR(100) NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What the plan makes public of a household in a year, and nothing else (附一(二)2).
CREATE TABLE published_tiers (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year SMALLINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  tier TINYINT NOT NULL,
  run_id BIGINT NOT NULL,
  published_on DATE NOT NULL,
  PRIMARY KEY (uscc, year, district),
  KEY published_tiers_name (name, uscc),
  KEY published_tiers_list (district, year, uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE handovers (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  run_id BIGINT NOT NULL,
  counts VARCHAR(200) NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  prepared_on DATE NOT NULL,
  receipt VARCHAR(200) NOT NULL DEFAULT '',
  received_on DATE NULL,
  by_actor VARCHAR(100) NOT NULL DEFAULT '',
  at DATETIME(3) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The file that was handed over, compressed, in pieces: it stays as it was.
CREATE TABLE handover_files (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  piece INT NOT NULL,
  content MEDIUMBLOB NOT NULL,
  PRIMARY KEY (cycle_id, sha256, piece)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE obligations (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_kind VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  required BOOLEAN NOT NULL DEFAULT FALSE,
  title VARCHAR(200) NOT NULL,
  clause VARCHAR(60) NOT NULL,
  due DATE NOT NULL,
  opened_on DATE NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  done_on DATE NULL,
  done_by VARCHAR(100) NOT NULL DEFAULT '',
  reason_id BIGINT NOT NULL DEFAULT 0,
  reminded_step INT NULL,
  reminded_on DATE NULL,
  escalated_on DATE NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY obligations_key (cycle_id, kind, subject, owner),
  KEY obligations_due (district, state, due, id),
  KEY obligations_inbox (district, owner, state, due, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Mail to be sent and sent. dedup_key = SHA-256(recipient, kind, subject key, date): a message is written once.
CREATE TABLE outbox (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  dedup_key CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  kind VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  recipient VARCHAR(200) NOT NULL,
  on_date DATE NOT NULL,
  subject VARCHAR(300) NOT NULL,
  html MEDIUMTEXT NOT NULL,
  text MEDIUMTEXT NOT NULL,
  message_id VARCHAR(200) NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts INT NOT NULL DEFAULT 0,
  next_at DATETIME(3) NOT NULL,
  last_error VARCHAR(500) NOT NULL DEFAULT '',
  created_at DATETIME(3) NOT NULL,
  sent_at DATETIME(3) NULL,
  UNIQUE KEY outbox_dedup (dedup_key),
  KEY outbox_queue (state, next_at, id),
  KEY outbox_list (district, state, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
