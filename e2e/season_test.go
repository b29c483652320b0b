package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bangfu/deploy/engine"
	"bangfu/deploy/mailcatcher"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// production is bangfu as a district runs it: a database server, an engine, an API and two workers, each a process of its own.
type production struct {
	*installation
	workers [2]*exec.Cmd
	kills   atomic.Int64
}

func newProduction(t *testing.T) *production {
	i := newInstallation(t)
	e, err := engine.Start(context.Background(), engine.Options{Dir: i.dir})
	require.NoError(t, err)
	t.Cleanup(e.Stop)
	mail, err := mailcatcher.Start(t.Context(), mailcatcher.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Dir: i.dir + "/mail"})
	require.NoError(t, err)
	i.mailURL = "http://" + mail.HTTPAddr
	i.env = append(i.env, "TEMPORAL_ADDRESS="+e.Address(), "BANGFU_DB="+storetest.MySQL(t), "BANGFU_SMTP=smtp://"+mail.SMTPAddr,
		"BANGFU_ALLOW_REHEARSAL=true", "BANGFU_TRUSTED_PROXIES=127.0.0.1", "BANGFU_MAILS_PER_MINUTE=6000")
	for _, args := range [][]string{{"migrate", "up"}, {"engine", "setup"}} {
		cmd := exec.Command(i.binary, args...)
		cmd.Env, cmd.Dir = i.env, i.dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	p := &production{installation: i}
	i.process("api")
	for n := range p.workers {
		p.workers[n] = i.process("worker")
	}
	i.ready()
	return p
}

// killWorkers kills one worker after the other with kill -9, and starts another in its place, until ctx is done.
func (p *production) killWorkers(ctx context.Context, every time.Duration) (stopped func()) {
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for n := 0; ; n = 1 - n {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			_ = p.workers[n].Process.Kill()
			_, _ = p.workers[n].Process.Wait()
			p.kills.Add(1)
			p.workers[n] = p.process("worker")
		}
	}()
	return func() { cancel(); <-done }
}

// caller is somebody who is signed in.
type caller struct {
	p     *production
	token string
	from  string // the address from which they come, behind the proxy
}

func (p *production) admin() caller { return caller{p: p, token: adminToken} }

// do sends a request, again with the same key while the program is not able to answer, and decodes the answer.
func (c caller) do(method, path string, body, out any) (int, string, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return 0, "", err
		}
	}
	key := rand.Text()
	for attempt := 1; ; attempt++ {
		code, answer, again, err := c.once(method, path, content, key)
		if (err != nil || code >= 500) && attempt < 8 {
			<-time.After(again) // as the answer asks for
			continue
		}
		if err == nil && out != nil && code < 300 {
			err = json.Unmarshal([]byte(answer), out)
		}
		return code, answer, err
	}
}

func (c caller) once(method, path string, content []byte, key string) (code int, answer string, again time.Duration, _ error) {
	again = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.p.base+path, bytes.NewReader(content))
	if err != nil {
		return 0, "", time.Second, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.from != "" {
		req.Header.Set("X-Forwarded-For", c.from)
	}
	req.Header.Set("Idempotency-Key", key)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", time.Second, err
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil {
		again = time.Duration(seconds) * time.Second
	}
	return r.StatusCode, string(b), again, err
}

// must is do for what has to work.
func (c caller) must(method, path string, body, out any) error {
	code, answer, err := c.do(method, path, body, out)
	if err == nil && code >= 300 {
		err = fmt.Errorf("%s %s: %d %s", method, path, code, answer)
	}
	return err
}

type object = map[string]any

// official makes a user with a token.
func (p *production) official(name, role, department string) (caller, int64) {
	p.t.Helper()
	var u struct{ ID int64 }
	require.NoError(p.t, p.admin().must(http.MethodPost, "/api/v1/users", object{"email": name + "@example.cn", "name": name, "role": role, "district": "110107", "department": department}, &u))
	var t struct{ Token string }
	require.NoError(p.t, p.admin().must(http.MethodPost, fmt.Sprintf("/api/v1/users/%d/tokens", u.ID), object{"name": "e2e"}, &t))
	return caller{p: p, token: t.Token}, u.ID
}

