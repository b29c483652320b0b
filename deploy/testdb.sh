#!/usr/bin/env bash
# A private MariaDB for tests: its own data directory and a free port, gone at the end, also after a failure.
#   deploy/testdb.sh with COMMAND…   runs COMMAND with BANGFU_TEST_MYSQL set (left as it is where one is given)
#   deploy/testdb.sh start           starts one and prints its address (export BANGFU_TEST_MYSQL=…) and how to stop it
#   deploy/testdb.sh stop DIR        stops the one of that directory
set -euo pipefail

say() { echo "testdb: $*" >&2; }

# Debian's mariadb-server is installed where it is missing and that is allowed; else it is named.
need_server() {
  PATH=$PATH:/usr/sbin:/usr/local/sbin
  command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "安装 mariadb-server（apt-get）…"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mariadb-server mariadb-client; } >/dev/null 2>&1 && return
    say "apt-get 未能安装 mariadb-server"
  fi
  say "缺少 MariaDB：请安装 mariadb-server（Debian/Ubuntu：apt-get install mariadb-server），或以 BANGFU_TEST_MYSQL=mysql://用户:密码@主机:端口/ 指定一个可建库的服务器"
  exit 1
}

# The server refuses to run as root; its package brings a user for it.
as_server() {
  if [ "$(id -u)" = 0 ]; then runuser -u mysql -- "$@"; else "$@"; fi
}

start() {
  need_server
  dir=$(mktemp -d "${TMPDIR:-/tmp}/bangfu-testdb.XXXXXX")
  chmod 755 "$dir"
  [ "$(id -u)" != 0 ] || chown mysql "$dir"
  as_server mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$dir.log" 2>&1 || { cat "$dir.log" >&2; exit 1; }
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  # The server takes a free port by itself only if told a number, so try until one is free.
  for _ in 1 2 3 4 5 6 7 8; do
    port=$(( 20000 + RANDOM % 20000 ))
    as_server mariadbd --no-defaults --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" \
      --port="$port" --bind-address=127.0.0.1 --local-infile=1 --skip-log-bin --max-connections=300 \
      --innodb-buffer-pool-size="${BANGFU_TESTDB_POOL:-512M}" --innodb-log-file-size=256M \
      --innodb-flush-log-at-trx-commit=2 >>"$dir.log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
      kill -0 "$server" 2>/dev/null || break
      if mariadb --no-defaults --socket="$dir/s" -u root \
        -e "CREATE USER bangfu@'127.0.0.1' IDENTIFIED BY '$password'; GRANT ALL ON *.* TO bangfu@'127.0.0.1'" >/dev/null 2>&1; then
        url="mysql://bangfu:$password@127.0.0.1:$port/"
        return
      fi
      sleep 0.1
    done
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  done
  tail -5 "$dir.log" >&2
  say "MariaDB 未能启动"
  stop "$dir"
  exit 1
}

stop() {
  if [ -f "$1/pid" ]; then
    pid=$(cat "$1/pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -rf "$1" "$1.log"
}

case "${1:-}" in
with)
  shift
  if [ -n "${BANGFU_TEST_MYSQL:-}" ]; then exec "$@"; fi
  say "启动测试专用 MariaDB …"
  trap '[ -z "${dir:-}" ] || stop "$dir"' EXIT
  trap 'exit 130' INT TERM HUP
  start
  BANGFU_TEST_MYSQL=$url "$@"
  ;;
start)
  start
  disown -a
  echo "export BANGFU_TEST_MYSQL=$url   # 停止：deploy/testdb.sh stop $dir"
  ;;
stop) stop "${2:?目录}" ;;
*) sed -n '2,5s/^# *//p' "$0"; exit 2 ;;
esac
