package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
	"gorm.io/gorm"

	"bangfu/models"
)

// pieceSize is how much of a file lies compressed in one row of delivery_files: far below any server's packet limit.
const pieceSize = 1 << 20

type deliveryRow struct {
	ID             string
	District       string
	Year           int
	Source         string
	Sequence       int
	Channel        string
	FileName       string
	SHA256         string `gorm:"column:sha256"`
	Size           int64
	State          string
	Reason         string
	RowsRead       int
	RowsAccepted   int
	RowsRepeated   int
	RowsRejected   int
	RowsUnmatched  int
	Headers        string
	UnknownColumns string
	ByActor        string
	ReceivedAt     time.Time
	SettledAt      *time.Time
}

func (deliveryRow) TableName() string { return "deliveries" }

func (r deliveryRow) delivery() (models.Delivery, error) {
	source, err := models.ParseSource(r.Source)
	if err != nil {
		return models.Delivery{}, fmt.Errorf("reading delivery %s: %w", r.ID, err)
	}
	d := models.Delivery{
		ID: r.ID, District: r.District, Year: r.Year, Source: source, Sequence: r.Sequence, Channel: models.Channel(r.Channel),
		FileName: r.FileName, SHA256: r.SHA256, Size: r.Size, State: models.DeliveryState(r.State), Reason: r.Reason,
		Rows:           models.Rows{Read: r.RowsRead, Accepted: r.RowsAccepted, Repeated: r.RowsRepeated, Rejected: r.RowsRejected, Unmatched: r.RowsUnmatched},
		UnknownColumns: []string{}, By: r.ByActor, ReceivedAt: r.ReceivedAt,
	}
	if r.SettledAt != nil {
		d.SettledAt = *r.SettledAt
	}
	if err := json.Unmarshal([]byte(r.UnknownColumns), &d.UnknownColumns); err != nil {
		return d, fmt.Errorf("reading delivery %s: %w", r.ID, err)
	}
	return d, nil
}

// ReceiveDelivery stores a file and gives it the next number of its source and year; it has no effect until it is
// imported. meta says District, Year, Source, Channel, FileName and By. Over limit bytes: CodeTooLarge, and nothing
// is left behind. The same file as the newest delivery of its source gives that delivery back instead of a second
// one: settled it is the receipt again, and one that was never imported is taken up again. Only a person's repeated
// upload of a refused file is read anew.
func (s *Store) ReceiveDelivery(ctx context.Context, meta models.Delivery, r io.Reader, limit int64) (models.Delivery, error) {
	file, err := os.CreateTemp("", "bangfu-delivery-*") // mode 0600
	if err != nil {
		return models.Delivery{}, fmt.Errorf("spooling a delivery: %w", err)
	}
	defer discard(file)
	_ = os.Remove(file.Name()) // so that not even a killed process leaves people's data in a shared directory

	hash := sha256.New()
	meta.Size, err = io.Copy(io.MultiWriter(file, hash), io.LimitReader(reader{ctx, r}, limit+1))
	if err != nil {
		return models.Delivery{}, fmt.Errorf("spooling a delivery: %w", err)
	}
	if meta.Size > limit {
		return models.Delivery{}, models.Errorf(models.CodeTooLarge, "文件超过%d MB的上限，请拆分后分次交付", limit>>20)
	}
	meta.SHA256 = hex.EncodeToString(hash.Sum(nil))
	meta.FileName = models.CleanFileName(meta.FileName)

	for attempt := 1; ; attempt++ {
		var out deliveryRow
		err = s.tx(ctx, func(tx *gorm.DB) error {
			out, err = s.receive(tx, meta, io.NewSectionReader(file, 0, meta.Size))
			return err
		})
		if errors.Is(err, gorm.ErrDuplicatedKey) && attempt < 20 {
			continue // another delivery took the number
		}
		if err != nil {
			return models.Delivery{}, fmt.Errorf("storing a delivery of %s: %w", meta.Source, err)
		}
		return out.delivery()
	}
}

