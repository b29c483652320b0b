-- +goose Up
-- The certification season (附三). Process state lives in the engine; every fact, decision and reason is here.

-- One-time secrets with which an operator signs in; only their SHA-256 is kept. kind: link (by mail) or code (handed out, on record).
CREATE TABLE access_secrets (
  hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  issued_by TEXT NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  created_at DATETIME NOT NULL,
  expires_at DATETIME NOT NULL,
  used_at DATETIME NULL,
  PRIMARY KEY (hash)
);
CREATE INDEX access_secrets_household ON access_secrets (uscc, kind, created_at);
CREATE TABLE operator_sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  via TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  expires_at DATETIME NOT NULL,
  last_used_at DATETIME NULL,
  revoked_at DATETIME NULL
);
CREATE UNIQUE INDEX operator_sessions_hash ON operator_sessions (hash);
CREATE INDEX operator_sessions_household ON operator_sessions (uscc);

-- What people hand in: checked and written anew (models/document), never as it came. subject: application/12, objection/3, visit/5, complaint/7.
CREATE TABLE documents (
  id TEXT NOT NULL,
  district TEXT NOT NULL,
  subject TEXT NOT NULL,
  uscc TEXT NULL,
  purpose TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  by_actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX documents_subject ON documents (subject, id);
CREATE INDEX documents_uscc ON documents (uscc);
CREATE TABLE document_pieces (
  document_id TEXT NOT NULL,
  piece INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (document_id, piece)
);

-- One application (申报) or recommendation (推荐). live is 1 while it goes on and NULL afterwards: one at a time per household and cycle.
CREATE TABLE applications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  street TEXT NOT NULL DEFAULT '',
  tier INTEGER NOT NULL,
  origin TEXT NOT NULL,
  state TEXT NOT NULL,
  live INTEGER NULL,
  wished TEXT NOT NULL DEFAULT '',
  category TEXT NOT NULL DEFAULT '',
  statement TEXT NOT NULL,
  entered_by TEXT NOT NULL,
  recommended_by TEXT NOT NULL DEFAULT '',
  department TEXT NOT NULL DEFAULT '',
  reviewer TEXT NOT NULL DEFAULT '',
  limit_on DATE NULL,
  due DATE NULL,
  submitted_on DATE NULL,
  closed_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  policy_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL DEFAULT 0,
  data_mark TEXT NOT NULL DEFAULT '',
  events INTEGER NOT NULL DEFAULT 0,
  process_events INTEGER NOT NULL DEFAULT 0,
  created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX applications_live ON applications (cycle_id, uscc, live);
CREATE INDEX applications_state ON applications (cycle_id, state, id);
CREATE INDEX applications_reviewer ON applications (district, reviewer, state, due, id);
CREATE INDEX applications_pool ON applications (district, street, state, due, id);
CREATE INDEX applications_due ON applications (district, state, due, id);
CREATE INDEX applications_household ON applications (uscc, id);
CREATE INDEX applications_department ON applications (district, department, id);
-- What happened to an application, in order. seq counts from 1; command_id makes a repeated command harmless, and request_hash tells it from
-- another one under the same id.
CREATE TABLE application_events (
  application_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  on_date DATE NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (application_id, seq)
);
CREATE UNIQUE INDEX application_events_command ON application_events (application_id, command_id);
-- A ground claimed or found (附三(三)2): claimed by the applicant with a statement; outcome by data or by a reviewer with a reason.
CREATE TABLE application_grounds (
  application_id INTEGER NOT NULL,
  category TEXT NOT NULL,
  letter TEXT NOT NULL,
  claimed BOOLEAN NOT NULL DEFAULT FALSE,
  statement TEXT NOT NULL,
  outcome TEXT NOT NULL DEFAULT '',
  checked_by TEXT NOT NULL DEFAULT '',
  value TEXT NOT NULL DEFAULT '',
  reason_id INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL DEFAULT '',
  on_date DATE NULL,
  PRIMARY KEY (application_id, category, letter)
);
-- A declared conflict of interest (回避): while it stands (standing is 1, NULL once lifted) this user has no hand in that household's matters.
CREATE TABLE conflicts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  actor TEXT NOT NULL,
  uscc TEXT NOT NULL,
  reason_id INTEGER NOT NULL,
  declared_by TEXT NOT NULL,
  at DATETIME NOT NULL,
  standing INTEGER NULL,
  lifted_by TEXT NOT NULL DEFAULT '',
  lift_reason_id INTEGER NOT NULL DEFAULT 0,
  lifted_at DATETIME NULL
);
CREATE UNIQUE INDEX conflicts_household ON conflicts (actor, uscc, standing);
CREATE INDEX conflicts_list ON conflicts (district, id);
-- A site visit (走访核实): two visitors; the record of one takes effect when the other has signed it. live is 1 until it is signed or
-- cancelled: one at a time per application.
CREATE TABLE visits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  application_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  visitor_a TEXT NOT NULL,
  visitor_b TEXT NOT NULL,
  planned_on DATE NOT NULL,
  planned_by TEXT NOT NULL,
  visited_on DATE NULL,
  outcome TEXT NOT NULL DEFAULT '',
  record_id INTEGER NOT NULL DEFAULT 0,
  recorded_by TEXT NOT NULL DEFAULT '',
  signed_by TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  live INTEGER NULL,
  signed_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  updated_at DATETIME NOT NULL,
  CHECK (visitor_a <> visitor_b),
  CHECK (signed_by = '' OR signed_by <> recorded_by)
);
CREATE UNIQUE INDEX visits_live ON visits (application_id, live);
CREATE INDEX visits_application ON visits (application_id, id);
CREATE INDEX visits_a ON visits (visitor_a, state, planned_on);
CREATE INDEX visits_b ON visits (visitor_b, state, planned_on);

