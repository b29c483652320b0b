#!/usr/bin/env bash
# A walk through the certification season with one application, from the sign-in code to the verified certificate, by curl alone.
# It needs a running `make run` with the sample district delivered, and TOKEN, the administrator's. It starts the year 2026 with a
# rehearsal clock (cancelling one that runs), and shows what each call answers.
#   TOKEN=$(cat data/admin.token) deploy/season-walk.sh
set -euo pipefail
API=${API:-http://127.0.0.1:8080} DISTRICT=110107 YEAR=2026 USCC=92110107MAFCXG8UDA
CYCLE=$DISTRICT-$YEAR
: "${TOKEN:?the administrator\'s token, such as TOKEN=\$(cat data/admin.token)}"

step() { printf '\n== %s\n' "$*"; }
get() { curl -sf -H "Authorization: Bearer $1" "$API$2"; }
send() { curl -s --fail-with-body -H "Authorization: Bearer $1" -H 'Content-Type: application/json' "$API$2" -d "${3-}" || { echo >&2; return 1; }; }
field() { node -pe "JSON.parse(require('fs').readFileSync(0)).$1"; }
order() { send "$TOKEN" "/api/v1/cycles/$CYCLE/commands" "{\"command\":\"$1\",\"reason\":\"试用\"}"; }
stage() { # waits until the year stands at a stage
  until [ "$(get "$TOKEN" "/api/v1/cycles/$CYCLE" | field stage)" = "$1" ]; do sleep 1; done
}
user() { # email name role department → id
  send "$TOKEN" /api/v1/users "{\"email\":\"$1-$RANDOM@example.cn\",\"name\":\"$2\",\"role\":\"$3\",\"district\":\"$DISTRICT\",\"department\":\"$4\"}" | field id
}
token() { send "$TOKEN" "/api/v1/users/$1/tokens" '{"name":"walk"}' | field token; }

step "启动年度工作（演练时钟，10 秒为一天），推进到申报推荐阶段"
order cancel >/dev/null 2>&1 || true
sleep 2
send "$TOKEN" /api/v1/cycles "{\"district\":\"$DISTRICT\",\"year\":$YEAR,\"clock\":{\"start\":\"$YEAR-07-01\",\"days_per_second\":0.1}}"
for s in study publication handover application; do
  stage $s
  [ $s = application ] || order advance >/dev/null
done

step "经营者：窗口核对证件后领一次性登录码，登录，看本户情况和预填的申报表"
code=$(send "$TOKEN" "/api/v1/households/$USCC/access-codes" '{"reason":"窗口核对证件后申领"}' | field code)
operator=$(send "" /public/v1/access/sessions "{\"secret\":\"$code\",\"uscc\":\"$USCC\"}" | field token)
get "$operator" /api/v1/me/household | head -c 600
get "$operator" /api/v1/me/application/prefill | head -c 600

step "申报"
id=$(send "$operator" /api/v1/applications '{"wished":["quality"],"grounds":[{"category":"quality","letter":"E","statement":"已取得质量管理体系认证"}]}' | field id)
send "$operator" "/api/v1/applications/$id/submit"

step "区市场监管局：审核、两人走访、另一人签认"
wang=$(user wang 王审核 department scjg) zhao=$(user zhao 赵走访 department scjg)
wang_token=$(token "$wang") zhao_token=$(token "$zhao")
send "$wang_token" "/api/v1/reviews/$id/claim" >/dev/null
send "$wang_token" "/api/v1/reviews/$id/pass" '{"category":"quality","findings":[{"category":"quality","letter":"E","met":true,"reason":"证书在有效期内"}]}'
today=$(get "$TOKEN" "/api/v1/cycles/$CYCLE" | field today)
visit=$(send "$wang_token" "/api/v1/reviews/$id/visits" "{\"visitors\":[$wang,$zhao],\"planned_on\":\"$today\"}" | field id)
send "$wang_token" "/api/v1/visits/$visit/record" "{\"visited_on\":\"$today\",\"met\":true,\"record\":\"现场经营情况与申报一致\"}" >/dev/null
send "$zhao_token" "/api/v1/visits/$visit/sign"

step "比选：名额、得分、排名，确认方案"
order advance >/dev/null && stage review && order advance >/dev/null && stage selection
until get "$TOKEN" "/api/v1/cycles/$CYCLE/selection" | grep -q '"left":1'; do sleep 1; done
get "$TOKEN" "/api/v1/cycles/$CYCLE/places"
get "$TOKEN" "/api/v1/cycles/$CYCLE/selection"
li=$(token "$(user li 李负责人 admin "")") # a decision names a person; the installation's token is nobody's
send "$li" "/api/v1/cycles/$CYCLE/selection/confirmations" '{"all":true}'

step "公示（5 个工作日，约 80 秒），任何人可查看、提出异议"
stage notice
until curl -sf "$API/public/v1/notices/$CYCLE" | grep -q "$USCC"; do sleep 1; done
curl -sf "$API/public/v1/notices/$CYCLE"
stage certification

step "认定，报市局，市局抽查"
until send "$li" "/api/v1/cycles/$CYCLE/certification" '{"reason":"公示期满"}'; do sleep 1; done
city=$(token "$(user city 市局人员 city "")")
until get "$TOKEN" "/api/v1/cycles/$CYCLE/city/report" >/dev/null; do sleep 1; done
send "$city" "/api/v1/cycles/$CYCLE/city/sample" '{"percent":100}'
number=$(get "$TOKEN" "/api/v1/cycles/$CYCLE/certifications" | field 'items[0].number')
send "$city" "/api/v1/cycles/$CYCLE/city/checks/$number/decision" '{"outcome":"pass"}'
send "$city" "/api/v1/cycles/$CYCLE/city/close"

step "任何人可以查验"
curl -sf "$API/public/v1/certifications/$number"
curl -sf -H "Authorization: Bearer $operator" "$API/api/v1/certifications/$number/certificate.pdf" -o certificate.pdf
get "$TOKEN" "/api/v1/applications/$id/case.pdf" >case.pdf
printf '\n\n证书 certificate.pdf，案卷 case.pdf，查验页 %s/verify/%s\n' "$API" "$number"
