package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// rows is a delivery already read, or one that breaks off with err.
type rows struct {
	list []models.Row
	err  error
	next int
	hook func(n int)
}

func (r *rows) Headers() []string {
	return []string{"统一社会信用代码", "所属年度", "备注"}
}
func (r *rows) Unknown() []string { return []string{"备注"} }
func (r *rows) Next() (*models.Row, error) {
	if r.hook != nil {
		r.hook(r.next)
	}
	if r.next == len(r.list) {
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	r.next++
	return &r.list[r.next-1], nil
}

func text(s string) models.Value              { return models.Value{Text: s} }
func number(n int64) models.Value             { return models.Value{Number: n} }
func date(s string) models.Value              { return number(int64(calendar.MustDate(s))) }
func row(n int, v ...models.Value) models.Row { return models.Row{Number: n, Values: v} }

var null = models.Value{Null: true}

func code(n int) string { return fmt.Sprintf("92110107MA%08d", n) }

func taxRow(n, household int, paid int64) models.Row {
	return row(n, text(code(household)), number(2025), number(1), null, text("小规模纳税人"), number(paid))
}

func registryRow(n, household int) models.Row {
	return row(n, text(code(household)), text(fmt.Sprintf("商行\t%d\\n“换\n行”", household)), text("张三"), date("2020-02-29"), text("存续"),
		text("八角街道"), null, null, text(strings.Repeat("经营范围𠮷", 20)), null, null, null, number(0), null, null)
}

func receive(t *testing.T, s *store.Store, source models.Source, content string) models.Delivery {
	t.Helper()
	d, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: source,
		Channel: models.ChannelUpload, FileName: "文件.csv", By: "user:1"}, strings.NewReader(content), 1<<20)
	require.NoError(t, err)
	return d
}

func deliver(t *testing.T, s *store.Store, source models.Source, content string, list ...models.Row) models.Delivery {
	t.Helper()
	d, err := s.ImportDelivery(context.Background(), receive(t, s, source, content).ID, &rows{list: list}, nil)
	require.NoError(t, err)
	return d
}

// paid reads 实缴税额 back by household.
func paid(t *testing.T, s *store.Store) map[string]int64 {
	t.Helper()
	found, err := s.SQL().Query("SELECT uscc, paid FROM src_tax WHERE district = '110107' AND year = 2026")
	require.NoError(t, err)
	defer func() { _ = found.Close() }()
	out := map[string]int64{}
	for found.Next() {
		var uscc string
		var n int64
		require.NoError(t, found.Scan(&uscc, &n))
		out[uscc] = n
	}
	require.NoError(t, found.Err())
	return out
}

func count(t *testing.T, s *store.Store, table string) (n int) {
	t.Helper()
	require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

func TestADeliveredFileComesBackByteForByte(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		content := make([]byte, 3<<20+17)
		r := rand.NewChaCha8([32]byte{1})
		_, _ = r.Read(content[:2<<20]) // half of it cannot be compressed
		d, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: models.SourceIP,
			Channel: models.ChannelUpload, FileName: `C:\share\..\ip.xlsx`, By: "user:1"}, bytes.NewReader(content), 4<<20)
		require.NoError(t, err)
		require.Equal(t, "110107-2026-ip-1", d.ID)
		require.Equal(t, "ip.xlsx", d.FileName)
		require.Equal(t, int64(len(content)), d.Size)
		require.Equal(t, models.DeliveryReceived, d.State)

		file, size, cleanup, err := s.OpenDelivery(context.Background(), d.ID)
		require.NoError(t, err)
		defer cleanup()
		got, err := io.ReadAll(io.NewSectionReader(file, 0, size))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	})
}

func TestAFileOverTheLimitLeavesNothingBehind(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		_, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: models.SourceTax, By: "user:1"},
			strings.NewReader(strings.Repeat("x", 101)), 100)
		require.Equal(t, models.CodeTooLarge, models.CodeOf(err))
		require.Zero(t, count(t, s, "deliveries"))
		require.Zero(t, count(t, s, "delivery_files"))
	})
}

func TestDeliveriesAtTheSameMomentGetDifferentNumbers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ids := make([]string, 8)
		var wg sync.WaitGroup
		for n := range ids {
			wg.Go(func() {
				d, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: models.SourceTax,
					Channel: models.ChannelUpload, By: "user:1"}, strings.NewReader(fmt.Sprint("file", n)), 100)
				if err == nil {
					ids[n] = d.ID
				}
			})
		}
		wg.Wait()
		want := make([]string, 8)
		for n := range want {
			want[n] = fmt.Sprintf("110107-2026-tax-%d", n+1)
		}
		require.ElementsMatch(t, want, ids)
	})
}