// operator signs in as a household with a code that an officer hands out.
func (p *production) operator(officer caller, uscc string, n int) (caller, error) {
	c := caller{p: p, from: fmt.Sprintf("10.1.%d.%d", n/250, n%250+1)}
	var code struct{ Code string }
	if err := officer.must(http.MethodPost, "/api/v1/households/"+uscc+"/access-codes", object{"reason": "窗口核对证件后申领"}, &code); err != nil {
		return c, err
	}
	var session struct{ Token string }
	err := c.must(http.MethodPost, "/public/v1/access/sessions", object{"secret": code.Code, "uscc": uscc}, &session)
	c.token = session.Token
	return c, err
}

// entry is one application of the test's season.
type entry struct {
	n        int
	uscc     string
	id       int64
	operator caller
	category string
	refused  string // why it was not taken, if so
}

// letters whose ground no data decide, by category.
var evidence = map[string]string{"renowned": "A", "distinctive": "A", "quality": "E", "emerging": "C"}
var categories = []string{"renowned", "distinctive", "quality", "emerging"}

// TestASeasonInWhichWorkersDieEndsWithTheHouseholdsThatTheRecordCertifies plays a whole certification season with 300 applications
// in rehearsal time, while workers are killed again and again, and compares its end with a plain recomputation.
func TestASeasonInWhichWorkersDieEndsWithTheHouseholdsThatTheRecordCertifies(t *testing.T) {
	t.Parallel()
	const applications, cycle, at = 300, "110107-2026", "/api/v1/cycles/110107-2026"
	p := newProduction(t)
	admin := p.admin()
	advance := func(to string) {
		t.Helper()
		require.NoError(t, admin.must(http.MethodPost, at+"/commands", object{"command": "advance", "reason": "演练推进"}, nil))
		p.stage(cycle, to)
	}
	require.NoError(t, admin.must(http.MethodPut, "/api/v1/districts/110107", object{"name": "石景山区", "city": "北京市"}, nil))
	for code, name := range map[string]string{"scjg": "区市场监管局", "tax": "区税务局", "hrss": "区人力资源社会保障局", "swj": "区商务局"} {
		require.NoError(t, admin.must(http.MethodPut, "/api/v1/districts/110107/departments/"+code, object{"name": name, "email": code + "@example.cn"}, nil))
	}
	for _, f := range append(slices.Clone(required), "honours.csv") {
		p.deliverSample(f)
	}
	require.NoError(t, admin.must(http.MethodPost, "/api/v1/cycles", object{"district": "110107", "year": 2026,
		"clock": object{"start": "2026-07-02", "days_per_second": 0.3}}, nil))
	p.stage(cycle, "study")
	for _, stage := range []string{"publication", "handover", "application"} {
		advance(stage)
	}
	stopKilling := p.killWorkers(t.Context(), 6*time.Second)
	defer stopKilling()

	var reviewers []caller
	var reviewerIDs []int64
	for n := range 4 {
		c, id := p.official(fmt.Sprintf("reviewer%d", n), "department", "scjg")
		reviewers, reviewerIDs = append(reviewers, c), append(reviewerIDs, id)
	}
	commerce, _ := p.official("commerce", "department", "swj")
	window, _ := p.official("window", "department", "swj") // who hands out codes neither recommends nor decides
	second, _ := p.official("second", "admin", "")
	chief, _ := p.official("chief", "admin", "") // who confirms the comparison does not settle an objection to it
	cityOfficer, _ := p.official("city", "city", "")

	entries := p.apply(t, commerce, window, applications)
	began := time.Now()
	p.supplyOne(t, reviewers[0], entries[0])

	// review and visit: everything is decided by rule of the entry's number, so that the end is known
	require.NoError(t, admin.must(http.MethodPost, at+"/reviews/assignments", object{"reviewers": reviewerIDs}, nil))
	var list struct {
		Items []struct {
			ID       int64
			Reviewer string
		}
	}
	require.NoError(t, admin.must(http.MethodGet, "/api/v1/reviews?district=110107&cycle="+cycle+"&limit=1000", nil, &list))
	assigned := map[int64]int{}
	for _, item := range list.Items {
		for n, id := range reviewerIDs {
			if item.Reviewer == fmt.Sprintf("user:%d", id) {
				assigned[item.ID] = n
			}
		}
	}
	require.Len(t, assigned, applications, "everything is on somebody's list")
	each(t, entries, func(e *entry) error {
		n := assigned[e.id]
		review := fmt.Sprintf("/api/v1/reviews/%d", e.id)
		me, other := reviewers[n], reviewers[(n+1)%4]
		if e.n%7 == 3 {
			return me.must(http.MethodPost, review+"/refuse", object{"clause": "附三(三)2", "reason": "所附材料不足以证明所报条件"}, nil)
		}
		findings := []object{{"category": e.category, "letter": evidence[e.category], "met": true, "reason": "材料核实无误"}}
		if err := me.must(http.MethodPost, review+"/pass", object{"category": e.category, "findings": findings}, nil); err != nil {
			return err
		}
		var cycleView struct{ Today string }
		var visit struct{ ID int64 }
		for day := 0; visit.ID == 0; day++ { // a rehearsal's day may end between the question and the answer
			if err := me.must(http.MethodGet, at, nil, &cycleView); err != nil {
				return err
			}
			plan := object{"visitors": []int64{reviewerIDs[n], reviewerIDs[(n+1)%4]}, "planned_on": cycleView.Today}
			code, answer, err := me.do(http.MethodPost, review+"/visits", plan, &visit)
			if err != nil || code >= 300 && (code != http.StatusUnprocessableEntity || day > 3) {
				return errors.Join(err, fmt.Errorf("planning a visit: %d %s", code, answer))
			}
		}
		record := object{"visited_on": cycleView.Today, "met": e.n%13 != 5, "record": "经营场所与登记一致，现场核实"}
		return errors.Join(
			me.must(http.MethodPost, fmt.Sprintf("/api/v1/visits/%d/record", visit.ID), record, nil),
			other.must(http.MethodPost, fmt.Sprintf("/api/v1/visits/%d/sign", visit.ID), nil, nil))
	})
	t.Logf("%d applications reviewed and visited in %s, %d workers killed so far", len(entries), time.Since(began).Round(time.Second), p.kills.Load())
	advance("review")
	advance("selection")

	confirmed := make(chan error, 8)
	for range cap(confirmed) { // everybody at once: one finds everything to do, the others nothing
		go func() {
			code, answer, err := chief.do(http.MethodPost, at+"/selection/confirmations", object{"all": true}, nil)
			if err == nil && code != http.StatusOK && code != http.StatusConflict && code != http.StatusNotFound {
				err = fmt.Errorf("confirming: %d %s", code, answer)
			}
			confirmed <- err
		}()
	}
	for range cap(confirmed) {
		require.NoError(t, <-confirmed)
	}
	p.stage(cycle, "notice")

	anyone := caller{p: p, from: "10.9.9.9"}
	listed := p.listed(t, anyone, cycle)
	require.Len(t, listed, 9, "5 % of 183 households are 9.15")
	removed := listed[0]
	var objection struct{ ID int64 }
	require.NoError(t, anyone.must(http.MethodPost, "/public/v1/notices/"+cycle+"/objections", object{"uscc": removed, "name": "李某", "contact": "13800000000",
		"statement": "该户所报材料与事实不符，附近居民均可证明"}, &objection))
	require.NoError(t, second.must(http.MethodPost, fmt.Sprintf("/api/v1/objections/%d/accept", objection.ID), nil, nil))
	require.NoError(t, second.must(http.MethodPost, fmt.Sprintf("/api/v1/objections/%d/settle", objection.ID),
		object{"outcome": "upheld", "reason": "经核实，所报材料不实", "clause": "附三(三)2"}, nil))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		now := p.listed(t, anyone, cycle)
		assert.Len(c, now, 9, "the first of the waiting list has moved up")
		assert.NotContains(c, now, removed)
	}, 180*time.Second, time.Second)

	p.stage(cycle, "certification")
	require.EventuallyWithT(t, func(c *assert.CollectT) { // the stage is on record a moment before its process begins
		assert.NoError(c, second.must(http.MethodPost, at+"/certification", object{"reason": "公示期满"}, nil))
	}, 60*time.Second, time.Second)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.NoError(c, cityOfficer.must(http.MethodPost, at+"/city/sample", object{"percent": 50, "seed": "e2e-2026"}, nil))
	}, 60*time.Second, time.Second)
	var checks struct {
		Items []struct{ Number, USCC string }
	}
	require.NoError(t, cityOfficer.must(http.MethodGet, at+"/city/checks", nil, &checks))
	require.Len(t, checks.Items, 5, "half of nine, begun ones counted")
	for n, c := range checks.Items {
		decision := object{"outcome": "pass"}
		if n == 0 {
			decision = object{"outcome": "refuse", "reason": "现场已停业", "clause": "附三(二)2"}
		}
		require.NoError(t, cityOfficer.must(http.MethodPost, at+"/city/checks/"+c.Number+"/decision", decision, nil))
	}
	require.NoError(t, cityOfficer.must(http.MethodPost, at+"/city/close", nil, nil))
	p.stage(cycle, "benefits")
	stopKilling()
	t.Logf("%d workers were killed", p.kills.Load())

	var certifications struct {
		Items []struct{ Number, USCC, State string }
	}
	require.NoError(t, admin.must(http.MethodGet, at+"/certifications?limit=1000", nil, &certifications))
	var valid []string
	for _, c := range certifications.Items {
		if c.State == "valid" {
			valid = append(valid, c.USCC)
		}
		code, _, err := anyone.do(http.MethodGet, "/public/v1/certifications/"+c.Number, nil, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code)
	}
	require.Len(t, certifications.Items, 9)
	want := slices.DeleteFunc(p.recompute(t, cycle, removed), func(uscc string) bool { return uscc == checks.Items[0].USCC })
	require.ElementsMatch(t, want, valid, "exactly those whom the record certifies")

	var verified struct{ Intact bool }
	require.NoError(t, admin.must(http.MethodGet, "/api/v1/audit/verify", nil, &verified))
	require.True(t, verified.Intact)
}