-- The places of a cycle (附三(四)), frozen once with the numbers they came from; share in hundredths of a percent. Every place is a row of
-- place_seats, and the database admits no more rows than places: there are no more proposals and certifications, whatever happens at once.
CREATE TABLE places (
  cycle_id TEXT NOT NULL,
  run_id INTEGER NOT NULL,
  growth INTEGER NOT NULL,
  development INTEGER NOT NULL,
  share INTEGER NOT NULL,
  gross INTEGER NOT NULL,
  still_valid INTEGER NOT NULL,
  places INTEGER NOT NULL,
  policy_id INTEGER NOT NULL,
  frozen_on DATE NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id),
  CONSTRAINT places_share CHECK (gross * 10000 <= share * (growth + development)),
  CONSTRAINT places_left CHECK (places = CASE WHEN gross > still_valid THEN gross - still_valid ELSE 0 END)
);
CREATE UNIQUE INDEX places_number ON places (cycle_id, places);
CREATE TABLE place_seats (
  cycle_id TEXT NOT NULL,
  seat INTEGER NOT NULL,
  places INTEGER NOT NULL,
  application_id INTEGER NULL,
  PRIMARY KEY (cycle_id, seat),
  FOREIGN KEY (cycle_id, places) REFERENCES places (cycle_id, places),
  CONSTRAINT place_seats_cap CHECK (seat >= 1 AND seat <= places)
);
CREATE UNIQUE INDEX place_seats_application ON place_seats (application_id);
-- The comparison (比选): score, its items, rank and what broke a tie; proposal by the rule, decision by people.
CREATE TABLE selection_ranks (
  cycle_id TEXT NOT NULL,
  application_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  score INTEGER NOT NULL,
  items TEXT NOT NULL,
  tie TEXT NOT NULL DEFAULT '',
  proposal TEXT NOT NULL,
  decision TEXT NOT NULL DEFAULT '',
  reason_id INTEGER NOT NULL DEFAULT 0,
  decided_by TEXT NOT NULL DEFAULT '',
  decided_at DATETIME NULL,
  PRIMARY KEY (cycle_id, application_id)
);
CREATE UNIQUE INDEX selection_ranks_place ON selection_ranks (cycle_id, place);
-- Each command on the comparison, once: the same command again changes nothing.
CREATE TABLE selection_commands (
  cycle_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  decided INTEGER NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id, command_id)
);

