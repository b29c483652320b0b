package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"bangfu/activities/files"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/store"
)

// imports delivers every source of a district of n households; at the largest size beside LOAD DATA of the same files.
func (b *bench) imports(ctx context.Context, st *store.Store, db *sql.DB, n int, beside bool) (sized, error) {
	s := sized{households: n}
	if beside {
		b.section("Import of one file, every row checked, against LOAD DATA of the same file", "source", "rows", "bangfu", "rows/s", "LOAD DATA", "rows/s", "share")
	}
	for source := range models.SourceCount {
		name := filepath.Join(b.dir, source.String()+".csv")
		f, err := os.Create(name)
		if err != nil {
			return s, err
		}
		if err := synth.Write(f, source, n, 1); err != nil {
			return s, err
		}
		if err := f.Close(); err != nil {
			return s, err
		}
		rows, took, err := b.deliver(ctx, st, source, name)
		if err != nil {
			return s, fmt.Errorf("delivering %s: %w", source, err)
		}
		say("%d 户：导入%s %d 行，%s", n, source.Name(), rows, seconds(took))
		s.imported += rows
		s.importing += took
		if beside && (source == models.SourceRegistry || source == models.SourceTax || source == models.SourceAnnualReport) {
			plain, err := b.loadData(ctx, db, source, name, rows)
			if err != nil {
				return s, fmt.Errorf("LOAD DATA of %s: %w", source, err)
			}
			b.row("`"+source.String()+"`", thousands(rows), seconds(took), rate(rows, took), seconds(plain), rate(rows, plain), fmt.Sprintf("%.0f %%", 100*plain.Seconds()/took.Seconds()))
		}
	}
	_, err := db.ExecContext(ctx, "ANALYZE TABLE src_registry, src_annual_report, src_credit, src_tax, src_social_security, src_ip, src_city_tiering")
	return s, err
}

// deliver imports a received file; the time is that of reading, checking and writing its rows.
func (b *bench) deliver(ctx context.Context, st *store.Store, source models.Source, name string) (int, time.Duration, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	d, err := st.ReceiveDelivery(ctx, models.Delivery{District: synth.District, Year: synth.Year, Source: source, Channel: models.ChannelUpload,
		FileName: filepath.Base(name), By: "system"}, f, 1<<40)
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	r, err := files.Open(f, info.Size(), name, source)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = r.Close() }()
	d, err = st.ImportDelivery(ctx, d.ID, r, nil)
	if err != nil {
		return 0, 0, err
	}
	took := time.Since(begun)
	if d.State != models.DeliveryAccepted || d.Rows.Rejected > 0 {
		return 0, 0, fmt.Errorf("the synthetic file was not accepted whole: %s %+v", d.Reason, d.Rows)
	}
	return d.Rows.Accepted, took, nil
}

// loadData loads the file into an empty table of the same form, as fast as the server can: the one statement that
// somebody would write who trusts the file.
func (b *bench) loadData(ctx context.Context, db *sql.DB, source models.Source, name string, rows int) (time.Duration, error) {
	table := "plain_" + source.String()
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+table+" LIKE src_"+source.String()); err != nil {
		return 0, err
	}
	defer func() { _, _ = db.ExecContext(ctx, "DROP TABLE "+table) }()
	var columns, set []string
	for _, c := range models.Specs[source].Columns {
		v := "@" + c.Name
		columns = append(columns, v)
		switch c.Kind {
		case models.CellBool:
			v = "CASE " + v + " WHEN '是' THEN 1 WHEN '否' THEN 0 END"
		case models.CellYuan:
			v = "NULLIF(" + v + ", '') * 100"
		case models.CellWan:
			v = "NULLIF(" + v + ", '') * 1000000"
		default:
			v = "NULLIF(" + v + ", '')"
		}
		set = append(set, c.Name+" = "+v)
	}
	mysqldriver.RegisterReaderHandler("bench", func() io.Reader {
		f, err := os.Open(name)
		if err != nil {
			return strings.NewReader("")
		}
		return f // closed by the driver
	})
	defer mysqldriver.DeregisterReaderHandler("bench")
	begun := time.Now()
	result, err := db.ExecContext(ctx, fmt.Sprintf(`LOAD DATA LOCAL INFILE 'Reader::bench' INTO TABLE %s CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'
		LINES TERMINATED BY '\r\n' IGNORE 1 LINES (%s) SET district = '%s', year = %d, %s`, table, strings.Join(columns, ", "), synth.District, synth.Year, strings.Join(set, ", ")))
	if err != nil {
		return 0, err
	}
	took := time.Since(begun)
	n, err := result.RowsAffected()
	if err == nil && n != int64(rows) {
		err = fmt.Errorf("it loaded %d of %d rows", n, rows)
	}
	return took, err
}
