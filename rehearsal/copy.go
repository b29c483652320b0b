package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"bangfu/activities/files"
	sampledistrict "bangfu/deploy/sample-district"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// copy fills the rehearsal's installation: district, departments, people without their secrets, policies, working days, and the
// departments' data of the year as files that they will deliver. Repeated after a death it begins anew where it was.
func (i *installation) copy(ctx context.Context) error {
	source := i.Source
	_, err := source.District(ctx, i.rules.District)
	switch {
	case models.CodeOf(err) == models.CodeNotFound && i.rules.District == sampledistrict.District.Code:
		source = nil // the district that comes with the program
	case err != nil:
		return err
	}
	steps := []func(context.Context, *store.Store) error{i.copyDistrict, i.copyPeople, i.copyPolicies, i.copyHolidays, i.copyData}
	for _, step := range steps {
		if err := step(ctx, source); err != nil {
			return fmt.Errorf("copying the district for a rehearsal: %w", err)
		}
	}
	return nil
}

func (i *installation) copyDistrict(ctx context.Context, source *store.Store) error {
	district, departments := sampledistrict.District, sampledistrict.Departments()
	if source != nil {
		var err error
		if district, err = source.District(ctx, i.rules.District); err != nil {
			return err
		}
		if departments, err = source.Departments(ctx, district.Code); err != nil {
			return err
		}
	}
	if err := i.store.SetDistrict(ctx, models.ActorSystem, district); err != nil {
		return err
	}
	for _, d := range departments {
		if err := i.store.SetDepartment(ctx, models.ActorSystem, d); err != nil {
			return err
		}
	}
	return nil
}

// copyPeople copies the district's users without password and tokens, and adds played people until every part can be played.
func (i *installation) copyPeople(ctx context.Context, source *store.Store) error {
	if source != nil {
		for after := int64(0); ; {
			list, err := source.Users(ctx, i.rules.District, after, 500)
			if err != nil {
				return err
			}
			for _, u := range list {
				after = u.ID
				if u.Disabled {
					continue
				}
				if _, err := i.store.AddUser(ctx, models.ActorSystem, u, ""); err != nil && models.CodeOf(err) != models.CodeConflict {
					return err
				}
			}
			if len(list) < 500 {
				break
			}
		}
	}
	return nil
}

// copyPolicies carries the policy of the first year to every year of the rehearsal.
func (i *installation) copyPolicies(ctx context.Context, source *store.Store) error {
	content := policy.Default(i.rules.District, i.rules.Year)
	if source != nil {
		v, err := source.PolicyInForce(ctx, i.rules.District, i.rules.Year)
		if i.rules.PolicyID != 0 {
			if v, err = source.PolicyByID(ctx, i.rules.PolicyID); err == nil && v.District != i.rules.District {
				err = models.NotFound("没有编号为 %d 的政策版本", i.rules.PolicyID)
			}
		}
		switch {
		case err == nil:
			content = []byte(v.Content)
		case models.CodeOf(err) != models.CodeNotFound || i.rules.PolicyID != 0:
			return err
		}
	}
	for year := i.rules.Year; year <= i.rules.Year+i.rules.Years; year++ {
		v, err := i.store.AddPolicy(ctx, models.ActorSystem, i.rules.District, year, policy.For(content, i.rules.District, year), "演练")
		if err == nil {
			err = i.store.PutInForce(ctx, models.ActorSystem, v.ID)
		}
		if err != nil {
			return err
		}
		for _, duty := range v.Sources { // whoever has something to do must be there
			if err := i.needDepartment(ctx, duty.Department, duty.DepartmentName); err != nil {
				return err
			}
		}
		for _, d := range v.Departments {
			if err := i.needDepartment(ctx, d.Code, d.Name); err != nil {
				return err
			}
		}
	}
	return i.needDepartment(ctx, "swj", "区商务局") // a department that recommends
}

func (i *installation) needDepartment(ctx context.Context, code, name string) error {
	_, err := i.store.Department(ctx, i.rules.District, code)
	if code == "" || models.CodeOf(err) != models.CodeNotFound {
		return err
	}
	return i.store.SetDepartment(ctx, models.ActorSystem, models.Department{District: i.rules.District, Code: code, Name: name, Email: code + "@rehearsal.invalid"})
}

