package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// whatIf tries a draft on the district that was tiered: every household judged under both policies, nothing written.
func (b *bench) whatIf(ctx context.Context, st *store.Store, n int) error {
	file := policy.Default(synth.District, synth.Year)
	b.section(fmt.Sprintf("A draft policy tried on %s households (what if)", thousands(n)), "draft", "households that move", "time", "households/s")
	for _, draft := range []struct{ name, from, to string }{
		{"the same", "", ""},
		{"成长型 from 30 instead of 20 万元", "value: 20万元", "value: 30万元"},
		{"成长型 from 0.01 万元, every mover listed", "value: 20万元", "value: 100元"},
	} {
		content := file
		if draft.from != "" {
			content = bytes.Replace(file, []byte(draft.from), []byte(draft.to), 1)
		}
		p, err := policy.Load(content)
		if err != nil {
			return err
		}
		var took []time.Duration
		var moving int64
		for range b.rounds {
			begun := time.Now()
			basis, err := st.WhatIfBasis(ctx, synth.District, synth.Year)
			if err != nil {
				return err
			}
			listed := int64(0)
			r, err := st.WhatIf(ctx, basis, store.WhatIfDraft{Policy: p}, func(models.WhatIfMover) error { listed++; return nil })
			if err != nil {
				return err
			}
			took = append(took, time.Since(begun))
			moving = r.Own.Moving()
			if r.Own.Before().Total() != int64(n) || moving != listed || (moving == 0) != (draft.from == "") {
				return errors.New("the trial did not judge everybody, or moved other households than it listed")
			}
		}
		t := median(took)
		say("%d 户：政策试算（%s）%s，变动 %d 户", n, draft.name, seconds(t), moving)
		b.row(draft.name, thousands(int(moving)), "**"+seconds(t)+"**", rate(n, t))
	}
	return nil
}
