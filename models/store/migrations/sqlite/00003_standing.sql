-- +goose Up
-- After the certification: the years with a certified household (附三(五)), help (附二, 附四) and what departments owe (二, 三).

-- Certifications: live is 1 while valid and NULL afterwards, so that a household has one at a time; reached is the date up to which its
-- calendar was followed; events and process_events as in applications.
ALTER TABLE certifications ADD COLUMN live INTEGER NULL;
ALTER TABLE certifications ADD COLUMN benefits_from DATE NULL;
ALTER TABLE certifications ADD COLUMN reached DATE NULL;
ALTER TABLE certifications ADD COLUMN clause TEXT NOT NULL DEFAULT '';
ALTER TABLE certifications ADD COLUMN extensions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certifications ADD COLUMN process_events INTEGER NOT NULL DEFAULT 0;
UPDATE certifications SET benefits_from = (year + 1) || '-01-01', reached = certified_on;
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
-- The yearly information report (信息报告): one per certification and year.
CREATE TABLE information_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  certification_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  year INTEGER NOT NULL,
  state TEXT NOT NULL,
  due DATE NOT NULL,
  content TEXT NOT NULL,
  prefilled TEXT NOT NULL,
  findings TEXT NOT NULL,
  data_mark TEXT NOT NULL DEFAULT '',
  entered_by TEXT NOT NULL DEFAULT '',
  submitted_on DATE NULL,
  review_due DATE NULL,
  reviewed_by TEXT NOT NULL DEFAULT '',
  reviewed_on DATE NULL,
  reason_id INTEGER NOT NULL DEFAULT 0,
  updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX information_reports_year ON information_reports (certification_id, year);
CREATE INDEX information_reports_list ON information_reports (district, year, state, id);
-- Changes of operator (变更经营者), reported by the household or seen in the registry.
CREATE TABLE operator_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  certification_id INTEGER NOT NULL,
  district TEXT NOT NULL,
  uscc TEXT NOT NULL,
  operator TEXT NOT NULL,
  previous TEXT NOT NULL DEFAULT '',
  changed_on DATE NULL,
  noticed_on DATE NOT NULL,
  source TEXT NOT NULL,
  reported_on DATE NULL,
  case_id INTEGER NOT NULL DEFAULT 0,
  reason_id INTEGER NOT NULL DEFAULT 0,
  by_actor TEXT NOT NULL,
  at DATETIME NOT NULL
);
CREATE UNIQUE INDEX operator_changes_operator ON operator_changes (certification_id, operator, noticed_on);
CREATE INDEX operator_changes_list ON operator_changes (district, id);

-- +goose Down
DROP TABLE operator_changes;
DROP TABLE information_reports;
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
ALTER TABLE certifications DROP COLUMN reached;
ALTER TABLE certifications DROP COLUMN benefits_from;
ALTER TABLE certifications DROP COLUMN live;
