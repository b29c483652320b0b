package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func consentOf(uscc string, contact bool) models.Consent {
	return models.Consent{District: "110107", USCC: uscc, Scope: models.ConsentBankList, Contact: contact, How: models.ConsentOnline, GivenOn: helpDay, ByActor: models.HouseholdActor(uscc)}
}

// handOver gives the list as it is handed to a bank.
func handOver(s *store.Store, consent bool) (models.BankList, []models.BankListEntry, error) {
	var list []models.BankListEntry
	b, file, err := s.HandOverBankList(context.Background(), models.BankList{CycleID: "110107-2026", District: "110107", Bank: "某银行石景山支行", OnDate: helpDay, ByActor: hrss}, 2026, consent,
		func(l []models.BankListEntry) ([]byte, error) {
			list = l
			return []byte(fmt.Sprint(l)), nil
		})
	if err == nil {
		if sum := sha256.Sum256(file); b.SHA256 != hex.EncodeToString(sum[:]) {
			err = fmt.Errorf("the record's sum %s is not the file's", b.SHA256)
		}
	}
	return b, list, err
}

func TestTheBanksHearOnlyOfGrowthHouseholdsThatConsented(t *testing.T) { // 附二(二)3
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		_, _, err := handOver(s, true)
		require.ErrorContains(t, err, "2 户成长型中无人同意")

		_, err = s.GiveConsent(ctx, consentOf(growing, false))
		require.NoError(t, err)
		_, err = s.GiveConsent(ctx, consentOf(developing, true))
		require.NoError(t, err, "any household may consent")
		b, list, err := handOver(s, true)
		require.NoError(t, err)
		require.Equal(t, []models.BankListEntry{{USCC: growing, Name: "第1店", Street: "八角街道"}}, list, "no contact without a consent to that, and no other tier")
		require.Equal(t, [3]int{2, 1, 0}, [3]int{b.Growth, b.Households, b.Contacts})

		_, list, err = handOver(s, false)
		require.NoError(t, err)
		require.Len(t, list, 2, "where the policy asks for no consent, every Growth household")
		require.Empty(t, list[1].Phone, "but contacts only by consent")

		_, err = s.GiveConsent(ctx, consentOf(growing, true))
		require.NoError(t, err)
		b, list, err = handOver(s, true)
		require.NoError(t, err)
		require.Equal(t, []models.BankListEntry{{USCC: growing, Name: "第1店", Street: "八角街道", Email: "a@example.com", Phone: "13800000000"}}, list)
		require.Equal(t, 1, b.Contacts)
		counts, err := s.BankListCounts(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, models.BankList{Growth: 2, Households: 1, Contacts: 1}, counts)

		require.NoError(t, s.WithdrawConsent(ctx, "110107", growing, models.ConsentBankList, models.HouseholdActor(growing), helpDay.AddDays(1)))
		_, _, err = handOver(s, true)
		require.ErrorContains(t, err, "无人同意", "from now on no list names it")
		require.Equal(t, models.CodeNotFound, models.CodeOf(s.WithdrawConsent(ctx, "110107", growing, models.ConsentBankList, models.HouseholdActor(growing), helpDay)))

		told, err := s.BanksTold(ctx, "110107", growing, 10)
		require.NoError(t, err)
		require.Len(t, told, 3, "the household sees to whom its data went")
		lists, err := s.BankLists(ctx, "110107-2026", told[0].ID, 10)
		require.NoError(t, err)
		require.Len(t, lists, 2)
		_, list, err = handOver(s, false)
		require.NoError(t, err)
		require.Len(t, list, 2)
	})
}

func TestAConsentOnPaperCountsOnceThePaperIsOnRecord(t *testing.T) { // 附二(二)3
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		paper := consentOf(growing2, true)
		paper.How, paper.ByActor = models.ConsentPaper, hrss
		c, err := s.GiveConsent(ctx, paper)
		require.NoError(t, err)
		again, err := s.GiveConsent(ctx, paper)
		require.NoError(t, err)
		require.Equal(t, c.ID, again.ID, "the same consent is one")
		_, _, err = handOver(s, true)
		require.ErrorContains(t, err, "无人同意")
		_, err = s.SQL().ExecContext(ctx, "INSERT INTO documents (id, district, subject, uscc, purpose, name, media_type, size, sha256, by_actor, at) VALUES ('d1', '110107', ?, ?, 'evidence', 'x.pdf', 'application/pdf', 1, ?, ?, ?)",
			models.ConsentObject(c.ID), growing2, fmt.Sprintf("%064d", 0), hrss, time.Now().UTC())
		require.NoError(t, err)
		_, list, err := handOver(s, true)
		require.NoError(t, err)
		require.Equal(t, "13800000000", list[0].Phone)
		all, err := s.Consents(ctx, "110107", growing2)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.True(t, all[0].Proven)

		online := consentOf(growing2, false)
		d, err := s.GiveConsent(ctx, online)
		require.NoError(t, err)
		require.NotEqual(t, c.ID, d.ID, "another extent takes its place")
		all, err = s.Consents(ctx, "110107", growing2)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, d.ID, all[0].ID, "what stands comes first")
		require.Nil(t, all[1].Standing)
		_, err = s.GiveConsent(ctx, models.Consent{District: "110107", USCC: growing2, Scope: "everything", ByActor: hrss})
		require.ErrorContains(t, err, "没有“everything”这种同意事项")
	})
}
