-- +goose Up
-- After the certification: the years with a certified household (附三(五)), help (附二, 附四) and what departments owe (二, 三).

-- Certifications: live is 1 while valid and NULL afterwards, so that a household has one at a time; reached is the date up to which its
-- calendar was followed, next_on the next date of it; events and process_events as in applications.
ALTER TABLE certifications ADD COLUMN live INTEGER NULL;
ALTER TABLE certifications ADD COLUMN benefits_from DATE NULL;
ALTER TABLE certifications ADD COLUMN reached DATE NULL;
ALTER TABLE certifications ADD COLUMN next_on DATE NULL;
ALTER TABLE certifications ADD COLUMN clause TEXT NOT NULL DEFAULT '';
ALTER TABLE certifications ADD COLUMN extensions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN process_events INTEGER NOT NULL DEFAULT 0;
UPDATE certifications SET benefits_from = (year + 1) || '-01-01', reached = certified_on, next_on = CASE WHEN state = 'valid' THEN certified_on END;
UPDATE certifications SET live = 1 WHERE id IN (SELECT MAX(id) FROM certifications WHERE state = 'valid' GROUP BY uscc);
CREATE UNIQUE INDEX certifications_live ON certifications (uscc, live);
CREATE INDEX certifications_attend ON certifications (district, live, id);
-- What happened to a certification, in order, of its cases and reports too.
CREATE TABLE certified_events (
  certification_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  case_id INTEGER NOT NULL DEFAULT 0,
  on_date DATE NOT NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (certification_id, seq)
);
CREATE UNIQUE INDEX certified_events_command ON certified_events (certification_id, command_id);
CREATE INDEX certified_events_case ON certified_events (case_id, seq);
-- Cases about whether a certification goes on: a report missing or failing, a change of operator, what data show, the evaluation, fraud.
-- live is 1 while it goes on and NULL afterwards: one of a kind at a time. ground is JSON; fingerprint tells what it is about.
CREATE TABLE cases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  certification_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  kind TEXT NOT NULL,
  year INTEGER NOT NULL,
  state TEXT NOT NULL,
  live INTEGER NULL,
  ground TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  data_mark TEXT NOT NULL DEFAULT '',
  opened_on DATE NOT NULL,
  opened_by TEXT NOT NULL,
  open_reason_id INTEGER NOT NULL DEFAULT 0,
  due DATE NULL,
  hearing_due DATE NULL,
  heard_on DATE NULL,
  statement_id INTEGER NOT NULL DEFAULT 0,
  department TEXT NOT NULL DEFAULT '',
  opinion_due DATE NULL,
  opinion TEXT NOT NULL DEFAULT '',
  opinion_id INTEGER NOT NULL DEFAULT 0,
  opinion_by TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT '',
  proposed_by TEXT NOT NULL DEFAULT '',
  proposed_on DATE NULL,
  proposal_id INTEGER NOT NULL DEFAULT 0,
  clause TEXT NOT NULL DEFAULT '',
  decided_by TEXT NOT NULL DEFAULT '',
  decided_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  policy_id INTEGER NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX cases_live ON cases (certification_id, kind, live);
CREATE INDEX cases_list ON cases (district, state, kind, id);
CREATE INDEX cases_household ON cases (uscc, id);
CREATE INDEX cases_fingerprint ON cases (certification_id, fingerprint);
-- An objection may be to the decision of such a case.
ALTER TABLE objections ADD COLUMN case_id INTEGER NOT NULL DEFAULT 0;
DROP INDEX objections_live;
CREATE UNIQUE INDEX objections_live ON objections (cycle_id, kind, uscc, application_id, case_id, live);
-- What each case is about, by fingerprint: what was decided once, or is being decided, is not opened again.
CREATE TABLE case_grounds (
  certification_id INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  case_id INTEGER NOT NULL,
  PRIMARY KEY (certification_id, fingerprint, case_id)
);
-- Revocations (撤销认定) with who was the operator: for five years it is looked at who applies. lifted_on: an objection was upheld.
CREATE TABLE revocations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL,
  certification_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  uscc TEXT NOT NULL,
  operator TEXT NOT NULL,
  ended_on DATE NOT NULL,
  lifted_on DATE NULL
);
CREATE UNIQUE INDEX revocations_case ON revocations (case_id, operator);
CREATE INDEX revocations_operator ON revocations (operator, ended_on);
CREATE INDEX objections_case ON objections (case_id);
-- The yearly information report (信息报告): one per certification and year. due is the day of the year, limit_on the last day of the household's
-- present term; content, prefilled, findings and entered_by are JSON.
CREATE TABLE information_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  certification_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  year INTEGER NOT NULL,
  state TEXT NOT NULL,
  due DATE NOT NULL,
  limit_on DATE NULL,
  missed_on DATE NULL,
  content TEXT NOT NULL,
  prefilled TEXT NOT NULL,
  findings TEXT NOT NULL,
  data_mark TEXT NOT NULL DEFAULT '',
  entered_by TEXT NOT NULL,
  filed_on DATE NULL,
  submitted_on DATE NULL,
  filed_at DATETIME NULL,
  review_due DATE NULL,
  reviewed_by TEXT NOT NULL DEFAULT '',
  reviewed_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX information_reports_year ON information_reports (certification_id, year);
