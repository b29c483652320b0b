package models_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

// cityCourse is the spot check as 附三(二)2 tells it, written down independently of the program.
var cityCourse = map[models.CityCheckState]string{
	models.CitySampled:         "ask→supplement_asked pass→passed refuse→refused no_objection→passed",
	models.CitySupplementAsked: "answer→supplemented pass→passed refuse→refused no_objection→passed",
	models.CitySupplemented:    "ask→supplement_asked pass→passed refuse→refused no_objection→passed",
	models.CityPassed:          "",
	models.CityRefused:         "",
}

func TestInEveryStateOfACitysCheckOnlyWhatTheLawAllowsFollows(t *testing.T) { // 附三(二)2
	require.Len(t, cityCourse, len(models.CityCheckStates))
	limit, after := calendar.MustDate("2026-11-27"), calendar.MustDate("2026-11-28")
	for _, state := range models.CityCheckStates {
		allowed := map[models.CityEvent]models.CityCheckState{}
		for move := range strings.FieldsSeq(cityCourse[state]) {
			event, next, ok := strings.Cut(move, "→")
			require.True(t, ok, move)
			require.Contains(t, models.CityEvents, models.CityEvent(event))
			allowed[models.CityEvent(event)] = models.CityCheckState(next)
		}
		for _, event := range models.CityEvents {
			next, err := state.Next(event, limit, after)
			if want, ok := allowed[event]; ok {
				require.NoError(t, err, "%s in %s", event, state)
				require.Equal(t, want, next)
				continue
			}
			require.Error(t, err, "%s in %s", event, state)
			require.Equal(t, state, next, "what is refused changes nothing")
			require.Regexp(t, `\p{Han}`, err.Error())
		}
		require.Equal(t, len(allowed) > 0, state.Open())
		require.Regexp(t, `\p{Han}`, state.Name())
	}
}

func TestNothingIsRefusedForWantOfSupplementsBeforeTheirLimitIsOver(t *testing.T) { // 要求限期补充材料或者不予认定
	limit := calendar.MustDate("2026-11-27")
	for day, refused := range map[string]bool{"2026-11-20": false, "2026-11-27": false, "2026-11-28": true} {
		_, err := models.CitySupplementAsked.Next(models.CityRefuse, limit, calendar.MustDate(day))
		require.Equal(t, refused, err == nil, day)
		_, err = models.CitySupplementAsked.Next(models.CityPass, limit, calendar.MustDate(day))
		require.NoError(t, err, "the city may be content at any time")
	}
	_, err := models.CitySupplemented.Next(models.CityRefuse, limit, limit)
	require.NoError(t, err, "once answered, the city is free to decide")
}

func numbers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = models.CertificationNumber("110107", 2026, i+1)
	}
	return list
}

func TestASampleFollowsFromItsSeedSoThatAnybodyDrawsItAgain(t *testing.T) { // 抽查
	list := numbers(100)
	sample := models.CitySampleOf("8f3a", list, 10)
	require.Len(t, sample, 10)
	require.Equal(t, sample, models.CitySampleOf("8f3a", list, 10))

	shuffled := slices.Clone(list)
	slices.Reverse(shuffled)
	require.Equal(t, sample, models.CitySampleOf("8f3a", shuffled, 10), "the order of the list does not matter")
	require.NotEqual(t, sample, models.CitySampleOf("8f3b", list, 10))
	require.Equal(t, sample[:3], models.CitySampleOf("8f3a", list, 3), "a smaller one is the beginning of a larger one")
	require.Len(t, models.CitySampleOf("x", list, 1000), 100)

	// an independent hand: hash, sort, take the first
	var hashed []string
	for _, n := range list {
		sum := sha256.Sum256([]byte("8f3a" + n))
		hashed = append(hashed, hex.EncodeToString(sum[:])+" "+n)
	}
	slices.Sort(hashed)
	for i, n := range sample {
		require.Equal(t, n, strings.Fields(hashed[i])[1])
	}
}