// copyHolidays copies what administrators entered of the State Council's notices.
func (i *installation) copyHolidays(ctx context.Context, source *store.Store) error {
	if source == nil {
		return nil
	}
	entered, err := source.Holidays(ctx)
	if err != nil {
		return err
	}
	byYear := map[int][]calendar.Holiday{}
	for _, h := range entered {
		byYear[h.Day.Year()] = append(byYear[h.Day.Year()], h)
	}
	for year, list := range byYear {
		if err := i.store.SetHolidays(ctx, models.ActorSystem, year, list); err != nil {
			return err
		}
	}
	return nil
}

// copyData lays the files ready that the departments will deliver in the first year.
func (i *installation) copyData(ctx context.Context, source *store.Store) error {
	if err := os.MkdirAll(i.dataDir(i.rules.Year), 0o700); err != nil {
		return fmt.Errorf("making the directory of the data: %w", err)
	}
	if source != nil {
		delivered, _, err := source.Delivered(ctx, i.rules.District, i.rules.Year)
		if err != nil {
			return err
		}
		if delivered.Has(models.SourceRegistry) {
			for s := range models.SourceCount {
				if delivered.Has(s) {
					if err := i.writeData(ctx, i.rules.Year, s, inEffect(source, i.rules.District, i.rules.Year, s)); err != nil {
						return err
					}
				}
			}
			return nil
		}
		if i.rules.District != sampledistrict.District.Code || i.rules.Year != sampledistrict.Year {
			return models.Conflict("%d 年还没有交付登记数据，没有可供演练的数据", i.rules.Year)
		}
	} else if i.rules.Year != sampledistrict.Year {
		return models.Conflict("样例区只有 %d 年的数据，请用 --year %d", sampledistrict.Year, sampledistrict.Year)
	}
	entries, err := sampledistrict.Files.ReadDir(".")
	if err != nil {
		return fmt.Errorf("reading the sample district: %w", err)
	}
	for _, e := range entries {
		b, err := sampledistrict.Files.ReadFile(e.Name())
		if err != nil {
			return fmt.Errorf("reading the sample district: %w", err)
		}
		if err := writeFile(filepath.Join(i.dataDir(i.rules.Year), e.Name()), b); err != nil {
			return err
		}
	}
	return nil
}

func (i *installation) dataDir(year int) string {
	return filepath.Join(i.dir, "data", fmt.Sprint(year))
}

// dataFile is the file that a department delivers of a source in a year; empty if there is none.
func (i *installation) dataFile(year int, source models.Source) string {
	found, _ := filepath.Glob(filepath.Join(i.dataDir(year), source.String()+".*"))
	for _, f := range found {
		if path.Ext(f) != ".new" {
			return f
		}
	}
	return ""
}

// rows gives the rows of a source's file, one after the other; a row is valid until the next.
type rows func(ctx context.Context, write func([]models.Value) error) error

// inEffect are the rows of a source as they are in effect in a year.
func inEffect(s *store.Store, district string, year int, source models.Source) rows {
	return func(ctx context.Context, write func([]models.Value) error) error {
		return s.SourceRows(ctx, district, year, source, write)
	}
}

// writeData writes the file of a source that is to be delivered in a year, whole or not at all.
func (i *installation) writeData(ctx context.Context, year int, source models.Source, rows rows) error {
	if err := os.MkdirAll(i.dataDir(year), 0o700); err != nil {
		return fmt.Errorf("making the directory of the data: %w", err)
	}
	name := filepath.Join(i.dataDir(year), source.String()+".csv")
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	err = writeTable(ctx, f, source, rows)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func writeTable(ctx context.Context, w io.Writer, source models.Source, rows rows) error {
	columns := models.Specs[source].Columns
	t := files.NewCSVWriter(w)
	cells := make([]string, len(columns))
	for n, c := range columns {
		cells[n] = c.Header
	}
	if err := t.Row(cells...); err != nil {
		return err
	}
	err := rows(ctx, func(values []models.Value) error {
		for n, c := range columns {
			cells[n] = cellText(c.Kind, values[n])
		}
		return t.Row(cells...)
	})
	if err != nil {
		return err
	}
	return t.Close()
}

// cellText writes a value as a department's file has it.
func cellText(kind models.ColumnKind, v models.Value) string {
	if v.Null {
		return ""
	}
	switch kind {
	case models.CellUSCC, models.CellText, models.CellEnum:
		return strings.TrimSpace(v.Text)
	case models.CellDate:
		return calendar.Date(v.Number).String()
	case models.CellBool:
		return map[bool]string{true: "是", false: "否"}[v.Number != 0]
	case models.CellYuan, models.CellWan:
		return hundredths(v.Number) + "元"
	}
	return fmt.Sprint(v.Number)
}

func hundredths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}