// reader ends with the context, so that a worker can stop in the middle of a slow file.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// discard closes and removes a temporary file.
func discard(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

func (s *Store) receive(tx *gorm.DB, d models.Delivery, file io.Reader) (deliveryRow, error) {
	var newest deliveryRow
	if err := tx.Where("district = ? AND year = ? AND source = ?", d.District, d.Year, d.Source.String()).
		Order("sequence DESC").Limit(1).Find(&newest).Error; err != nil {
		return newest, err
	}
	if newest.SHA256 == d.SHA256 && (newest.State != string(models.DeliveryRefused) || d.Channel != models.ChannelUpload) {
		return newest, nil
	}
	row := deliveryRow{
		District: d.District, Year: d.Year, Source: d.Source.String(), Sequence: newest.Sequence + 1, Channel: string(d.Channel),
		FileName: d.FileName, SHA256: d.SHA256, Size: d.Size, State: string(models.DeliveryReceived),
		Headers: "[]", UnknownColumns: "[]", ByActor: d.By, ReceivedAt: s.now(),
	}
	row.ID = models.DeliveryID(d.District, d.Year, d.Source, row.Sequence)
	if err := tx.Create(&row).Error; err != nil {
		return row, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return row, err
	}
	defer func() { _ = encoder.Close() }()
	raw, packed := make([]byte, pieceSize), []byte(nil)
	for piece := 0; ; piece++ {
		n, err := io.ReadFull(file, raw)
		if n > 0 {
			packed = encoder.EncodeAll(raw[:n], packed[:0])
			if err := tx.Exec("INSERT INTO delivery_files (delivery_id, piece, content) VALUES (?, ?, ?)", row.ID, piece, packed).Error; err != nil {
				return row, err
			}
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return row, nil
		case err != nil:
			return row, fmt.Errorf("reading the spooled file: %w", err)
		}
	}
}

// OpenDelivery gives the file as it was delivered, checked against its hash, from a private temporary file that
// cleanup removes.
func (s *Store) OpenDelivery(ctx context.Context, id string) (file io.ReaderAt, size int64, cleanup func(), err error) {
	d, err := s.Delivery(ctx, id)
	if err != nil {
		return nil, 0, nil, err
	}
	f, err := os.CreateTemp("", "bangfu-delivery-*")
	if err != nil {
		return nil, 0, nil, fmt.Errorf("spooling delivery %s: %w", id, err)
	}
	_ = os.Remove(f.Name())
	if err := s.spool(ctx, d, f); err != nil {
		discard(f)
		return nil, 0, nil, fmt.Errorf("spooling delivery %s: %w", id, err)
	}
	return f, d.Size, func() { discard(f) }, nil
}

func (s *Store) spool(ctx context.Context, d models.Delivery, w io.Writer) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*pieceSize))
	if err != nil {
		return err
	}
	defer decoder.Close()
	rows, err := s.sql.QueryContext(ctx, "SELECT content FROM delivery_files WHERE delivery_id = ? ORDER BY piece", d.ID)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	hash, raw := sha256.New(), []byte(nil)
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			return err
		}
		if raw, err = decoder.DecodeAll(packed, raw[:0]); err != nil {
			return err
		}
		hash.Write(raw)
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != d.SHA256 {
		return errors.New("the stored file is not what was delivered: its hash differs")
	}
	return nil
}

// Delivery gives one delivery with its receipt; CodeNotFound if there is none.
func (s *Store) Delivery(ctx context.Context, id string) (models.Delivery, error) {
	return deliveryByID(s.db.WithContext(ctx), id)
}

func deliveryByID(tx *gorm.DB, id string) (models.Delivery, error) {
	var row deliveryRow
	switch err := tx.Where("id = ?", id).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Delivery{}, models.NotFound("没有编号为“%s”的交付", id)
	case err != nil:
		return models.Delivery{}, fmt.Errorf("reading delivery %s: %w", id, err)
	}
	return row.delivery()
}

// DeliveryFilter narrows a list of deliveries; zero values do not.
type DeliveryFilter struct {
	District string
	Year     int
	Source   string
	State    models.DeliveryState
}

