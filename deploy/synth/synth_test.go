package synth

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/files"
	"bangfu/models"
)

func TestSyntheticDeliveriesAreGoodFilesOfTheSameHouseholds(t *testing.T) {
	const n = 3000
	codes := map[string]bool{}
	for i := range n {
		codes[USCC(i)] = true
	}
	require.Len(t, codes, n, "no code comes twice")
	for source := range models.SourceCount {
		var first, second bytes.Buffer
		require.NoError(t, Write(&first, source, n, 7))
		require.NoError(t, Write(&second, source, n, 7))
		require.Equal(t, first.Bytes(), second.Bytes(), "the same seed gives the same file")

		r, err := files.Open(bytes.NewReader(first.Bytes()), int64(first.Len()), source.String()+".csv", source)
		require.NoError(t, err)
		rows := 0
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.Empty(t, row.Problems)
			require.True(t, codes[row.Values[0].Text], "every source speaks of the same households")
			rows++
		}
		require.NoError(t, r.Close())
		require.Positive(t, rows, source.Name())
	}
}

func TestSyntheticHouseholdsAreSpreadOverTheTiersAsPublished(t *testing.T) {
	const n = 200_000
	var counts [5]int
	for i := range n {
		h := New(1, i)
		counts[h.Tier]++
	}
	for tier, share := range map[models.Tier]float64{models.Ineligible: .24, models.Survival: .7134, models.Growth: .044, models.Development: .0026} {
		require.InEpsilon(t, share*n, counts[tier], .1, tier.String())
	}
}