func TestEveryKindOfValueIsStoredAsItWasRead(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := deliver(t, s, models.SourceRegistry, "a", registryRow(2, 1))
		require.Equal(t, models.Rows{Read: 1, Accepted: 1}, d.Rows)
		require.Equal(t, []string{"备注"}, d.UnknownColumns)
		var name, scope, street string
		var founded, from calendar.Date
		var premises *string
		var seasonal *int
		require.NoError(t, s.SQL().QueryRow("SELECT name, scope, street, founded, suspended_from, premises, seasonal FROM src_registry").
			Scan(&name, &scope, &street, &founded, &from, &premises, &seasonal))
		require.Equal(t, "商行\t1\\n“换\n行”", name)
		require.Equal(t, strings.Repeat("经营范围𠮷", 20), scope)
		require.Equal(t, "八角街道", street)
		require.Equal(t, calendar.MustDate("2020-02-29"), founded)
		require.Zero(t, from)
		require.Nil(t, premises)
		require.Equal(t, 0, *seasonal)
	})
}

func TestTheLastRowOfAKeyWinsAndIsCounted(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliver(t, s, models.SourceRegistry, "r", registryRow(2, 1), registryRow(3, 2))
		bad := models.Row{Number: 5, Problems: []models.Problem{{Column: "实缴税额(元)", Value: "很多", Reason: "不是金额"}}, Cells: []string{code(1), "2025", "很多"}}
		d := deliver(t, s, models.SourceTax, "t", taxRow(2, 1, 100), taxRow(3, 2, 200), taxRow(4, 1, 300), bad, taxRow(6, 9, 900))
		require.Equal(t, models.Rows{Read: 5, Accepted: 3, Repeated: 1, Rejected: 1, Unmatched: 1}, d.Rows)
		require.Equal(t, map[string]int64{code(1): 300, code(2): 200, code(9): 900}, paid(t, s), "a row that the registry does not hold is kept")

		rejects, err := s.Rejects(context.Background(), d.ID, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []models.RejectedRow{{Number: 5, Problems: bad.Problems, Cells: bad.Cells}}, rejects)
		rejects, err = s.Rejects(context.Background(), d.ID, 5, 10)
		require.NoError(t, err)
		require.Empty(t, rejects)
		headers, err := s.DeliveryHeaders(context.Background(), d.ID)
		require.NoError(t, err)
		require.Equal(t, (&rows{}).Headers(), headers)
	})
}

func TestALaterDeliveryReplacesTheKeysThatItNamesAndLeavesTheOthers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliver(t, s, models.SourceTax, "1", taxRow(2, 1, 100), taxRow(3, 2, 200))
		d := deliver(t, s, models.SourceTax, "2", taxRow(2, 2, 222), taxRow(3, 3, 333))
		require.Equal(t, "110107-2026-tax-2", d.ID)
		require.Equal(t, map[string]int64{code(1): 100, code(2): 222, code(3): 333}, paid(t, s))
		newest, err := s.NewestDeliveries(context.Background(), "110107", 2026)
		require.NoError(t, err)
		require.Len(t, newest, 1)
		require.Equal(t, d.ID, newest[0].ID)
	})
}

func TestTheSameFileTwiceChangesNothingTheSecondTime(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		first := deliver(t, s, models.SourceTax, "1", taxRow(2, 1, 100))
		again := receive(t, s, models.SourceTax, "1")
		require.Equal(t, first, again)
		second, err := s.ImportDelivery(context.Background(), again.ID, &rows{list: []models.Row{taxRow(2, 1, 999)}}, nil)
		require.NoError(t, err)
		require.Equal(t, first, second)
		require.Equal(t, map[string]int64{code(1): 100}, paid(t, s))

		deliver(t, s, models.SourceTax, "2", taxRow(2, 1, 200))
		third := deliver(t, s, models.SourceTax, "1", taxRow(2, 1, 100))
		require.Equal(t, 3, third.Sequence, "after another file the first one is news again")
		require.Equal(t, map[string]int64{code(1): 100}, paid(t, s))
	})
}

func TestAFileThatWasStoredButNeverImportedIsTakenUpAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		first := receive(t, s, models.SourceTax, "1")
		require.Equal(t, first.ID, receive(t, s, models.SourceTax, "1").ID)
	})
}

