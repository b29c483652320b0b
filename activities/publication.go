package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"go.temporal.io/sdk/activity"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Publication makes tiers public and prepares their hand-over to the national register (附一(二)1–2).
type Publication struct {
	Store    *store.Store
	Standing *Standing // nil = nobody is certified
}

// PublishInput names the cycle and the civil date.
type PublishInput struct {
	CycleID string
	Today   calendar.Date
}

// PublishResult is what a publication did.
type PublishResult = models.Published

// PublishTiers makes the tiers that count in the cycle's current run public. Natural key: the cycle; publishing the same
// again changes nothing.
func (p *Publication) PublishTiers(ctx context.Context, in PublishInput) (PublishResult, error) {
	defer beating(ctx)()
	r, err := p.Store.PublishTiers(ctx, in.CycleID, in.Today)
	if err != nil || p.Standing == nil {
		return r, lasting(err)
	}
	return r, lasting(p.Standing.ask(ctx, in.CycleID)) // also when nothing changed: an earlier attempt may have ended here
}

// HandoverInput names the cycle and the civil date.
type HandoverInput struct {
	CycleID string
	Today   calendar.Date
}

// HandoverResult is the file that is to be handed over.
type HandoverResult struct {
	SHA256 string
	Counts models.TierCounts
}

// HandoverHeader is the header of the hand-over file.
var HandoverHeader = []string{"统一社会信用代码", "名称", "分型结果", "年度", "区划代码", "公布日期", "政策版本"}

// handoverPage is how many households are read at once.
const handoverPage = 5000

// PrepareHandover writes the published tiers into the file for the national register, always the same bytes for the same
// tiers. Natural key: the cycle.
func (p *Publication) PrepareHandover(ctx context.Context, in HandoverInput) (HandoverResult, error) {
	r, err := p.prepareHandover(ctx, in)
	return r, lasting(err)
}

func (p *Publication) prepareHandover(ctx context.Context, in HandoverInput) (HandoverResult, error) {
	district, year, err := models.ParseCycleID(in.CycleID)
	if err != nil {
		return HandoverResult{}, err
	}
	run, err := p.Store.CurrentRun(ctx, in.CycleID)
	if err != nil {
		return HandoverResult{}, err
	}
	law, err := p.Store.PolicyByID(ctx, run.PolicyID)
	if err != nil {
		return HandoverResult{}, err
	}
	file, err := p.Store.NewHandover(ctx, in.CycleID)
	if err != nil {
		return HandoverResult{}, err
	}
	sum := sha256.New()
	h := models.Handover{CycleID: in.CycleID, RunID: run.ID, PreparedOn: in.Today}
	table := files.NewCSVWriter(io.MultiWriter(sum, file))
	if err := table.Row(HandoverHeader...); err != nil {
		return HandoverResult{}, err
	}
	years, version := strconv.Itoa(year), models.PolicyLabel(law.Version, run.PolicyHash)
	for after := ""; ; {
		page, err := p.Store.PublishedPage(ctx, district, year, after, handoverPage)
		if err != nil {
			return HandoverResult{}, err
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			h.Counts[r.Tier]++
			if err := table.Row(r.USCC, r.Name, r.Tier.String(), years, district, r.PublishedOn.String(), version); err != nil {
				return HandoverResult{}, err
			}
		}
		after = page[len(page)-1].USCC
		activity.RecordHeartbeat(ctx, h.Counts.Total())
	}
	if err := table.Close(); err != nil {
		return HandoverResult{}, err
	}
	h.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := file.Commit(h); err != nil {
		return HandoverResult{}, err
	}
	return HandoverResult{SHA256: h.SHA256, Counts: h.Counts}, nil
}

// beating reports every few seconds that a long statement is still worked on; the function that it returns ends that.
func beating(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}