// Deliveries lists deliveries, newest first, at most limit of them after the delivery with id after.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter, after string, limit int) ([]models.Delivery, error) {
	q := s.db.WithContext(ctx).Order("received_at DESC, id DESC").Limit(limit)
	for _, c := range [...]struct{ column, value string }{{"district", f.District}, {"source", f.Source}, {"state", string(f.State)}} {
		if c.value != "" {
			q = q.Where(c.column+" = ?", c.value)
		}
	}
	if f.Year != 0 {
		q = q.Where("year = ?", f.Year)
	}
	if after != "" {
		last, err := s.Delivery(ctx, after)
		if err != nil {
			return nil, err
		}
		q = q.Where("received_at < ? OR (received_at = ? AND id < ?)", last.ReceivedAt, last.ReceivedAt, after)
	}
	var rows []deliveryRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	return deliveriesOf(rows)
}

// NewestDeliveries gives the newest accepted delivery of each source of a district's year: what its data rest on.
func (s *Store) NewestDeliveries(ctx context.Context, district string, year int) ([]models.Delivery, error) {
	var rows []deliveryRow
	if err := s.db.WithContext(ctx).Where(`district = ? AND year = ? AND state = ? AND sequence = (SELECT MAX(n.sequence) FROM deliveries n
		WHERE n.district = deliveries.district AND n.year = deliveries.year AND n.source = deliveries.source AND n.state = deliveries.state)`,
		district, year, string(models.DeliveryAccepted)).Order("source").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the deliveries of %s: %w", models.CycleID(district, year), err)
	}
	return deliveriesOf(rows)
}

func deliveriesOf(rows []deliveryRow) ([]models.Delivery, error) {
	out := make([]models.Delivery, 0, len(rows))
	for _, r := range rows {
		d, err := r.delivery()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// RefuseDelivery refuses a delivery whole, for a reason in Chinese; what was there before stays. A settled delivery
// keeps its receipt.
func (s *Store) RefuseDelivery(ctx context.Context, id, reason string) (models.Delivery, error) {
	if r := []rune(reason); len(r) > 500 {
		reason = string(r[:500])
	}
	var d models.Delivery
	err := s.tx(ctx, func(tx *gorm.DB) error {
		done := tx.Exec("UPDATE deliveries SET state = ?, reason = ?, settled_at = ? WHERE id = ? AND state = ?",
			string(models.DeliveryRefused), reason, s.now(), id, string(models.DeliveryReceived))
		if done.Error != nil {
			return fmt.Errorf("refusing delivery %s: %w", id, done.Error)
		}
		var err error
		if d, err = deliveryByID(tx, id); err != nil || done.RowsAffected == 0 {
			return err
		}
		return s.audit(tx, models.Actor(d.By), "delivery.refused", id, map[string]any{"sha256": d.SHA256, "reason": reason})
	})
	return d, err
}

// Rejects gives up to limit rejected rows of a delivery after row number after, in the file's order.
func (s *Store) Rejects(ctx context.Context, id string, after, limit int) ([]models.RejectedRow, error) {
	rows, err := s.sql.QueryContext(ctx, "SELECT row_no, problems, cells FROM delivery_rejects WHERE delivery_id = ? AND row_no > ? ORDER BY row_no LIMIT ?", id, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the rejected rows of %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	var out []models.RejectedRow
	for rows.Next() {
		var r models.RejectedRow
		var problems, cells []byte
		if err := rows.Scan(&r.Number, &problems, &cells); err != nil {
			return nil, fmt.Errorf("reading the rejected rows of %s: %w", id, err)
		}
		if err := errors.Join(json.Unmarshal(problems, &r.Problems), json.Unmarshal(cells, &r.Cells)); err != nil {
			return nil, fmt.Errorf("reading rejected row %d of %s: %w", r.Number, id, err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the rejected rows of %s: %w", id, err)
	}
	return out, nil
}

// DeliveryHeaders gives the headers of the delivered file, the columns of its rejected rows' cells.
func (s *Store) DeliveryHeaders(ctx context.Context, id string) ([]string, error) {
	var text []byte
	if err := s.sql.QueryRowContext(ctx, "SELECT headers FROM deliveries WHERE id = ?", id).Scan(&text); err != nil {
		return nil, fmt.Errorf("reading the headers of %s: %w", id, err)
	}
	var headers []string
	if err := json.Unmarshal(text, &headers); err != nil {
		return nil, fmt.Errorf("reading the headers of %s: %w", id, err)
	}
	return headers, nil
}
