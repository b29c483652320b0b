package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// PolicyVersion is one version of a district's policy of a year, as stored, with the policy that it holds. Its
// content never changes, so that a result which names it can be derived again.
type PolicyVersion struct {
	*policy.Policy `gorm:"-"`

	ID          int64 `gorm:"primaryKey"`
	District    string
	Year        int
	Version     int
	Hash        string // SHA-256 of Content's bytes
	Content     string // the YAML file as it was given
	State       models.PolicyState
	Note        string
	CreatedBy   models.Actor
	CreatedAt   time.Time
	InForceBy   models.Actor
	InForceAt   *time.Time // nil before it was put in force
	PublishedAt *time.Time // nil before it was published (二(一)1)
}

// TableName is the table of versions.
func (PolicyVersion) TableName() string { return "policies" }

// loadedPolicy is a version's content as it was read, and what it says.
type loadedPolicy struct {
	*policy.Policy
	content string
}

// loaded gives the version with its policy, which is read once per process.
func (s *Store) loaded(v PolicyVersion) (PolicyVersion, error) {
	if p, ok := s.policies.Load(v.ID); ok {
		v.Policy, v.Content = p.(loadedPolicy).Policy, p.(loadedPolicy).content
		return v, nil
	}
	p, err := policy.Load([]byte(v.Content))
	if err != nil {
		return v, fmt.Errorf("loading policy version %d of %s/%d: %w", v.Version, v.District, v.Year, err)
	}
	if p.Hash() != v.Hash {
		return v, fmt.Errorf("loading policy version %d of %s/%d: its content does not have its hash %s", v.Version, v.District, v.Year, v.Hash)
	}
	kept, _ := s.policies.LoadOrStore(v.ID, loadedPolicy{p, v.Content})
	v.Policy = kept.(loadedPolicy).Policy
	return v, nil
}

// PolicyByID gives a version, loaded; CodeNotFound if there is none.
func (s *Store) PolicyByID(ctx context.Context, id int64) (PolicyVersion, error) {
	var r PolicyVersion
	q := s.db.WithContext(ctx)
	if _, ok := s.policies.Load(id); ok {
		q = q.Omit("content") // every step of a case asks
	}
	switch err := q.Take(&r, id).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return PolicyVersion{}, models.NotFound("没有编号为 %d 的政策版本", id)
	case err != nil:
		return PolicyVersion{}, fmt.Errorf("reading policy version %d: %w", id, err)
	}
	return s.loaded(r)
}

// policyByID gives a version's policy alone: without the database once it was read.
func (s *Store) policyByID(ctx context.Context, id int64) (*policy.Policy, error) {
	if p, ok := s.policies.Load(id); ok {
		return p.(loadedPolicy).Policy, nil
	}
	v, err := s.PolicyByID(ctx, id)
	return v.Policy, err
}

// PolicyInForce gives the version in force for a district's year; CodeNotFound if there is none.
func (s *Store) PolicyInForce(ctx context.Context, district string, year int) (PolicyVersion, error) {
	r, err := policyInForce(s.db.WithContext(ctx), district, year)
	if err != nil {
		return PolicyVersion{}, err
	}
	return s.loaded(r)
}

func policyInForce(tx *gorm.DB, district string, year int) (PolicyVersion, error) {
	var r PolicyVersion
	err := tx.Where("district = ? AND year = ? AND state = ?", district, year, models.PolicyInForce).Take(&r).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return r, models.NotFound("%s 区 %d 年度还没有施行的政策", district, year)
	case err != nil:
		return r, fmt.Errorf("reading the policy in force of %s/%d: %w", district, year, err)
	}
	return r, nil
}

// PublishedPolicy gives the version whose standards are public: the one in force if it was published, else the one
// that was published last; CodeNotFound if none was.
func (s *Store) PublishedPolicy(ctx context.Context, district string, year int) (PolicyVersion, error) {
	var r PolicyVersion
	err := s.db.WithContext(ctx).Where("district = ? AND year = ? AND published_at IS NOT NULL", district, year).
		Order("CASE WHEN state = '" + string(models.PolicyInForce) + "' THEN 0 ELSE 1 END, published_at DESC, version DESC").
		Take(&r).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return PolicyVersion{}, models.NotFound("%d 年度的分型分类标准尚未公布", year)
	case err != nil:
		return PolicyVersion{}, fmt.Errorf("reading the published standards of %s/%d: %w", district, year, err)
	}
	return s.loaded(r)
}

// PolicyFilter narrows a list of versions; zero fields do not.
type PolicyFilter struct {
	District string
	Year     int
}

