package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/document"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func operatorOf(a models.Application) models.User {
	return models.User{Role: models.RoleOperator, District: a.District, USCC: a.USCC}
}

// drafted is the i-th household's draft.
func (r *reviewing) drafted(i int) models.Application {
	r.t.Helper()
	uscc := r.households[i]
	a, err := r.DraftApplication(context.Background(), models.Application{CycleID: sampletest.Cycle, USCC: uscc, Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(uscc)},
		models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B"}}})
	require.NoError(r.t, err)
	return a
}

func evidenceFile(content string) document.Document {
	return document.Document{MediaType: document.JPEG, Name: "门店.jpg", Content: []byte(content)}
}

// keptDocuments counts what the database holds.
func keptDocuments(t *testing.T, s *store.Store) (documents, pieces int) {
	t.Helper()
	require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM documents").Scan(&documents))
	require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM document_pieces").Scan(&pieces))
	return documents, pieces
}

func TestADocumentIsKeptOnceWithItsCaseAndTakenBackOnlyBeforeItWasSubmitted(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 1)
		a := r.drafted(0)
		u, subject := operatorOf(a), models.ApplicationObject(a.ID)
		large := evidenceFile(string(make([]byte, 5<<20/2)))
		d, err := s.AddDocument(ctx, u, subject, models.PurposeEvidence, large)
		require.NoError(t, err)
		again, err := s.AddDocument(ctx, u, subject, models.PurposeEvidence, large)
		require.NoError(t, err)
		require.Equal(t, d.ID, again.ID, "the same file is kept once")
		n, pieces := keptDocuments(t, s)
		require.Equal(t, []int{1, 3}, []int{n, pieces})
		content, err := s.DocumentContent(ctx, d)
		require.NoError(t, err)
		require.Equal(t, large.Content, content)

		other := operatorOf(r.drafted(1))
		_, err = s.AddDocument(ctx, other, subject, models.PurposeEvidence, evidenceFile("x"))
		refusedAs(t, models.CodeNotFound, err)
		refusedAs(t, models.CodeNotFound, s.DeleteDocument(ctx, other, d.ID))

		second, err := s.AddDocument(ctx, u, subject, models.PurposeEvidence, evidenceFile("second"))
		require.NoError(t, err)
		require.NoError(t, s.DeleteDocument(ctx, u, second.ID))
		refusedAs(t, models.CodeNotFound, s.DeleteDocument(ctx, u, second.ID))
		n, pieces = keptDocuments(t, s)
		require.Equal(t, []int{1, 3}, []int{n, pieces})

		a = r.acted(a, u.Actor(), models.ApplicationCommand{Event: models.EventSubmit})
		_, err = s.AddDocument(ctx, u, subject, models.PurposeEvidence, evidenceFile("late"))
		refusedAs(t, models.CodeConflict, err, "只能在草稿或要求补充材料时上传")
		a = r.claimed(a, r.reviewers[0])
		r.acted(a, r.reviewers[0], models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("请补充证书")})
		third, err := s.AddDocument(ctx, u, subject, models.PurposeEvidence, evidenceFile("third"))
		require.NoError(t, err)
		refusedAs(t, models.CodeConflict, s.DeleteDocument(ctx, u, d.ID), "不能删除")
		require.NoError(t, s.DeleteDocument(ctx, u, third.ID))

		_, err = s.SQL().Exec("UPDATE document_pieces SET content = ? WHERE document_id = ? AND piece = 1", []byte("changed"), d.ID)
		require.NoError(t, err)
		_, err = s.DocumentContent(ctx, d)
		require.ErrorContains(t, err, "hash differs")
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func TestNobodyHandsInMoreThanTheLimitEvenAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 1)
		a := r.drafted(0)
		u := operatorOf(a)
		errs := make([]error, models.MaxDocuments+6)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.AddDocument(ctx, u, models.ApplicationObject(a.ID), models.PurposeEvidence, evidenceFile(fmt.Sprint(i)))
			})
		}
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if err != nil {
				refusedAs(t, models.CodeConflict, err, "最多上传20个文件")
				refused++
			}
		}
		require.Equal(t, 6, refused)
		n, _ := keptDocuments(t, s)
		require.Equal(t, models.MaxDocuments, n)

		b := r.drafted(1)
		d, err := s.AddDocument(ctx, operatorOf(b), models.ApplicationObject(b.ID), models.PurposeEvidence, evidenceFile("b"))
		require.NoError(t, err)
		_, err = s.SQL().Exec("UPDATE documents SET size = ? WHERE id = ?", models.MaxHouseholdBytes, d.ID)
		require.NoError(t, err)
		_, err = s.AddDocument(ctx, operatorOf(b), models.ApplicationObject(b.ID), models.PurposeEvidence, evidenceFile("c"))
		refusedAs(t, models.CodeTooLarge, err, "合计超过")
	})
}

func TestTheVisitorsAddPhotographsUntilTheVisitIsSigned(t *testing.T) { // 附三(二)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		a := r.passed(0)
		v := r.plan(a, r.reviewers[0], r.reviewers[1])
		visitor := func(i int) models.User {
			id, _ := r.reviewers[i].UserID()
			u, err := s.User(ctx, id)
			require.NoError(t, err)
			return u
		}
		subject := models.VisitObject(v.ID)
		pdf := document.Document{MediaType: document.PDF, Name: "a.pdf", Content: []byte("%PDF")}
		_, err := s.AddDocument(ctx, visitor(0), subject, models.PurposePhoto, pdf)
		refusedAs(t, models.CodeInvalid, err, "图片")
		_, err = s.AddDocument(ctx, visitor(2), subject, models.PurposePhoto, evidenceFile("a"))
		refusedAs(t, models.CodeForbidden, err, "不是这次走访的走访人员")
		d, err := s.AddDocument(ctx, visitor(0), subject, models.PurposePhoto, evidenceFile("a"))
		require.NoError(t, err)
		e, err := s.AddDocument(ctx, visitor(1), subject, models.PurposePhoto, evidenceFile("a"))
		require.NoError(t, err)
		require.NotEqual(t, d.ID, e.ID, "each answers for their own")
		v = r.recorded(v, r.reviewers[0], models.VisitMet)
		refusedAs(t, models.CodeConflict, s.DeleteDocument(ctx, visitor(0), d.ID), "不能删除")
		r.acted(a, r.reviewers[1], sign(v))
		_, err = s.AddDocument(ctx, visitor(0), subject, models.PurposePhoto, evidenceFile("b"))
		refusedAs(t, models.CodeConflict, err, "已签认")
	})
}