-- Public notices (公示) of a cycle: the first list, and one more for each time the waiting list moved up. vacancy: what became of the place of
-- who left the list (filled by successor, nobody waiting, too_late for a full period).
CREATE TABLE notices (
  cycle_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  published_on DATE NOT NULL,
  working_days INTEGER NOT NULL,
  ends_on DATE NOT NULL,
  announced BOOLEAN NOT NULL,
  sha256 TEXT NOT NULL,
  closed_on DATE NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id, number)
);
CREATE TABLE notice_entries (
  cycle_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  application_id INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  tier INTEGER NOT NULL,
  category TEXT NOT NULL,
  state TEXT NOT NULL,
  removed_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  vacancy TEXT NOT NULL DEFAULT '',
  successor INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (cycle_id, number, application_id)
);
CREATE INDEX notice_entries_application ON notice_entries (application_id);

-- Objections (异议): to a tier, to a list under public notice, to a decision. by_name and contact stay confidential. live is 1 while one
-- to a tier or decision goes on: one at a time. receipt_key: the same request again is the same objection.
CREATE TABLE objections (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  cycle_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  uscc TEXT NOT NULL,
  application_id INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL,
  by_name TEXT NOT NULL DEFAULT '',
  contact TEXT NOT NULL DEFAULT '',
  statement TEXT NOT NULL,
  state TEXT NOT NULL,
  live INTEGER NULL,
  receipt_key TEXT NOT NULL,
  department TEXT NOT NULL DEFAULT '',
  received_on DATE NOT NULL,
  accept_due DATE NOT NULL,
  accepted_on DATE NULL,
  settle_due DATE NULL,
  answer_due DATE NULL,
  answer_id INTEGER NOT NULL DEFAULT 0,
  answered_by TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT '',
  effect TEXT NOT NULL DEFAULT '',
  tier_before INTEGER NOT NULL DEFAULT 0,
  tier_after INTEGER NOT NULL DEFAULT 0,
  reason_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  settled_by TEXT NOT NULL DEFAULT '',
  settled_on DATE NULL,
  events INTEGER NOT NULL DEFAULT 0,
  at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX objections_receipt ON objections (receipt_key);
CREATE UNIQUE INDEX objections_live ON objections (cycle_id, kind, uscc, application_id, live);
CREATE INDEX objections_list ON objections (district, state, id);
CREATE INDEX objections_cycle ON objections (cycle_id, kind, state, id);
CREATE INDEX objections_household ON objections (uscc, id);
CREATE INDEX objections_application ON objections (application_id);
CREATE TABLE objection_events (
  objection_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  on_date DATE NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  detail TEXT NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (objection_id, seq)
);
CREATE UNIQUE INDEX objection_events_command ON objection_events (objection_id, command_id);
-- A tier that an objection settled: newer data and comparisons leave it as it was settled.
ALTER TABLE differences ADD COLUMN objection_id INTEGER NOT NULL DEFAULT 0;

-- Certifications (认定): each has its seat among the places, so that no more can exist than the cap allows.
CREATE TABLE certifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  number TEXT NOT NULL,
  cycle_id TEXT NOT NULL,
  seat INTEGER NOT NULL,
  application_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  tier INTEGER NOT NULL,
  category TEXT NOT NULL,
  certified_on DATE NOT NULL,
  valid_until DATE NOT NULL,
  state TEXT NOT NULL,
  ended_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  policy_id INTEGER NOT NULL,
  policy_hash TEXT NOT NULL,
  run_id INTEGER NOT NULL,
  program TEXT NOT NULL,
  at DATETIME NOT NULL,
  FOREIGN KEY (cycle_id, seat) REFERENCES place_seats (cycle_id, seat)
);
CREATE UNIQUE INDEX certifications_number ON certifications (number);
CREATE UNIQUE INDEX certifications_seat ON certifications (cycle_id, seat);
CREATE UNIQUE INDEX certifications_application ON certifications (application_id);
CREATE UNIQUE INDEX certifications_household ON certifications (cycle_id, uscc);
CREATE INDEX certifications_uscc ON certifications (uscc, year);
CREATE INDEX certifications_valid ON certifications (district, state, valid_until);
-- The report to the city (附三(二)2) and its spot check: the sample follows from the stated seed.
CREATE TABLE city_reports (
  cycle_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  certified INTEGER NOT NULL,
  reported_on DATE NOT NULL,
  outcome_due DATE NOT NULL,
  seed TEXT NOT NULL DEFAULT '',
  sample_size INTEGER NOT NULL DEFAULT 0,
  sampled_by TEXT NOT NULL DEFAULT '',
  closed_on DATE NULL,
  closed_by TEXT NOT NULL DEFAULT '',
  reason_id INTEGER NOT NULL DEFAULT 0,
  content BLOB NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id)
);
CREATE TABLE city_checks (
  certification_id INTEGER NOT NULL,
  cycle_id TEXT NOT NULL,
  state TEXT NOT NULL,
  limit_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  answer_id INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL DEFAULT '',
  updated_at DATETIME NOT NULL,
  PRIMARY KEY (certification_id)
);
CREATE INDEX city_checks_list ON city_checks (cycle_id, state, certification_id);
-- What happened in a spot check; certification_id 0: in the check as a whole. command_id makes a repeated command harmless.
CREATE TABLE city_events (
  cycle_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  certification_id INTEGER NOT NULL DEFAULT 0,
  event TEXT NOT NULL,
  from_state TEXT NOT NULL DEFAULT '',
  to_state TEXT NOT NULL DEFAULT '',
  on_date DATE NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (cycle_id, command_id, certification_id)
);
CREATE INDEX city_events_certification ON city_events (certification_id, at);

