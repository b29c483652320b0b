#!/bin/bash
# Runs once, when the MySQL volume is new: each program has a user of its own that sees only its own databases.
set -euo pipefail
mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
CREATE DATABASE IF NOT EXISTS bangfu CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'bangfu'@'%' IDENTIFIED BY '${BANGFU_DB_PASSWORD}';
GRANT ALL ON bangfu.* TO 'bangfu'@'%';
CREATE USER 'temporal'@'%' IDENTIFIED BY '${TEMPORAL_DB_PASSWORD}';
GRANT ALL ON temporal.* TO 'temporal'@'%';
GRANT ALL ON temporal_visibility.* TO 'temporal'@'%';
SQL
