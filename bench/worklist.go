package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"bangfu/api"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/store"
)

// The reviewer whose list is read, and the others of the bureau beside them.
const (
	closedItems = 10_000
	openItems   = 300
	colleagues  = 9
)

// worklist asks for the lists of a reviewer with 10,000 closed items, in a bureau of ten like that, through the API.
func (b *bench) worklist(ctx context.Context) error {
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer drop()
	say("审核工作列表：写入 %s 件申报", thousands((closedItems+openItems)*(colleagues+1)))
	token, err := reviewers(ctx, st, db)
	if err != nil {
		return err
	}
	server := httptest.NewServer(api.New(st, nil, api.Options{Program: "bench", PublicPerMinute: -1, Logger: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	b.section(fmt.Sprintf("Work list of a reviewer with %s closed and %d open items, one of %d, 4 clients (p95 < 50 ms)", thousands(closedItems), openItems, colleagues+1),
		"list", "requests/s", "p95")
	for _, list := range []struct{ name, query string }{
		{"own, open, with counts", "mine=true"},
		{"own, closed", "mine=true&state=refused&state=certified"},
		{"own, closed, page after page", "mine=true&state=refused&state=certified&limit=50"},
		{"the bureau's, not assigned, of a street", "mine=false&street=" + synthStreet},
	} {
		var rounds []measured
		for range b.rounds {
			m, err := readList(ctx, server.URL+"/api/v1/reviews?"+list.query, token, strings.HasSuffix(list.name, "page after page"))
			if err != nil {
				return fmt.Errorf("%s: %w", list.name, err)
			}
			rounds = append(rounds, m)
		}
		m := middle(rounds)
		say("工作列表（%s）：%.0f 次/秒，p95 %s", list.name, m.rate, m.p95)
		b.row(list.name, thousands(int(m.rate)), m.p95.Round(10*time.Microsecond).String())
	}
	return nil
}

const synthStreet = "%E5%8F%A4%E5%9F%8E%E8%A1%97%E9%81%93" // 古城街道

// reviewers writes the bureau's reviewers with their applications, and gives the token of the first.
func reviewers(ctx context.Context, st *store.Store, db *sql.DB) (token string, err error) {
	if err := st.SetDistrict(ctx, models.ActorConsole, models.District{Code: synth.District, Name: "石景山区", City: "北京市"}); err != nil {
		return "", err
	}
	if err := st.SetDepartment(ctx, models.ActorConsole, models.Department{District: synth.District, Code: models.BureauCode, Name: "区市场监管局"}); err != nil {
		return "", err
	}
	id := 0
	for r := range colleagues + 1 {
		u, err := st.AddUser(ctx, models.ActorConsole, models.User{Email: fmt.Sprintf("r%d@example.com", r), Name: "审核员", Role: models.RoleDepartment,
			District: synth.District, Department: models.BureauCode}, "")
		if err != nil {
			return "", err
		}
		if r == 0 {
			if token, _, err = st.CreateToken(ctx, models.ActorConsole, u.ID, "bench", 0); err != nil {
				return "", err
			}
		}
		for begin := 0; begin < closedItems+openItems; begin += 500 {
			var rows []string
			for i := begin; i < min(begin+500, closedItems+openItems); i++ {
				state, due, live, reviewer := "refused", "NULL", "NULL", u.Actor()
				switch {
				case i < openItems:
					state, due, live = []string{"submitted", "supplement", "visit"}[i%3], fmt.Sprintf("'2026-10-%02d'", 1+i%25), "1"
					if r > 0 && i%3 == 0 {
						reviewer = ""
					}
				case i%2 == 0:
					state = "certified"
				}
				rows = append(rows, fmt.Sprintf("('%s', '%s', 2026, '%s', '北京某某店', '古城街道', 3, 'own', '%s', %s, 'quality', '', '%s', '%s', %s, 1, NOW(3), NOW(3))",
					models.CycleID(synth.District, 2026), synth.District, synth.USCC(id), state, live, models.HouseholdActor(synth.USCC(id)), reviewer, due))
				id++
			}
			//nolint:gosec // G202: every value is made above, none comes from outside
			_, err := db.ExecContext(ctx, `INSERT INTO applications (cycle_id, district, year, uscc, name, street, tier, origin, state, live, wished, statement,
				entered_by, reviewer, due, policy_id, created_at, updated_at) VALUES `+strings.Join(rows, ", "))
			if err != nil {
				return "", fmt.Errorf("writing applications: %w", err)
			}
		}
	}
	_, err = db.ExecContext(ctx, "ANALYZE TABLE applications")
	return token, err
}

// readList reads a list 200 times by four clients; page after page if walk, each client on its own walk.
func readList(ctx context.Context, address, token string, walk bool) (measured, error) {
	const clients, each = 4, 50
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, clients*each)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	begun := time.Now()
	for c := range clients {
		wg.Go(func() {
			after := ""
			for i := 0; i < each && errs[c] == nil; i++ {
				one := time.Now()
				var next string
				next, errs[c] = readPage(ctx, client, address+"&after="+after, token)
				took[c*each+i] = time.Since(one)
				if walk {
					after = next
				}
			}
		})
	}
	wg.Wait()
	whole := time.Since(begun)
	for _, err := range errs {
		if err != nil {
			return measured{}, err
		}
	}
	slices.Sort(took)
	return measured{rate: float64(len(took)) / whole.Seconds(), p95: took[len(took)*95/100]}, nil
}

func readPage(ctx context.Context, client *http.Client, address, token string) (next string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	w, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Body.Close() }()
	var page struct {
		Items []json.RawMessage
		Next  string
	}
	if err := json.NewDecoder(w.Body).Decode(&page); err != nil {
		return "", err
	}
	if w.StatusCode != http.StatusOK || len(page.Items) == 0 {
		return "", fmt.Errorf("%s answers %s with %d items", address, w.Status, len(page.Items))
	}
	return page.Next, nil
}
