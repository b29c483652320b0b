package activities

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Certification certifies what is proposed, reports it to the city and keeps what comes of the city's spot check (附三(二)2).
type Certification struct {
	Store   *store.Store
	Program string // program version, named in every certification
}

// OpenCertificationInput names the cycle, the date by which the bureau owes the certification, and the civil date.
type OpenCertificationInput struct {
	CycleID string
	Due     calendar.Date
	Today   calendar.Date
}

// OpenCertification makes the bureau owe the certification and says where it stands. Natural key: the cycle.
func (a *Certification) OpenCertification(ctx context.Context, in OpenCertificationInput) (models.CertificationBoard, error) {
	b, err := a.Store.OpenCertification(ctx, in.CycleID, in.Due, in.Today)
	return b, lasting(err)
}

// certifyPage is how many households are certified in one transaction.
const certifyPage = 50

// CertifyPageInput is an administrator's order, and the application after which the page begins.
type CertifyPageInput struct {
	CycleID string
	Order   models.CertificationOrder
	Today   calendar.Date
	After   int64
}

// CertifyPage certifies one page of what is proposed. Natural key: each application; who was certified is not looked at again.
func (a *Certification) CertifyPage(ctx context.Context, in CertifyPageInput) (models.CertificationPage, error) {
	p, err := a.Store.CertifyProposed(ctx, in.CycleID, in.Order, in.Today, a.Program, in.After, certifyPage)
	return p, lasting(err)
}

// ReadCertificationInput names the cycle.
type ReadCertificationInput struct{ CycleID string }

// ReadCertification says where the certification stands.
func (a *Certification) ReadCertification(ctx context.Context, in ReadCertificationInput) (models.CertificationBoard, error) {
	b, err := a.Store.CertificationBoard(ctx, in.CycleID)
	return b, lasting(err)
}

// ReportToCityInput names the cycle, the date of the certification and the civil date.
type ReportToCityInput struct {
	CycleID string
	Due     calendar.Date
	Today   calendar.Date
}

// CityReportHeader is the header of the report to the city.
var CityReportHeader = []string{"认定编号", "统一社会信用代码", "名称", "区划代码", "年度", "分型结果", "认定分类", "申报方式", "认定日期", "有效期至", "政策版本"}

// ReportToCity writes what was certified into the file for the city, keeps it, and says where the certification stands.
// Natural key: the cycle; the report is made once.
func (a *Certification) ReportToCity(ctx context.Context, in ReportToCityInput) (models.CertificationBoard, error) {
	b, err := a.reportToCity(ctx, in)
	return b, lasting(err)
}

func (a *Certification) reportToCity(ctx context.Context, in ReportToCityInput) (models.CertificationBoard, error) {
	var file bytes.Buffer
	table := files.NewCSVWriter(&file)
	if err := table.Row(CityReportHeader...); err != nil {
		return models.CertificationBoard{}, err
	}
	r := models.CityReport{CycleID: in.CycleID, ReportedOn: in.Today}
	for after := 0; ; {
		page, err := a.Store.CityReportPage(ctx, in.CycleID, after, 500)
		if err != nil {
			return models.CertificationBoard{}, err
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			err := table.Row(c.Number, c.USCC, c.Name, c.District, c.CycleID[len(c.District)+1:], c.Tier.String(), c.Category.Name(), c.Origin.Name(),
				c.CertifiedOn.String(), c.ValidUntil.String(), models.PolicyLabel(c.PolicyVersion, c.PolicyHash))
			if err != nil {
				return models.CertificationBoard{}, err
			}
			r.Certified++
			after = c.Seat
		}
	}
	if err := table.Close(); err != nil {
		return models.CertificationBoard{}, err
	}
	sum := sha256.Sum256(file.Bytes())
	r.SHA256 = hex.EncodeToString(sum[:])
	return a.Store.ReportToCity(ctx, r, file.Bytes(), in.Due)
}

// ActOnCityInput is a command of the spot check. Natural key: its CycleID and CommandID.
type ActOnCityInput struct {
	Command models.CityCommand
	Today   calendar.Date
}

// ActOnCity carries the command out and says where the certification stands.
func (a *Certification) ActOnCity(ctx context.Context, in ActOnCityInput) (models.CertificationBoard, error) {
	b, err := a.Store.ActOnCity(ctx, in.Command, in.Today)
	return b, lasting(err)
}

// EndCityCheckInput names the cycle and the civil date.
type EndCityCheckInput struct {
	CycleID string
	Today   calendar.Date
}

// EndCityCheck closes a spot check whose date came with nothing open. Natural key: the cycle.
func (a *Certification) EndCityCheck(ctx context.Context, in EndCityCheckInput) (models.CertificationBoard, error) {
	b, err := a.Store.EndCityCheck(ctx, in.CycleID, in.Today)
	return b, lasting(err)
}

// MoveCityDueInput names the cycle, the plan's new date of the certification and the civil date.
type MoveCityDueInput struct {
	CycleID string
	Due     calendar.Date
	Today   calendar.Date
}

// MoveCityDue gives the spot check another last day. Natural key: the cycle.
func (a *Certification) MoveCityDue(ctx context.Context, in MoveCityDueInput) (models.CertificationBoard, error) {
	b, err := a.Store.MoveCityDue(ctx, in.CycleID, in.Due, in.Today)
	return b, lasting(err)
}