// Policies lists versions after an id, oldest first, without their content and not loaded.
func (s *Store) Policies(ctx context.Context, f PolicyFilter, after int64, limit int) ([]PolicyVersion, error) {
	q := s.db.WithContext(ctx).Omit("content").Where("id > ?", after)
	if f.District != "" {
		q = q.Where("district = ?", f.District)
	}
	if f.Year != 0 {
		q = q.Where("year = ?", f.Year)
	}
	var list []PolicyVersion
	if err := q.Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing policy versions: %w", err)
	}
	return list, nil
}

// AddPolicy stores a policy file as the next version of a district's year, a draft. The same content again is the
// version that it was, and changes nothing. CodeInvalid, with policy.Problems as its cause, for a file that is wrong.
func (s *Store) AddPolicy(ctx context.Context, actor models.Actor, district string, year int, content []byte, note string) (PolicyVersion, error) {
	p, err := policy.Load(content)
	if err != nil {
		return PolicyVersion{}, invalidPolicy(err)
	}
	if p.District != district || p.Year != year {
		return PolicyVersion{}, models.Invalid("content", "政策文件写的是 %s 区 %d 年度，与要存入的 %s 区 %d 年度不符", p.District, p.Year, district, year)
	}
	if len([]rune(note)) > 500 {
		return PolicyVersion{}, models.Invalid("note", "说明最长 500 字")
	}
	var r PolicyVersion
	err = s.policyTx(ctx, func(tx *gorm.DB) error {
		var created bool
		if r, created, err = s.addPolicy(tx, actor, p, content, note); err != nil || !created {
			return err
		}
		return s.audit(tx, actor, "policy.add", policyObject(r.ID), policyDetail(r))
	})
	if err != nil {
		return PolicyVersion{}, fmt.Errorf("storing a policy of %s/%d: %w", district, year, err)
	}
	return s.loaded(r)
}

// invalidPolicy puts the problems of a file into one message that can be read, and keeps them as its cause.
func invalidPolicy(err error) error {
	var problems policy.Problems
	if !errors.As(err, &problems) {
		return err
	}
	e := models.Invalid("content", "政策文件有 %d 处错误：%s", len(problems), problems[0])
	if len(problems) > 1 {
		e.Message += "；其余可用“检查”查看"
	}
	e.Cause = problems
	return e
}

func policyObject(id int64) string { return fmt.Sprintf("policy/%d", id) }

func policyDetail(r PolicyVersion) map[string]any {
	return map[string]any{"district": r.District, "year": r.Year, "version": r.Version, "hash": r.Hash}
}

// policyTx is tx, again when another process stored a version of the same number at the same moment.
func (s *Store) policyTx(ctx context.Context, f func(tx *gorm.DB) error) error {
	for attempt := 1; ; attempt++ {
		if err := s.tx(ctx, f); attempt >= 10 || !errors.Is(err, gorm.ErrDuplicatedKey) {
			return err
		}
	}
}

// addPolicy writes a draft, unless the same content is there already.
func (s *Store) addPolicy(tx *gorm.DB, actor models.Actor, p *policy.Policy, content []byte, note string) (r PolicyVersion, created bool, err error) {
	err = tx.Where("district = ? AND year = ? AND hash = ?", p.District, p.Year, p.Hash()).Take(&r).Error
	if !errors.Is(err, gorm.ErrRecordNotFound) {
		return r, false, err
	}
	var last int
	if err := tx.Raw("SELECT COALESCE(MAX(version), 0) FROM policies WHERE district = ? AND year = ?", p.District, p.Year).Scan(&last).Error; err != nil {
		return r, false, err
	}
	r = PolicyVersion{District: p.District, Year: p.Year, Version: last + 1, Hash: p.Hash(), Content: string(content),
		State: models.PolicyDraft, Note: note, CreatedBy: actor, CreatedAt: s.now()}
	return r, true, tx.Create(&r).Error
}

// PutInForce puts a version in force for its district and year; what was in force is replaced. CodeNotFound if there
// is no such version. Putting in force what is in force changes nothing.
func (s *Store) PutInForce(ctx context.Context, actor models.Actor, id int64) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		r, err := s.lockPolicy(tx, id)
		if err != nil || r.State == models.PolicyInForce {
			return err
		}
		if err := s.putInForce(tx, actor, &r); err != nil {
			return err
		}
		return s.audit(tx, actor, "policy.put_in_force", policyObject(id), policyDetail(r))
	})
	if err != nil {
		return fmt.Errorf("putting policy version %d in force: %w", id, err)
	}
	return nil
}