CREATE INDEX information_reports_list ON information_reports (district, year, state, id);
-- Changes of operator (变更经营者), reported by the household or seen in the registry. A reported one counts once it has reported_on; registry_on
-- is when the registry showed it.
CREATE TABLE operator_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  certification_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  command_id TEXT NOT NULL,
  operator TEXT NOT NULL,
  previous TEXT NOT NULL DEFAULT '',
  changed_on DATE NULL,
  noticed_on DATE NOT NULL,
  source TEXT NOT NULL,
  reported_on DATE NULL,
  registry_on DATE NULL,
  case_id INTEGER NOT NULL DEFAULT 0,
  reason_id INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE UNIQUE INDEX operator_changes_command ON operator_changes (certification_id, command_id);
CREATE INDEX operator_changes_list ON operator_changes (district, id);

-- Help (附二, 附四). live is 1 while somebody owes something and NULL afterwards: one at a time per household, part of a measure and
-- department; given twice on one day by one department it is one.
CREATE TABLE help (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  name TEXT NOT NULL,
  street TEXT NOT NULL DEFAULT '',
  clause TEXT NOT NULL,
  part INTEGER NOT NULL,
  department TEXT NOT NULL,
  state TEXT NOT NULL,
  live INTEGER NULL,
  requested_on DATE NULL,
  due DATE NULL,
  delivered_on DATE NULL,
  request_id INTEGER NOT NULL DEFAULT 0,
  reason_id INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX help_live ON help (cycle_id, uscc, clause, part, department, live);
CREATE UNIQUE INDEX help_delivered ON help (cycle_id, uscc, clause, part, department, delivered_on);
CREATE INDEX help_measure ON help (cycle_id, clause, part, state, id);
CREATE INDEX help_department ON help (cycle_id, department, id);
CREATE INDEX help_household ON help (uscc, id);
CREATE TABLE help_events (
  help_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  on_date DATE NOT NULL,
  due DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (help_id, seq)
);
CREATE UNIQUE INDEX help_events_command ON help_events (help_id, command_id);
-- Who a collective name of a measure (各相关部门 …) is, as the bureau said.
CREATE TABLE measure_departments (
  district TEXT NOT NULL,
  clause TEXT NOT NULL,
  part INTEGER NOT NULL,
  department TEXT NOT NULL,
  PRIMARY KEY (district, clause, part, department)
);
-- What a department told every household that a part of a measure fits, and what became of it for each.
CREATE TABLE help_notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  kind TEXT NOT NULL,
  clause TEXT NOT NULL,
  part INTEGER NOT NULL,
  department TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  event_on DATE NULL,
  on_date DATE NOT NULL,
  households INTEGER NOT NULL DEFAULT 0,
  mailed INTEGER NOT NULL DEFAULT 0,
  unreachable INTEGER NOT NULL DEFAULT 0,
  exhausted INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL DEFAULT '',
  at DATETIME NOT NULL,
  done_at DATETIME NULL
);
CREATE UNIQUE INDEX help_notices_command ON help_notices (cycle_id, command_id);
CREATE INDEX help_notices_list ON help_notices (cycle_id, department, id);
CREATE INDEX help_notices_open ON help_notices (district, done_at, id);
CREATE TABLE help_notice_households (
  notice_id INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  cycle_id TEXT NOT NULL,
  name TEXT NOT NULL,
  street TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL,
  PRIMARY KEY (notice_id, uscc)
);
CREATE INDEX help_notice_households_year ON help_notice_households (cycle_id, uscc, outcome);
-- Consents (同意) of households, each until it is withdrawn: standing is 1, NULL afterwards.
CREATE TABLE consents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  scope TEXT NOT NULL,
  contact BOOLEAN NOT NULL DEFAULT FALSE,
  how TEXT NOT NULL,
  given_on DATE NOT NULL,
  by_actor TEXT NOT NULL,
  standing INTEGER NULL,
  withdrawn_on DATE NULL,
  withdrawn_by TEXT NOT NULL DEFAULT '',
  at DATETIME NOT NULL
);
CREATE UNIQUE INDEX consents_standing ON consents (uscc, district, scope, standing);
CREATE INDEX consents_list ON consents (district, scope, standing, uscc);
-- Hand-overs of the list of Growth households to banks (附二(二)3), and who was on each.
CREATE TABLE bank_lists (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cycle_id TEXT NOT NULL,
  district TEXT NOT NULL,
  bank TEXT NOT NULL,
  growth INTEGER NOT NULL,
  households INTEGER NOT NULL,
  contacts INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  on_date DATE NOT NULL,
  by_actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE INDEX bank_lists_cycle ON bank_lists (cycle_id, id);
CREATE TABLE bank_list_households (
  list_id INTEGER NOT NULL,
  uscc TEXT NOT NULL,
  contact BOOLEAN NOT NULL,
  PRIMARY KEY (list_id, uscc)
);
CREATE INDEX bank_list_households_uscc ON bank_list_households (uscc, list_id);
CREATE INDEX published_tiers_tier ON published_tiers (district, year, tier, uscc);

-- What departments report of their yearly duties (obligations of kind duty), each report with what became of it; a report that was sent back
-- is followed by another.
CREATE TABLE duty_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  obligation_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  text_id INTEGER NOT NULL,
  done_on DATE NOT NULL,
  households INTEGER NOT NULL,
  documents INTEGER NOT NULL,
  reported_on DATE NOT NULL,
  by_actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  returned_on DATE NULL,
  returned_by TEXT NOT NULL DEFAULT '',
  return_reason_id INTEGER NOT NULL DEFAULT 0,
  return_command TEXT NOT NULL DEFAULT '',
  return_hash TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX duty_reports_seq ON duty_reports (obligation_id, seq);
CREATE UNIQUE INDEX duty_reports_command ON duty_reports (obligation_id, command_id);
-- Orders (督办): the bureau asks a department to answer; issue_key is who issued it with the client's key, so that one request makes one order.
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  district TEXT NOT NULL,
  cycle_id TEXT NOT NULL,
  department TEXT NOT NULL,
  subject TEXT NOT NULL DEFAULT '',
  text_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  issued_on DATE NOT NULL,
  issued_by TEXT NOT NULL,
  issue_key TEXT NOT NULL,
  due DATE NOT NULL,
  answered_on DATE NULL,
  answer_id INTEGER NOT NULL DEFAULT 0,
  closed_on DATE NULL,
  events INTEGER NOT NULL,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX orders_issue ON orders (issue_key);
CREATE INDEX orders_list ON orders (cycle_id, id);
CREATE INDEX orders_inbox ON orders (cycle_id, department, id);
CREATE TABLE order_events (
  order_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  command_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  on_date DATE NOT NULL,
  due DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (order_id, seq)
);
CREATE UNIQUE INDEX order_events_command ON order_events (order_id, command_id);

-- Rehearsals (演练): a copy of the district run through years by a simulated clock. live is 1 while it runs and NULL afterwards: one at a time
-- per district. Their reports and held mails are files.
CREATE TABLE rehearsals (
  id TEXT NOT NULL PRIMARY KEY,
  district TEXT NOT NULL,
  year INTEGER NOT NULL,
  number INTEGER NOT NULL,
  rules TEXT NOT NULL,
  state TEXT NOT NULL,
  live INTEGER NULL,
  reason TEXT NOT NULL DEFAULT '',
  progress TEXT NOT NULL DEFAULT '{}',
  place TEXT NOT NULL DEFAULT '',
  started_by TEXT NOT NULL,
  started_at DATETIME NOT NULL,
  ended_at DATETIME NULL
);
CREATE UNIQUE INDEX rehearsals_number ON rehearsals (district, year, number);
CREATE UNIQUE INDEX rehearsals_live ON rehearsals (district, live);
CREATE TABLE rehearsal_files (
  rehearsal_id TEXT NOT NULL,
  name TEXT NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (rehearsal_id, name)
);

-- +goose Down
DROP TABLE rehearsal_files;
DROP TABLE rehearsals;
DROP TABLE order_events;
DROP TABLE orders;
DROP TABLE duty_reports;
DROP INDEX published_tiers_tier;
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
DROP INDEX objections_case;
DROP TABLE revocations;
DROP TABLE case_grounds;
DROP INDEX objections_live;
CREATE UNIQUE INDEX objections_live ON objections (cycle_id, kind, uscc, application_id, live);
ALTER TABLE objections DROP COLUMN case_id;
DROP TABLE cases;
DROP TABLE certified_events;
DROP INDEX certifications_attend;
DROP INDEX certifications_live;
ALTER TABLE certifications DROP COLUMN process_events;
ALTER TABLE certifications DROP COLUMN events;
ALTER TABLE certifications DROP COLUMN extensions;
ALTER TABLE certifications DROP COLUMN clause;
ALTER TABLE certifications DROP COLUMN next_on;
ALTER TABLE certifications DROP COLUMN reached;
ALTER TABLE certifications DROP COLUMN benefits_from;
ALTER TABLE certifications DROP COLUMN live;
