-- +goose Up
-- After the certification: the years with a certified household (附三(五)), help (附二, 附四) and what departments owe (二, 三).

-- Certifications: live is 1 while valid and NULL afterwards, so that a household has one at a time; reached is the date up to which its
-- calendar was followed, next_on the next date of it; events and process_events as in applications.
ALTER TABLE certifications ADD COLUMN live INT NULL;
ALTER TABLE certifications ADD COLUMN benefits_from DATE NULL;
ALTER TABLE certifications ADD COLUMN reached DATE NULL;
ALTER TABLE certifications ADD COLUMN next_on DATE NULL;
ALTER TABLE certifications ADD COLUMN clause VARCHAR(60) NOT NULL DEFAULT '';
ALTER TABLE certifications ADD COLUMN extensions INT NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN events INT NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN process_events INT NOT NULL DEFAULT 0;
UPDATE certifications SET benefits_from = CONCAT(year + 1, '-01-01'), reached = certified_on, next_on = CASE WHEN state = 'valid' THEN certified_on END;
UPDATE certifications c JOIN (SELECT uscc, MAX(id) AS id FROM certifications WHERE state = 'valid' GROUP BY uscc) n ON n.id = c.id SET c.live = 1;
CREATE UNIQUE INDEX certifications_live ON certifications (uscc, live);
CREATE INDEX certifications_attend ON certifications (district, live, id);
-- What happened to a certification, in order, of its cases and reports too.
CREATE TABLE certified_events (
  certification_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  event VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  case_id BIGINT NOT NULL DEFAULT 0,
  on_date DATE NOT NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  detail MEDIUMTEXT NOT NULL,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (certification_id, seq),
  UNIQUE KEY certified_events_command (certification_id, command_id),
  KEY certified_events_case (case_id, seq)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Cases about whether a certification goes on: a report missing or failing, a change of operator, what data show, the evaluation, fraud.
-- live is 1 while it goes on and NULL afterwards: one of a kind at a time. ground is JSON; fingerprint tells what it is about.
CREATE TABLE cases (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  certification_id BIGINT NOT NULL,
  number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live INT NULL,
  ground MEDIUMTEXT NOT NULL,
  fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data_mark VARCHAR(500) NOT NULL DEFAULT '',
  opened_on DATE NOT NULL,
  opened_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  open_reason_id BIGINT NOT NULL DEFAULT 0,
  due DATE NULL,
  hearing_due DATE NULL,
  heard_on DATE NULL,
  statement_id BIGINT NOT NULL DEFAULT 0,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  opinion_due DATE NULL,
  opinion VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  opinion_id BIGINT NOT NULL DEFAULT 0,
  opinion_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  outcome VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  proposed_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  proposed_on DATE NULL,
  proposal_id BIGINT NOT NULL DEFAULT 0,
  clause VARCHAR(60) NOT NULL DEFAULT '',
  decided_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  decided_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  policy_id BIGINT NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY cases_live (certification_id, kind, live),
  KEY cases_list (district, state, kind, id),
  KEY cases_household (uscc, id),
  KEY cases_fingerprint (certification_id, fingerprint)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- An objection may be to the decision of such a case.
ALTER TABLE objections ADD COLUMN case_id BIGINT NOT NULL DEFAULT 0;
DROP INDEX objections_live ON objections;
CREATE UNIQUE INDEX objections_live ON objections (cycle_id, kind, uscc, application_id, case_id, live);
-- What each case is about, by fingerprint: what was decided once, or is being decided, is not opened again.
CREATE TABLE case_grounds (
  certification_id BIGINT NOT NULL,
  fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  case_id BIGINT NOT NULL,
  PRIMARY KEY (certification_id, fingerprint, case_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Revocations (撤销认定) with who was the operator: for five years it is looked at who applies. lifted_on: an objection was upheld.
CREATE TABLE revocations (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  case_id BIGINT NOT NULL,
  certification_id BIGINT NOT NULL,
  number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  operator VARCHAR(200) NOT NULL,
  ended_on DATE NOT NULL,
  lifted_on DATE NULL,
  UNIQUE KEY revocations_case (case_id, operator),
  KEY revocations_operator (operator, ended_on)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX objections_case ON objections (case_id);
-- The yearly information report (信息报告): one per certification and year. due is the day of the year, limit_on the last day of the household's
-- present term; content, prefilled, findings and entered_by are JSON.
CREATE TABLE information_reports (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  certification_id BIGINT NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  due DATE NOT NULL,
  limit_on DATE NULL,
  missed_on DATE NULL,
  content MEDIUMTEXT NOT NULL,
  prefilled MEDIUMTEXT NOT NULL,
  findings MEDIUMTEXT NOT NULL,
  data_mark VARCHAR(500) NOT NULL DEFAULT '',
  entered_by TEXT NOT NULL,
  filed_on DATE NULL,
  submitted_on DATE NULL,
  filed_at DATETIME(3) NULL,
  review_due DATE NULL,
  reviewed_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  reviewed_on DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY information_reports_year (certification_id, year),
  KEY information_reports_list (district, year, state, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Changes of operator (变更经营者), reported by the household or seen in the registry. A reported one counts once it has reported_on; registry_on
-- is when the registry showed it.
CREATE TABLE operator_changes (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  certification_id BIGINT NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  operator VARCHAR(100) NOT NULL,
  previous VARCHAR(100) NOT NULL DEFAULT '',
  changed_on DATE NULL,
  noticed_on DATE NOT NULL,
  source VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reported_on DATE NULL,
  registry_on DATE NULL,
  case_id BIGINT NOT NULL DEFAULT 0,
  reason_id BIGINT NOT NULL DEFAULT 0,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  UNIQUE KEY operator_changes_command (certification_id, command_id),
  KEY operator_changes_list (district, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Help (附二, 附四). live is 1 while somebody owes something and NULL afterwards: one at a time per household, part of a measure and
-- department; given twice on one day by one department it is one.
CREATE TABLE help (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(300) NOT NULL,
  street VARCHAR(100) NOT NULL DEFAULT '',
  clause VARCHAR(60) NOT NULL,
  part INT NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live INT NULL,
  requested_on DATE NULL,
  due DATE NULL,
  delivered_on DATE NULL,
  request_id BIGINT NOT NULL DEFAULT 0,
  reason_id BIGINT NOT NULL DEFAULT 0,
  events INT NOT NULL DEFAULT 0,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY help_live (cycle_id, uscc, clause, part, department, live),
  UNIQUE KEY help_delivered (cycle_id, uscc, clause, part, department, delivered_on),
  KEY help_measure (cycle_id, clause, part, state, id),
  KEY help_department (cycle_id, department, id),
  KEY help_household (uscc, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE help_events (
  help_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  event VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  due DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  actor VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (help_id, seq),
  UNIQUE KEY help_events_command (help_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Who a collective name of a measure (各相关部门 …) is, as the bureau said.
CREATE TABLE measure_departments (
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  clause VARCHAR(60) NOT NULL,
  part INT NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (district, clause, part, department)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What a department told every household that a part of a measure fits, and what became of it for each.
CREATE TABLE help_notices (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  clause VARCHAR(60) NOT NULL,
  part INT NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject VARCHAR(200) NOT NULL,
  body MEDIUMTEXT NOT NULL,
  event_on DATE NULL,
  on_date DATE NOT NULL,
  households INT NOT NULL DEFAULT 0,
  mailed INT NOT NULL DEFAULT 0,
  unreachable INT NOT NULL DEFAULT 0,
  exhausted INT NOT NULL DEFAULT 0,
  by_actor VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  at DATETIME(3) NOT NULL,
  done_at DATETIME(3) NULL,
  UNIQUE KEY help_notices_command (cycle_id, command_id),
  KEY help_notices_list (cycle_id, department, id),
  KEY help_notices_open (district, done_at, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE help_notice_households (
  notice_id BIGINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(300) NOT NULL,
  street VARCHAR(100) NOT NULL DEFAULT '',
  outcome VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (notice_id, uscc),
  KEY help_notice_households_year (cycle_id, uscc, outcome)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Consents (同意) of households, each until it is withdrawn: standing is 1, NULL afterwards.
CREATE TABLE consents (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  scope VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contact BOOLEAN NOT NULL DEFAULT FALSE,
  how VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  given_on DATE NOT NULL,
  by_actor VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  standing INT NULL,
  withdrawn_on DATE NULL,
  withdrawn_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  at DATETIME(3) NOT NULL,
  UNIQUE KEY consents_standing (uscc, district, scope, standing),
  KEY consents_list (district, scope, standing, uscc)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Hand-overs of the list of Growth households to banks (附二(二)3), and who was on each.
CREATE TABLE bank_lists (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  bank VARCHAR(200) NOT NULL,
  growth INT NOT NULL,
  households INT NOT NULL,
  contacts INT NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  by_actor VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  KEY bank_lists_cycle (cycle_id, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE bank_list_households (
  list_id BIGINT NOT NULL,
  uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contact BOOLEAN NOT NULL,
  PRIMARY KEY (list_id, uscc),
  KEY bank_list_households_uscc (uscc, list_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX published_tiers_tier ON published_tiers (district, year, tier, uscc);

-- What departments report of their yearly duties (obligations of kind duty), each report with what became of it; a report that was sent back
-- is followed by another.
CREATE TABLE duty_reports (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  obligation_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  text_id BIGINT NOT NULL,
  done_on DATE NOT NULL,
  households INT NOT NULL,
  documents INT NOT NULL,
  reported_on DATE NOT NULL,
  by_actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  returned_on DATE NULL,
  returned_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  return_reason_id BIGINT NOT NULL DEFAULT 0,
  return_command VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  return_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  UNIQUE KEY duty_reports_seq (obligation_id, seq),
  UNIQUE KEY duty_reports_command (obligation_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Orders (督办): the bureau asks a department to answer; issue_key is who issued it with the client's key, so that one request makes one order.
CREATE TABLE orders (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cycle_id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  department VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  text_id BIGINT NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  issued_on DATE NOT NULL,
  issued_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  issue_key VARCHAR(170) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  due DATE NOT NULL,
  answered_on DATE NULL,
  answer_id BIGINT NOT NULL DEFAULT 0,
  closed_on DATE NULL,
  events INT NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY orders_issue (issue_key),
  KEY orders_list (cycle_id, id),
  KEY orders_inbox (cycle_id, department, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE order_events (
  order_id BIGINT NOT NULL,
  seq INT NOT NULL,
  command_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  on_date DATE NOT NULL,
  due DATE NULL,
  reason_id BIGINT NOT NULL DEFAULT 0,
  actor VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (order_id, seq),
  UNIQUE KEY order_events_command (order_id, command_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Rehearsals (演练): a copy of the district run through years by a simulated clock. live is 1 while it runs and NULL afterwards: one at a time
-- per district. Their reports and held mails are files.
CREATE TABLE rehearsals (
  id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  district CHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  year INT NOT NULL,
  number INT NOT NULL,
  rules TEXT NOT NULL,
  state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  live TINYINT NULL,
  reason TEXT NOT NULL,
  progress TEXT NOT NULL,
  place VARCHAR(200) NOT NULL DEFAULT '',
  started_by VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  started_at DATETIME(3) NOT NULL,
  ended_at DATETIME(3) NULL,
  UNIQUE KEY rehearsals_number (district, year, number),
  UNIQUE KEY rehearsals_live (district, live)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE rehearsal_files (
  rehearsal_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  content LONGBLOB NOT NULL,
  PRIMARY KEY (rehearsal_id, name)
);

-- +goose Down
DROP TABLE rehearsal_files;
DROP TABLE rehearsals;
DROP TABLE order_events;
DROP TABLE orders;
DROP TABLE duty_reports;
DROP INDEX published_tiers_tier ON published_tiers;
DROP TABLE bank_list_households;
DROP TABLE bank_lists;
DROP TABLE consents;
DROP TABLE help_notice_households;
DROP TABLE help_notices;
DROP TABLE measure_departments;
DROP TABLE help_events;
DROP TABLE help;
DROP TABLE operator_changes;
DROP TABLE information_reports;
DROP INDEX objections_case ON objections;
DROP TABLE revocations;
DROP TABLE case_grounds;
DROP INDEX objections_live ON objections;
CREATE UNIQUE INDEX objections_live ON objections (cycle_id, kind, uscc, application_id, live);
ALTER TABLE objections DROP COLUMN case_id;
DROP TABLE cases;
DROP TABLE certified_events;
DROP INDEX certifications_attend ON certifications;
DROP INDEX certifications_live ON certifications;
ALTER TABLE certifications DROP COLUMN process_events;
ALTER TABLE certifications DROP COLUMN events;
ALTER TABLE certifications DROP COLUMN extensions;
ALTER TABLE certifications DROP COLUMN clause;
ALTER TABLE certifications DROP COLUMN next_on;
ALTER TABLE certifications DROP COLUMN reached;
ALTER TABLE certifications DROP COLUMN benefits_from;
ALTER TABLE certifications DROP COLUMN live;