// listed gives the households that are under public notice now.
func (p *production) listed(t *testing.T, anyone caller, cycle string) []string {
	t.Helper()
	var page struct{ Items []struct{ USCC string } }
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.NoError(c, anyone.must(http.MethodGet, "/public/v1/notices/"+cycle+"?limit=1000", nil, &page))
		assert.NotEmpty(c, page.Items)
	}, 60*time.Second, 500*time.Millisecond)
	list := make([]string, len(page.Items))
	for n, i := range page.Items {
		list[n] = i.USCC
	}
	return list
}

// recompute derives from the record alone, without any process, who is to be certified: whoever passed review and visit, scored and
// ranked by the policy on what departments delivered, as many as there are places; whoever was removed makes room for the next.
func (p *production) recompute(t *testing.T, cycle, removed string) []string {
	t.Helper()
	ctx := context.Background()
	var address string
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, "BANGFU_DB="); ok {
			address = v
		}
	}
	s, err := store.Connect(address)
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	c, err := s.Cycle(ctx, cycle)
	require.NoError(t, err)
	law, err := s.PolicyByID(ctx, c.PolicyID)
	require.NoError(t, err)

	base := map[string]int64{}
	for _, tier := range expected(t) {
		base[tier]++
	}
	_, places := law.PlacesFor(base[models.Growth.String()], base[models.Development.String()], 0)

	var ranked []models.Ranked
	list, err := s.Applications(ctx, store.ApplicationFilter{CycleID: cycle}, 0, 1000)
	require.NoError(t, err)
	for _, a := range list {
		steps, err := s.ApplicationSteps(ctx, a.ID)
		require.NoError(t, err)
		if !slices.ContainsFunc(steps, func(step models.ApplicationStep) bool { return step.Event == models.EventPassVisit }) {
			continue
		}
		candidate, err := s.Candidate(ctx, cycle, a.USCC)
		require.NoError(t, err)
		grounds, err := s.ApplicationGrounds(ctx, a.ID)
		require.NoError(t, err)
		var met []models.GroundRef
		for _, g := range grounds {
			if g.Outcome == models.OutcomeMet {
				met = append(met, models.GroundRef{Category: g.Category, Letter: g.Letter})
			}
		}
		ranked = append(ranked, models.Ranked{ApplicationID: a.ID, USCC: a.USCC, Tier: candidate.Tier, Founded: candidate.Founded, SubmittedOn: a.SubmittedOn,
			Score: law.Score(models.ScoreInput{Application: a, Candidate: &candidate, Grounds: met})})
	}
	law.Rank(ranked)
	var certified []string
	for _, r := range ranked {
		if r.USCC != removed && int64(len(certified)) < places {
			certified = append(certified, r.USCC)
		}
	}
	t.Logf("%d of %d applications qualified, %d places", len(ranked), len(list), places)
	return certified
}