func TestTheOneLineThatTheReportNamesDrawsTheSameSample(t *testing.T) {
	list := numbers(25)
	c := exec.CommandContext(t.Context(), "sh", "-c", `while read -r n; do printf '%s %s\n' "$(printf %s "$seed$n" | sha256sum | cut -c1-64)" "$n"; done | sort | head -n "$size"`)
	c.Env = append(c.Environ(), "seed=jing-A.1", "size=7", "LC_ALL=C")
	c.Stdin = strings.NewReader(strings.Join(list, "\n") + "\n")
	out, err := c.Output()
	require.NoError(t, err)
	var drawn []string
	for line := range strings.Lines(string(out)) {
		drawn = append(drawn, strings.Fields(line)[1])
	}
	require.Equal(t, models.CitySampleOf("jing-A.1", list, 7), drawn)
}

func TestEveryCertificationIsDrawnAboutAsOften(t *testing.T) {
	list := numbers(50)
	drawn := map[string]int{}
	for i := range 2000 {
		for _, n := range models.CitySampleOf(fmt.Sprint("seed", i), list, 5) {
			drawn[n]++
		}
	}
	for _, n := range list { // 200 expected; six standard deviations are about 80
		require.InDelta(t, 200, drawn[n], 80, n)
	}
}

func TestAShareOfTheCertifiedIsRoundedUp(t *testing.T) {
	for _, c := range []struct{ percent, total, want int }{{10, 100, 10}, {10, 101, 11}, {10, 1, 1}, {1, 3, 1}, {100, 7, 7}, {33, 3, 1}, {34, 3, 2}} {
		n, err := models.CityCommand{Percent: c.percent}.SampleSize(c.total)
		require.NoError(t, err)
		require.Equal(t, c.want, n, "%d%% of %d", c.percent, c.total)
	}
	_, err := models.CityCommand{Size: 8}.SampleSize(7)
	require.Equal(t, models.CodeInvalid, models.CodeOf(err))
}

func TestACommandOfTheSpotCheckSaysWhatItLacks(t *testing.T) {
	good := models.CityCommand{CommandID: "k", CycleID: "110107-2026", Actor: "user:9", Number: "110107-2026-MTYX-0001", ReasonID: 1, Clause: "附三(三)1", Event: models.CityRefuse}
	require.NoError(t, good.Validate())
	for name, mend := range map[string]func(*models.CityCommand){
		"no key":         func(c *models.CityCommand) { c.CommandID = "" },
		"long key":       func(c *models.CityCommand) { c.CommandID = strings.Repeat("k", 101) },
		"nobody":         func(c *models.CityCommand) { c.Actor = "" },
		"no number":      func(c *models.CityCommand) { c.Number = "7" },
		"no reason":      func(c *models.CityCommand) { c.ReasonID = 0 },
		"no clause":      func(c *models.CityCommand) { c.Clause = " " },
		"long clause":    func(c *models.CityCommand) { c.Clause = strings.Repeat("条", 21) },
		"unknown":        func(c *models.CityCommand) { c.Event = "bribe" },
		"not a person's": func(c *models.CityCommand) { c.Event = models.CityNoObjection },
		"too long":       func(c *models.CityCommand) { c.Event, c.Days = models.CityAsk, models.MaxCityDays+1 },
		"many papers": func(c *models.CityCommand) {
			c.Event, c.Documents = models.CityAnswer, make([]string, models.MaxCityDocuments+1)
		},
		"no size":    func(c *models.CityCommand) { c.Event, c.Seed = models.CitySample, "x" },
		"both sizes": func(c *models.CityCommand) { c.Event, c.Seed, c.Size, c.Percent = models.CitySample, "x", 1, 1 },
		"no seed":    func(c *models.CityCommand) { c.Event, c.Size = models.CitySample, 1 },
		"odd seed":   func(c *models.CityCommand) { c.Event, c.Size, c.Seed = models.CitySample, 1, "a b" },
		"negative":   func(c *models.CityCommand) { c.Event, c.Size, c.Seed = models.CitySample, -1, "a" },
	} {
		c := good
		mend(&c)
		err := c.Validate()
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), name)
		require.Regexp(t, `\p{Han}`, err.Error(), name)
	}
}
