#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another: deploy/fuzz.sh 30s
set -euo pipefail
time=${1:-30s}
grep -rl --include='*_test.go' '^func Fuzz' --exclude-dir=tools . | xargs -r -n1 dirname | sort -u | while read -r package; do
  grep -ho '^func Fuzz[A-Za-z0-9_]*' "$package"/*_test.go | sed 's/^func //' | while read -r target; do
    echo "模糊测试 $package $target（$time）"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
  done
done