// apply makes the applications: first the households of the tiers from which one may apply, by themselves, then others on a department's recommendation.
func (p *production) apply(t *testing.T, commerce, window caller, want int) []*entry {
	t.Helper()
	var own, recommended []string
	for uscc, tier := range expected(t) {
		if tier == models.Growth.String() || tier == models.Development.String() {
			own = append(own, uscc)
		} else {
			recommended = append(recommended, uscc)
		}
	}
	slices.Sort(own)
	slices.Sort(recommended)
	began := time.Now()
	var mu sync.Mutex
	var entries []*entry
	var refusals int
	try := func(list []string, apply func(e *entry) error) {
		batch := make([]*entry, len(list))
		for n, uscc := range list {
			batch[n] = &entry{n: len(entries) + n, uscc: uscc, category: categories[n%4]}
		}
		each(t, batch, apply)
		mu.Lock()
		defer mu.Unlock()
		for _, e := range batch {
			if e.refused != "" {
				require.Contains(t, e.refused, "附", "a refusal names its clause")
				refusals++
				continue
			}
			e.n = len(entries)
			entries = append(entries, e)
		}
	}
	grounds := func(e *entry) []object {
		return []object{{"category": e.category, "letter": evidence[e.category], "statement": "详见所附材料"}}
	}
	try(own, func(e *entry) (err error) {
		if e.operator, err = p.operator(window, e.uscc, e.n); err != nil {
			return err
		}
		var a struct{ ID int64 }
		if err := e.operator.must(http.MethodPost, "/api/v1/applications", object{"wished": []string{e.category}, "grounds": grounds(e)}, &a); err != nil {
			return err
		}
		e.id = a.ID
		code, answer, err := e.operator.do(http.MethodPost, fmt.Sprintf("/api/v1/applications/%d/submit", e.id), nil, nil)
		if code == http.StatusConflict || code == http.StatusUnprocessableEntity {
			e.refused = answer
			return nil
		}
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("submitting: %d %s", code, answer)
		}
		return err
	})
	for len(entries) < want && len(recommended) > 0 {
		n := min(want-len(entries), len(recommended))
		batch := recommended[:n]
		recommended = recommended[n:]
		try(batch, func(e *entry) (err error) {
			var a struct{ ID int64 }
			code, answer, err := commerce.do(http.MethodPost, "/api/v1/recommendations", object{"uscc": e.uscc, "categories": []string{e.category},
				"grounds": grounds(e), "reason": "行业代表性强"}, &a)
			if code == http.StatusConflict || code == http.StatusUnprocessableEntity {
				e.refused = answer
				return nil
			}
			if err != nil || code >= 300 {
				return errors.Join(err, fmt.Errorf("recommending: %d %s", code, answer))
			}
			e.id = a.ID
			if e.operator, err = p.operator(window, e.uscc, 200+e.n); err != nil {
				return err
			}
			return e.operator.must(http.MethodPost, fmt.Sprintf("/api/v1/applications/%d/consent", e.id), nil, nil)
		})
	}
	t.Logf("%d applications taken and %d refused by a clause in %s, %d workers killed so far", len(entries), refusals, time.Since(began).Round(time.Second), p.kills.Load())
	require.Len(t, entries, want)
	return entries
}