-- Complaints about conduct (三(二)): read by the bureau only.
CREATE TABLE complaints (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  cycle_id TEXT NOT NULL DEFAULT '',
  about TEXT NOT NULL,
  statement TEXT NOT NULL,
  by_name TEXT NOT NULL DEFAULT '',
  contact TEXT NOT NULL DEFAULT '',
  by_actor TEXT NOT NULL,
  state TEXT NOT NULL,
  answer_id INTEGER NOT NULL DEFAULT 0,
  answered_by TEXT NOT NULL DEFAULT '',
  answered_at DATETIME NULL,
  received_on DATE NOT NULL,
  due DATE NOT NULL,
  at DATETIME NOT NULL
);
CREATE INDEX complaints_list ON complaints (district, state, id);
CREATE INDEX complaints_actor ON complaints (by_actor, id);

-- Which entries of the audit log concern which district, for those who may read only their own. Beside the log, whose chain stays as it is.
CREATE TABLE audit_districts (
  district TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (district, seq)
) WITHOUT ROWID;
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 7, 6), seq FROM audit_log WHERE object LIKE 'cycle/______-____';
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 10, 6), seq FROM audit_log WHERE object LIKE 'district/______';
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 12, 6), seq FROM audit_log WHERE object LIKE 'department/______/%' OR object LIKE 'connection:______/%';
INSERT INTO audit_districts (district, seq) SELECT d.district, a.seq FROM deliveries d JOIN audit_log a ON a.object = d.id;
INSERT INTO audit_districts (district, seq) SELECT u.district, a.seq FROM users u JOIN audit_log a ON a.object = 'user/' || u.id WHERE u.district <> '';
INSERT INTO audit_districts (district, seq) SELECT u.district, a.seq FROM users u JOIN tokens t ON t.user_id = u.id JOIN audit_log a ON a.object = 'token/' || t.id WHERE u.district <> '';
INSERT INTO audit_districts (district, seq) SELECT p.district, a.seq FROM policies p JOIN audit_log a ON a.object = 'policy/' || p.id;
INSERT INTO audit_districts (district, seq) SELECT m.district, a.seq FROM outbox m JOIN audit_log a ON a.object = 'mail/' || m.id;

-- The case that a mail is about, such as application/12; empty for others.
ALTER TABLE outbox ADD COLUMN about TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_about ON outbox (about, id);

-- +goose Down
DROP INDEX outbox_about;
ALTER TABLE outbox DROP COLUMN about;
DROP TABLE audit_districts;
DROP TABLE complaints;
DROP TABLE city_events;
DROP TABLE city_checks;
DROP TABLE city_reports;
DROP TABLE certifications;
ALTER TABLE differences DROP COLUMN objection_id;
DROP TABLE objection_events;
DROP TABLE objections;
DROP TABLE notice_entries;
DROP TABLE notices;
DROP TABLE selection_commands;
DROP TABLE selection_ranks;
DROP TABLE place_seats;
DROP TABLE places;
DROP TABLE visits;
DROP TABLE conflicts;
DROP TABLE application_grounds;
DROP TABLE application_events;
DROP TABLE applications;
DROP TABLE document_pieces;
DROP TABLE documents;
DROP TABLE operator_sessions;
DROP TABLE access_secrets;
