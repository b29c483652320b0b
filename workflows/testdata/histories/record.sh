#!/usr/bin/env bash
# Records histories of every workflow type from a running installation, for replay_test.go: every run of a
# cycle, and the two longest runs, open ones too, of each other type. Run it on a rehearsed year before a release; keep the old
# files, for they are what the new code must still finish.
#   workflows/testdata/histories/record.sh VERSION [ADDRESS]
# A rehearsal's namespace is named by TEMPORAL_NAMESPACE.
set -euo pipefail
version=${1:?the version that wrote them, such as v1}
address=${2:-127.0.0.1:7233}
cd "$(dirname "$0")"
temporal=${TEMPORAL_CLI:-temporal}
"$temporal" --address "$address" workflow list --limit 1000 --output json \
  --query 'WorkflowType IN ("Year","Cycle","Delivery","Fetch","Tiering","JointStudy","Application","Objection","Selection","Notice","Certification","CertifiedHousehold","Recheck","HelpNotice","Rehearsal","MorningRound","Outbox")' |
  node -e '
    const seen = {};
    JSON.parse(require("fs").readFileSync(0)).sort((a, b) => b.historyLength - a.historyLength).forEach(w => {
      const type = w.type.name, n = seen[type] = (seen[type] || 0) + 1;
      if (n <= (type === "Cycle" ? 20 : type === "CertifiedHousehold" ? 6 : 2)) console.log(type, n, w.execution.workflowId, w.execution.runId);
    });' |
  while read -r type n id run; do
    "$temporal" --address "$address" workflow show --workflow-id "$id" --run-id "$run" --output json </dev/null |
      sed -E "s/\"identity\": \"[^\"]*\"/\"identity\": \"worker\"/; s/[0-9]+@[A-Za-z0-9.-]+@?/worker/g" >"$version-$type-$n.json"
  done
