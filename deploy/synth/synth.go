// Package synth makes deliveries of any size for benchmarks and tests: made-up households with valid codes, spread over the tiers as
// 西藏 published them for 2025 (24 % 不符合分型条件, 71 % 生存型, 4.4 % 成长型, 0.26 % 发展型). Household i of a seed is the same in
// every source and whatever the number of households, so that the eight files belong together.
package synth

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// District and Year are those of the synthetic deliveries.
const (
	District = "110107"
	Year     = 2026
)

// Write writes the source's CSV file (UTF-8 with BOM) for n households.
func Write(w io.Writer, source models.Source, n int, seed uint64) error {
	b := bufio.NewWriterSize(w, 64<<10)
	if _, err := b.WriteString("\uFEFF"); err != nil {
		return fmt.Errorf("write synthetic %s: %w", source, err)
	}
	for cells := range Rows(source, n, seed) {
		for i, c := range cells {
			if i > 0 {
				_ = b.WriteByte(',') // a bufio.Writer keeps its first error for Flush
			}
			_, _ = b.WriteString(c)
		}
		if _, err := b.WriteString("\r\n"); err != nil {
			return fmt.Errorf("write synthetic %s: %w", source, err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write synthetic %s: %w", source, err)
	}
	return nil
}

// Rows gives the rows of the source's file, the header first. A row is valid until the next.
func Rows(source models.Source, n int, seed uint64) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var row []string
		for _, c := range models.Specs[source].Columns {
			row = append(row, c.Header)
		}
		if !yield(row) {
			return
		}
		for i := range n {
			h := New(seed, i)
			if row = h.row(source, row[:0]); len(row) > 0 && !yield(row) {
				return
			}
		}
	}
}

// Household is one made-up household and what every source knows of it.
type Household struct {
	USCC      string
	Tier      models.Tier // what the embedded default policy gives it
	i         int
	die       die
	founded   calendar.Date
	status    string
	filed     bool
	credit    string // an open record
	abnormal  bool   // 非正常户
	suspended bool
	untaxed   bool  // no 税务登记
	revenue   int64 // 元
	paid      int64 // 分
	payer     string
	insured   int
	ip        string
}

// die is a splitmix64 generator: one multiplication chain per draw, and any household can be drawn alone.
type die uint64