// lockPolicy reads a version and locks every version of its district and year, so that two administrators who
// put two versions in force at once do it one after the other.
func (s *Store) lockPolicy(tx *gorm.DB, id int64) (PolicyVersion, error) {
	var r PolicyVersion
	switch err := tx.Take(&r, id).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return r, models.NotFound("没有编号为 %d 的政策版本", id)
	case err != nil:
		return r, err
	}
	var ids []int64
	if err := s.forUpdate(tx).Model(&PolicyVersion{}).Where("district = ? AND year = ?", r.District, r.Year).Order("id").Pluck("id", &ids).Error; err != nil {
		return r, err
	}
	return r, s.forUpdate(tx).Take(&r, id).Error // as it is now that it is locked
}

func (s *Store) putInForce(tx *gorm.DB, actor models.Actor, r *PolicyVersion) error {
	err := tx.Model(&PolicyVersion{}).Where("district = ? AND year = ? AND state = ?", r.District, r.Year, models.PolicyInForce).
		Update("state", models.PolicyReplaced).Error
	if err != nil {
		return err
	}
	now := s.now()
	r.State, r.InForceBy, r.InForceAt = models.PolicyInForce, actor, &now
	return tx.Model(&PolicyVersion{}).Where("id = ?", r.ID).
		Updates(map[string]any{"state": r.State, "in_force_by": r.InForceBy, "in_force_at": now}).Error
}

// EnsurePolicy gives the version in force for a district's year. Where none is, the work plan's own policy is stored
// and put in force, its amounts being placeholders until an administrator replaces them.
func (s *Store) EnsurePolicy(ctx context.Context, district string, year int) (PolicyVersion, error) {
	v, err := s.PolicyInForce(ctx, district, year)
	if models.CodeOf(err) != models.CodeNotFound {
		return v, err
	}
	content := policy.Default(district, year)
	p, err := policy.Load(content)
	if err != nil { // the embedded file is checked by tests, so it is the district or the year
		return PolicyVersion{}, invalidPolicy(err)
	}
	var r PolicyVersion
	err = s.policyTx(ctx, func(tx *gorm.DB) error {
		if r, _, err = s.addPolicy(tx, models.ActorSystem, p, content, "工作方案默认政策，数额待区里确认"); err != nil {
			return err
		}
		if r, err = s.lockPolicy(tx, r.ID); err != nil {
			return err
		}
		other, err := policyInForce(tx, district, year) // another may have been quicker
		if models.CodeOf(err) != models.CodeNotFound {
			r = other
			return err
		}
		if err := s.putInForce(tx, models.ActorSystem, &r); err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "policy.put_in_force", policyObject(r.ID), policyDetail(r))
	})
	if err != nil {
		return PolicyVersion{}, fmt.Errorf("putting the default policy of %s/%d in force: %w", district, year, err)
	}
	return s.loaded(r)
}

// PublishPolicy makes the standards of the version in force public, and with that fulfils what the bureau owes of the
// year's cycle, if there is one (二(一)1). CodeConflict for a version that is not in force. Again keeps the first date.
func (s *Store) PublishPolicy(ctx context.Context, actor models.Actor, id int64) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		r, err := s.lockPolicy(tx, id)
		switch {
		case err != nil:
			return err
		case r.State != models.PolicyInForce:
			return models.Conflict("只有施行中的政策才能公布，这一版是%s", r.State.Name())
		}
		if err := tx.Model(&PolicyVersion{}).Where("id = ? AND published_at IS NULL", id).Update("published_at", s.now()).Error; err != nil {
			return err
		}
		cycle := models.CycleID(r.District, r.Year)
		today, err := s.cycleToday(tx, cycle)
		if err != nil {
			return err
		}
		if err := s.fulfilObligation(tx, cycle, models.ObligationStandards, "", models.BureauCode, today, actor); err != nil {
			return err
		}
		return s.audit(tx, actor, "policy.publish", policyObject(id), policyDetail(r))
	})
	if err != nil {
		return fmt.Errorf("publishing policy version %d: %w", id, err)
	}
	return nil
}

// cycleToday is the civil date in which a cycle lives, which is another one while it is rehearsed.
func (s *Store) cycleToday(tx *gorm.DB, cycle string) (calendar.Date, error) {
	var text string
	if err := tx.Raw("SELECT clock FROM cycles WHERE id = ?", cycle).Scan(&text).Error; err != nil {
		return 0, fmt.Errorf("reading the clock of cycle %s: %w", cycle, err)
	}
	var clock calendar.Clock
	if text != "" {
		if err := json.Unmarshal([]byte(text), &clock); err != nil {
			return 0, fmt.Errorf("reading the clock of cycle %s: %w", cycle, err)
		}
	}
	return clock.Today(s.now()), nil
}
