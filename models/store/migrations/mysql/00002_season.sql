-- +goose Up
-- The certification season (附三). Process state lives in the engine; every fact, decision and reason is here.

-- One-time secrets with which an operator signs in; only their SHA-256 is kept. kind: link (by mail) or code (handed out, on record).
CREATE TABLE access_secrets (
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  issued_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  used_at DATETIME(3) NULL,
  PRIMARY KEY (hash),
  KEY access_secrets_household (uscc, kind, created_at)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE operator_sessions (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  via VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  last_used_at DATETIME(3) NULL,
  revoked_at DATETIME(3) NULL,
  UNIQUE KEY operator_sessions_hash (hash),
  KEY operator_sessions_household (uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What people hand in: checked and written anew (models/document), never as it came. subject: application/12, objection/3, visit/5, complaint/7.
CREATE TABLE documents (
  id VARCHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NULL,
  purpose VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  media_type VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  size BIGINT NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY documents_subject (subject, id),
  KEY documents_uscc (uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE document_pieces (
  document_id VARCHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  piece INT NOT NULL,
  content MEDIUMBLOB NOT NULL,
  PRIMARY KEY (document_id, piece)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One application (申报) or recommendation (推荐). live is 1 while it goes on and NULL afterwards: one at a time per household and cycle.
CREATE TABLE applications (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  street VARCHAR(60) NOT NULL DEFAULT '',
  tier INT NOT NULL,
  origin VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live INT NULL,
  wished VARCHAR(100) NOT NULL DEFAULT '',
  category VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  statement MEDIUMTEXT NOT NULL,
  entered_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  recommended_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  reviewer VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  limit_on DATE NULL,
  due DATE NULL,
  submitted_on DATE NULL,
  closed_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  policy_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL DEFAULT 0,
  data_mark VARCHAR(500) NOT NULL DEFAULT '',
  events INT NOT NULL DEFAULT 0,
  process_events INT NOT NULL DEFAULT 0,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY applications_live (cycle_id, uscc, live),
  KEY applications_state (cycle_id, state, id),
  KEY applications_reviewer (district, reviewer, state, due, id),
  KEY applications_pool (district, street, state, due, id),
  KEY applications_due (district, state, due, id),
  KEY applications_household (uscc, id),
  KEY applications_department (district, department, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What happened to an application, in order. seq counts from 1; command_id makes a repeated command harmless, and request_hash tells it from
-- another one under the same id.
CREATE TABLE application_events (
  application_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  event VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  detail MEDIUMTEXT NOT NULL,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (application_id, seq),
  UNIQUE KEY application_events_command (application_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A ground claimed or found (附三(三)2): claimed by the applicant with a statement; outcome by data or by a reviewer with a reason.
CREATE TABLE application_grounds (
  application_id BIGINT NOT NULL,
  category VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  letter VARCHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claimed BOOLEAN NOT NULL DEFAULT FALSE,
  statement MEDIUMTEXT NOT NULL,
  outcome VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  checked_by VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  value MEDIUMTEXT NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  on_date DATE NULL,
  PRIMARY KEY (application_id, category, letter)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A declared conflict of interest (回避): while it stands (standing is 1, NULL once lifted) this user has no hand in that household's matters.
CREATE TABLE conflicts (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason_id BIGINT NOT NULL,
  declared_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  standing INT NULL,
  lifted_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  lift_reason_id BIGINT NOT NULL DEFAULT 0,
  lifted_at DATETIME(3) NULL,
  UNIQUE KEY conflicts_household (actor, uscc, standing),
  KEY conflicts_list (district, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A site visit (走访核实): two visitors; the record of one takes effect when the other has signed it. live is 1 until it is signed or
-- cancelled: one at a time per application.
CREATE TABLE visits (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  application_id BIGINT NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  visitor_a VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  visitor_b VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  planned_on DATE NOT NULL,
  planned_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  visited_on DATE NULL,
  outcome VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  record_id BIGINT NOT NULL DEFAULT 0,
  recorded_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  signed_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live INT NULL,
  signed_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  updated_at DATETIME(3) NOT NULL,
  CHECK (visitor_a <> visitor_b),
  CHECK (signed_by = '' OR signed_by <> recorded_by),
  UNIQUE KEY visits_live (application_id, live),
  KEY visits_application (application_id, id),
  KEY visits_a (visitor_a, state, planned_on),
  KEY visits_b (visitor_b, state, planned_on)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The places of a cycle (附三(四)), frozen once with the numbers they came from; share in hundredths of a percent. Every place is a row of
-- place_seats, and the database admits no more rows than places: there are no more proposals and certifications, whatever happens at once.
CREATE TABLE places (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  run_id BIGINT NOT NULL,
  growth BIGINT NOT NULL,
  development BIGINT NOT NULL,
  share BIGINT NOT NULL,
  gross BIGINT NOT NULL,
  still_valid BIGINT NOT NULL,
  places BIGINT NOT NULL,
  policy_id BIGINT NOT NULL,
  frozen_on DATE NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id),
  UNIQUE KEY places_number (cycle_id, places),
  CONSTRAINT places_share CHECK (gross * 10000 <= share * (growth + development)),
  CONSTRAINT places_left CHECK (places = CASE WHEN gross > still_valid THEN gross - still_valid ELSE 0 END)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE place_seats (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seat INT NOT NULL,
  places BIGINT NOT NULL,
  application_id BIGINT NULL,
  PRIMARY KEY (cycle_id, seat),
  UNIQUE KEY place_seats_application (application_id),
  FOREIGN KEY (cycle_id, places) REFERENCES places (cycle_id, places),
  CONSTRAINT place_seats_cap CHECK (seat >= 1 AND seat <= places)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The comparison (比选): score, its items, rank and what broke a tie; proposal by the rule, decision by people.
CREATE TABLE selection_ranks (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  application_id BIGINT NOT NULL,
  place INT NOT NULL,
  score BIGINT NOT NULL,
  items MEDIUMTEXT NOT NULL,
  tie VARCHAR(200) NOT NULL DEFAULT '',
  proposal VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  decision VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  reason_id BIGINT NOT NULL DEFAULT 0,
  decided_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  decided_at DATETIME(3) NULL,
  PRIMARY KEY (cycle_id, application_id),
  UNIQUE KEY selection_ranks_place (cycle_id, place)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Each command on the comparison, once: the same command again changes nothing.
CREATE TABLE selection_commands (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  decided INT NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Public notices (公示) of a cycle: the first list, and one more for each time the waiting list moved up. vacancy: what became of the place of
-- who left the list (filled by successor, nobody waiting, too_late for a full period).
CREATE TABLE notices (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number INT NOT NULL,
  published_on DATE NOT NULL,
  working_days INT NOT NULL,
  ends_on DATE NOT NULL,
  announced BOOLEAN NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  closed_on DATE NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id, number)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE notice_entries (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number INT NOT NULL,
  application_id BIGINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  tier INT NOT NULL,
  category VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  removed_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  vacancy VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  successor BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (cycle_id, number, application_id),
  KEY notice_entries_application (application_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Objections (异议): to a tier, to a list under public notice, to a decision. by_name and contact stay confidential. live is 1 while one
-- to a tier or decision goes on: one at a time. receipt_key: the same request again is the same objection.
CREATE TABLE objections (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  application_id BIGINT NOT NULL DEFAULT 0,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  by_name VARCHAR(100) NOT NULL DEFAULT '',
  contact VARCHAR(200) NOT NULL DEFAULT '',
  statement MEDIUMTEXT NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live INT NULL,
  receipt_key CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  received_on DATE NOT NULL,
  accept_due DATE NOT NULL,
  accepted_on DATE NULL,
  settle_due DATE NULL,
  answer_due DATE NULL,
  answer_id BIGINT NOT NULL DEFAULT 0,
  answered_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  outcome VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  effect VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  tier_before INT NOT NULL DEFAULT 0,
  tier_after INT NOT NULL DEFAULT 0,
  reason_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  settled_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  settled_on DATE NULL,
  events INT NOT NULL DEFAULT 0,
  at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY objections_receipt (receipt_key),
  UNIQUE KEY objections_live (cycle_id, kind, uscc, application_id, live),
  KEY objections_list (district, state, id),
  KEY objections_cycle (cycle_id, kind, state, id),
  KEY objections_household (uscc, id),
  KEY objections_application (application_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE objection_events (
  objection_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  event VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  detail MEDIUMTEXT NOT NULL,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (objection_id, seq),
  UNIQUE KEY objection_events_command (objection_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A tier that an objection settled: newer data and comparisons leave it as it was settled.
ALTER TABLE differences ADD COLUMN objection_id BIGINT NOT NULL DEFAULT 0;

-- Certifications (认定): each has its seat among the places, so that no more can exist than the cap allows.
CREATE TABLE certifications (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seat INT NOT NULL,
  application_id BIGINT NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(200) NOT NULL,
  tier INT NOT NULL,
  category VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  certified_on DATE NOT NULL,
  valid_until DATE NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ended_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  policy_id BIGINT NOT NULL,
  policy_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  run_id BIGINT NOT NULL,
  program VARCHAR(60) NOT NULL,
  at DATETIME(3) NOT NULL,
  FOREIGN KEY (cycle_id, seat) REFERENCES place_seats (cycle_id, seat),
  UNIQUE KEY certifications_number (number),
  UNIQUE KEY certifications_seat (cycle_id, seat),
  UNIQUE KEY certifications_application (application_id),
  UNIQUE KEY certifications_household (cycle_id, uscc),
  KEY certifications_uscc (uscc, year),
  KEY certifications_valid (district, state, valid_until)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The report to the city (附三(二)2) and its spot check: the sample follows from the stated seed.
CREATE TABLE city_reports (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  certified BIGINT NOT NULL,
  reported_on DATE NOT NULL,
  outcome_due DATE NOT NULL,
  seed VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  sample_size INT NOT NULL DEFAULT 0,
  sampled_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  closed_on DATE NULL,
  closed_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  reason_id BIGINT NOT NULL DEFAULT 0,
  content MEDIUMBLOB NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE city_checks (
  certification_id BIGINT NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  limit_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  answer_id BIGINT NOT NULL DEFAULT 0,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (certification_id),
  KEY city_checks_list (cycle_id, state, certification_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What happened in a spot check; certification_id 0: in the check as a whole. command_id makes a repeated command harmless.
CREATE TABLE city_events (
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  certification_id BIGINT NOT NULL DEFAULT 0,
  event VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  to_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  on_date DATE NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  detail MEDIUMTEXT NOT NULL,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (cycle_id, command_id, certification_id),
  KEY city_events_certification (certification_id, at)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Complaints about conduct (三(二)): read by the bureau only.
CREATE TABLE complaints (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  about VARCHAR(200) NOT NULL,
  statement MEDIUMTEXT NOT NULL,
  by_name VARCHAR(100) NOT NULL DEFAULT '',
  contact VARCHAR(200) NOT NULL DEFAULT '',
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  answer_id BIGINT NOT NULL DEFAULT 0,
  answered_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  answered_at DATETIME(3) NULL,
  received_on DATE NOT NULL,
  due DATE NOT NULL,
  at DATETIME(3) NOT NULL,
  KEY complaints_list (district, state, id),
  KEY complaints_actor (by_actor, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Which entries of the audit log concern which district, for those who may read only their own. Beside the log, whose chain stays as it is.
CREATE TABLE audit_districts (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (district, seq)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 7, 6), seq FROM audit_log WHERE object LIKE 'cycle/______-____';
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 10, 6), seq FROM audit_log WHERE object LIKE 'district/______';
INSERT INTO audit_districts (district, seq) SELECT SUBSTR(object, 12, 6), seq FROM audit_log WHERE object LIKE 'department/______/%' OR object LIKE 'connection:______/%';
INSERT INTO audit_districts (district, seq) SELECT d.district, a.seq FROM deliveries d JOIN audit_log a ON a.object = d.id;
INSERT INTO audit_districts (district, seq) SELECT u.district, a.seq FROM users u JOIN audit_log a ON a.object = CONCAT('user/', u.id) WHERE u.district <> '';
INSERT INTO audit_districts (district, seq) SELECT u.district, a.seq FROM users u JOIN tokens t ON t.user_id = u.id JOIN audit_log a ON a.object = CONCAT('token/', t.id) WHERE u.district <> '';
INSERT INTO audit_districts (district, seq) SELECT p.district, a.seq FROM policies p JOIN audit_log a ON a.object = CONCAT('policy/', p.id);
INSERT INTO audit_districts (district, seq) SELECT m.district, a.seq FROM outbox m JOIN audit_log a ON a.object = CONCAT('mail/', m.id);

-- The case that a mail is about, such as application/12; empty for others.
ALTER TABLE outbox ADD COLUMN about VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
CREATE INDEX outbox_about ON outbox (about, id);

-- +goose Down
DROP INDEX outbox_about ON outbox;
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