func (d *die) next() uint64 {
	*d += 0x9E3779B97F4A7C15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below gives a number from 0 to n-1.
func (d *die) below(n int) int { return int(d.next() % uint64(n)) }

// New draws household i of a seed.
func New(seed uint64, i int) Household {
	d := die(seed ^ uint64(i)*0xD1342543DE82EF95)
	d.next()
	asOf := calendar.NewDate(Year, 7, 1)
	h := Household{USCC: USCC(i), i: i, status: "存续", filed: true, payer: "小规模纳税人"}
	h.founded = asOf.AddYears(-2).AddDays(-1 - d.below(7000))
	h.revenue = int64(d.below(200_000))
	h.paid = int64(d.below(100_000))
	if d.below(4) == 0 {
		h.status = "在业"
	}
	switch u := d.below(10_000); {
	case u < 2400:
		h.Tier = models.Ineligible
		h.makeIneligible(&d)
	case u < 2400+440:
		h.Tier = models.Growth
		h.makeGrowth(&d)
	case u < 2400+440+26:
		h.Tier = models.Development
		h.makeDevelopment(&d)
	default:
		h.Tier = models.Survival
		h.makeSurvival(&d, asOf)
	}
	h.die = d
	return h
}

func (h *Household) makeIneligible(d *die) {
	switch u := d.below(100); {
	case u < 35:
		h.status = []string{"吊销", "注销", "撤销"}[d.below(3)]
	case u < 85:
		h.filed = false
	case u < 93:
		h.credit = "经营异常"
	case u < 95:
		h.credit = "严重违法失信"
	case u < 98:
		h.abnormal = true
	default:
		h.suspended = true
	}
}

func (h *Household) makeGrowth(d *die) {
	switch d.below(3) {
	case 0:
		h.revenue = 200_000 + int64(d.below(1_000_000))
	case 1:
		h.paid = 100_000 + int64(d.below(900_000))
	default:
		h.insured = 1 + d.below(3)
	}
}

func (h *Household) makeDevelopment(d *die) {
	switch d.below(5) {
	case 0:
		h.revenue = 1_200_000 + int64(d.below(5_000_000))
	case 1:
		h.payer = "一般纳税人"
		h.paid = 1_000_000 + int64(d.below(5_000_000))
	case 2:
		h.insured = 4 + d.below(20)
	case 3:
		h.ip = "商标"
	default:
		h.ip = "专利"
	}
}

// makeSurvival: too small, too young, or without tax registration; the latter two whatever their figures.
func (h *Household) makeSurvival(d *die, asOf calendar.Date) {
	switch u := d.below(100); {
	case u < 8: // new this year
		h.founded = asOf.AddDays(-d.below(180))
		h.filed = false
	case u < 25: // not yet two years old
		h.founded = asOf.AddYears(-2).AddDays(1 + d.below(500))
		h.revenue = int64(d.below(2_000_000))
	case u < 35:
		h.untaxed = true
		h.revenue = int64(d.below(2_000_000))
	}
}

// space is how many codes of one district the seven free characters of MA codes give.
const space = 31 * 31 * 31 * 31 * 31 * 31 * 31

const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// USCC gives the code of household i, with its check character. Codes of neighbours are far apart, as in life.
func USCC(i int) string {
	n := (uint64(i)*15_485_863_001 + 982_451_653) % space // the factor is no multiple of 31: no code comes twice
	b := []byte(District)
	b = append(append([]byte("92"), b...), "MA0000000"...)
	for at := 16; at >= 10; at-- {
		b[at] = alphabet[n%31]
		n /= 31
	}
	body := string(b)
	return body + string(models.USCCCheck(body))
}

var (
	streets = []string{"老山街道", "苹果园街道", "金顶街街道", "古城街道", "八角街道", "鲁谷街道", "八宝山街道", "广宁街道", "五里坨街道"}
	trades  = []struct{ code, name string }{
		{"5291", "五金"}, {"6210", "正餐服务"}, {"5219", "百货零售"}, {"8040", "理发"}, {"5211", "超市"}, {"7519", "信息咨询"}, {"2439", "工艺品"},
	}
	noYes = []string{"否", "是"}
)

// row gives the household's row of a source; none when the source has nothing of it.
func (h *Household) row(source models.Source, row []string) []string {
	d := h.die + die(source)<<32
	last := strconv.Itoa(Year - 1)
	old := h.founded < calendar.NewDate(Year, 1, 1)
	switch source {
	case models.SourceRegistry:
		number := strconv.Itoa(h.i)
		street, trade := streets[d.below(len(streets))], trades[d.below(len(trades))]
		from, to := "", ""
		if h.suspended {
			from, to = "2026-01-10", "2027-01-09"
		}
		kind := ""
		if d.below(100) == 0 {
			kind = []string{"退役军人", "高校毕业生", "残疾人", "返乡创业农民工"}[d.below(4)]
		}
		seasonal := noYes[0]
		if !h.suspended && d.below(50) == 0 {
			seasonal = noYes[1]
		}
		return append(row, h.USCC, "北京样例"+number+trade.name+"店", "样例经营者"+number, h.founded.String(), h.status, street,
			street+"样例路"+number+"号", trade.code, trade.name+"；日用品销售", "owner"+number+"@example.cn", phone(h.i),
			kind, seasonal, from, to)
	case models.SourceAnnualReport:
		if !old || !h.filed && d.below(2) == 0 {
			return row
		}
		filed := ""
		if h.filed {
			filed = calendar.NewDate(Year, 1, 1).AddDays(d.below(180)).String()
		}
		return append(row, h.USCC, last, filed, yuan(h.revenue/100), strconv.Itoa(1+d.below(9)))
	case models.SourceCredit:
		listed := calendar.NewDate(Year-1, 3, 1).AddDays(d.below(300))
		switch {
		case h.credit != "":
			return append(row, h.USCC, h.credit, listed.String(), "", "", "是")
		case d.below(40) == 0:
			return append(row, h.USCC, "经营异常", listed.String(), listed.AddDays(30).String(), "", "是")
		case d.below(100) == 0:
			return append(row, h.USCC, "行政处罚", listed.String(), "", "罚款", "是")
		}
		return row
	case models.SourceTax:
		if !old {
			return row
		}
		registered, abnormal := noYes[1], noYes[0]
		if h.untaxed {
			registered = noYes[0]
		}
		if h.abnormal {
			abnormal = noYes[1]
		}
		return append(row, h.USCC, last, registered, abnormal, h.payer, yuan(h.paid))
	case models.SourceSocialSecurity:
		if !old || h.insured == 0 && d.below(10) > 0 {
			return row
		}
		return append(row, h.USCC, last, strconv.Itoa(h.insured))
	case models.SourceIP:
		if h.ip == "" {
			return row
		}
		used, valid := "", ""
		if h.ip == "商标" {
			used, valid = noYes[1], calendar.NewDate(Year+1+d.below(9), 5, 20).String()
		}
		return append(row, h.USCC, h.ip, "Z"+strconv.Itoa(10_000_000+h.i), used, valid)
	case models.SourceCityTiering:
		tier := h.Tier
		if d.below(50) == 0 { // the joint study needs differences
			tier = models.Tiers[d.below(len(models.Tiers))]
		}
		return append(row, h.USCC, strconv.Itoa(Year), tier.String())
	case models.SourceHonours:
		if d.below(1000) > 0 {
			return row
		}
		return append(row, h.USCC, "诚信经营示范户", "2025-05-01", "区级", noYes[d.below(2)])
	}
	return row
}

// yuan writes hundredths: 分 as 元, or 百元 as 万元.
func yuan(hundredths int64) string {
	part := strconv.FormatInt(hundredths%100, 10)
	if len(part) < 2 {
		part = "0" + part
	}
	return strconv.FormatInt(hundredths/100, 10) + "." + part
}

func phone(i int) string {
	s := strconv.Itoa(i % 100_000_000)
	return "010-" + strings.Repeat("0", 8-len(s)) + s
}