// supplyOne asks one operator for a supplement, which comes as a photograph.
func (p *production) supplyOne(t *testing.T, reviewer caller, e *entry) {
	t.Helper()
	review := fmt.Sprintf("/api/v1/reviews/%d", e.id)
	require.NoError(t, reviewer.must(http.MethodPost, review+"/claim", nil, nil))
	require.NoError(t, reviewer.must(http.MethodPost, review+"/supplement", object{"what": "请补充证书照片"}, nil))
	var photo bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	img.Set(3, 3, color.White)
	require.NoError(t, jpeg.Encode(&photo, img, nil))
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	f, err := m.CreateFormFile("file", "证书.jpg")
	require.NoError(t, err)
	_, err = f.Write(photo.Bytes())
	require.NoError(t, err)
	require.NoError(t, m.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/api/v1/applications/%d/documents", p.base, e.id), &body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+e.operator.token)
	req.Header.Set("Content-Type", m.FormDataContentType())
	r, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	b, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	require.Equal(t, http.StatusCreated, r.StatusCode, string(b))
	require.NoError(t, e.operator.must(http.MethodPost, fmt.Sprintf("/api/v1/applications/%d/supply", e.id), object{"statement": "证书照片已上传"}, nil))
}

// each does something for every entry, several at a time.
func each(t *testing.T, entries []*entry, f func(*entry) error) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for _, e := range entries {
		g.Go(func() error {
			if err := f(e); err != nil {
				return fmt.Errorf("household %s, application %d: %w", e.uscc, e.id, err)
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}