func TestADeliveryThatBreaksOffTakesNoEffectAtAll(t *testing.T) {
	many := make([]models.Row, 0, 45_000)
	for n := range cap(many) {
		many = append(many, taxRow(n+2, n, 1))
	}
	for name, broken := range map[string]func(cancel func()) *rows{
		"the file ends in the middle": func(func()) *rows {
			return &rows{list: many, err: models.Invalid("file", "第 45002 行起无法读取")}
		},
		"the worker is stopped": func(cancel func()) *rows {
			return &rows{list: many, hook: func(n int) {
				if n == 41_000 {
					cancel()
				}
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, s *store.Store) {
				deliver(t, s, models.SourceTax, "before", taxRow(2, 1, 100))
				d := receive(t, s, models.SourceTax, "after")
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				_, err := s.ImportDelivery(ctx, d.ID, broken(cancel), nil)
				require.Error(t, err)
				require.Equal(t, map[string]int64{code(1): 100}, paid(t, s))
				d, err = s.Delivery(context.Background(), d.ID)
				require.NoError(t, err)
				require.Equal(t, models.DeliveryReceived, d.State)

				d, err = s.ImportDelivery(context.Background(), d.ID, &rows{list: many}, nil)
				require.NoError(t, err, "and the next try takes it whole")
				require.Equal(t, models.Rows{Read: len(many), Accepted: len(many), Unmatched: len(many)}, d.Rows)
				require.Len(t, paid(t, s), len(many))
			})
		})
	}
}

func TestARefusedDeliveryLeavesWhatWasThere(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliver(t, s, models.SourceTax, "1", taxRow(2, 1, 100))
		d := receive(t, s, models.SourceTax, "2")
		d, err := s.RefuseDelivery(ctx, d.ID, "缺少必需的列：税务登记")
		require.NoError(t, err)
		require.Equal(t, models.DeliveryRefused, d.State)
		require.Equal(t, "缺少必需的列：税务登记", d.Reason)
		again, err := s.RefuseDelivery(ctx, d.ID, "别的原因")
		require.NoError(t, err)
		require.Equal(t, d, again)
		same, err := s.ImportDelivery(ctx, d.ID, &rows{list: []models.Row{taxRow(2, 1, 5)}}, nil)
		require.NoError(t, err)
		require.Equal(t, d, same)
		require.Equal(t, map[string]int64{code(1): 100}, paid(t, s))

		require.Equal(t, 3, receive(t, s, models.SourceTax, "2").Sequence, "a person's second try is read anew")
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
		require.Equal(t, int64(2), report.Entries)
	})
}

func TestADeliveryThatALaterOneOvertookIsNotImported(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		early := receive(t, s, models.SourceTax, "early")
		deliver(t, s, models.SourceTax, "late", taxRow(2, 1, 2))
		_, err := s.ImportDelivery(context.Background(), early.ID, &rows{list: []models.Row{taxRow(2, 1, 1)}}, nil)
		require.Equal(t, models.CodeConflict, models.CodeOf(err))
		require.Equal(t, map[string]int64{code(1): 2}, paid(t, s))
	})
}

func TestRowsAreLoadedAlikeWhereTheServerForbidsLoadData(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		s.ForbidLoadData()
		list := []models.Row{registryRow(2, 1)}
		for n := range 2_500 {
			list = append(list, registryRow(n+3, n))
		}
		d := deliver(t, s, models.SourceRegistry, "r", list...)
		require.Equal(t, models.Rows{Read: 2_501, Accepted: 2_500, Repeated: 1}, d.Rows)
		require.Equal(t, 2_500, count(t, s, "src_registry"))
	})
}

func TestDeliveriesAreListedNewestFirstPageByPage(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		var want []string
		for n := range 5 {
			want = append([]string{receive(t, s, models.SourceTax, fmt.Sprint(n)).ID}, want...)
		}
		receive(t, s, models.SourceIP, "x")
		var got []string
		for after := ""; ; {
			page, err := s.Deliveries(ctx, store.DeliveryFilter{District: "110107", Year: 2026, Source: "tax"}, after, 2)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				got = append(got, d.ID)
			}
			after = got[len(got)-1]
		}
		require.Equal(t, want, got)
	})
}

func TestAReaderThatFailsIsNotTakenForTheEndOfTheFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		_, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: models.SourceTax, By: "user:1"},
			io.MultiReader(strings.NewReader("half"), failing{}), 100)
		require.ErrorIs(t, err, errBroken)
		require.Zero(t, count(t, s, "deliveries"))
	})
}

var errBroken = errors.New("connection reset")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }
