package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Unit is what a parameter counts.
type Unit string

// The units, as they are written behind the number.
const (
	UnitYuan     Unit = "元"
	UnitWan      Unit = "万元"
	UnitPersons  Unit = "人"
	UnitYears    Unit = "年"
	UnitPercent  Unit = "%"
	UnitWorkdays Unit = "个工作日"
	UnitDays     Unit = "天"
)

// units, longest first, so that 万元 is not taken for 元.
var units = []Unit{UnitWorkdays, UnitWan, UnitYuan, UnitPersons, UnitYears, UnitPercent, UnitDays}

// Value is a parameter's value: an amount in its unit. Amount is in 分 for money, in hundredths of a percent
// for a share (5% = 500), otherwise the number itself.
type Value struct {
	Amount int64
	Unit   Unit
}

// maxAmount bounds every value: 10^13 分 is 1,000 亿元, so that no sum of them overflows.
const maxAmount = 10_000_000_000_000

// scale is how many of Amount make one of the unit.
func (u Unit) scale() int64 {
	switch u {
	case UnitWan:
		return 1_000_000
	case UnitYuan, UnitPercent:
		return 100
	}
	return 1
}

// Money says whether the unit is one of money, so that Amount is in 分.
func (u Unit) Money() bool { return u == UnitYuan || u == UnitWan }

// ParseValue reads 20万元, 1000元, 1,000元, 4人, 2年, 5%, 5个工作日, 30天. The error is in Chinese.
func ParseValue(s string) (Value, error) {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, string(u))
		if !ok {
			continue
		}
		number = strings.ReplaceAll(strings.TrimSpace(number), ",", "")
		if len(number) > 20 || strings.Trim(number, "0123456789.") != "" {
			break
		}
		d, err := decimal.NewFromString(number)
		if err != nil {
			break
		}
		d = d.Mul(decimal.NewFromInt(u.scale()))
		if !d.IsInteger() {
			return Value{}, fmt.Errorf("“%s”太细，%s", s, u.finest())
		}
		if d.GreaterThan(decimal.NewFromInt(maxAmount)) {
			return Value{}, fmt.Errorf("“%s”太大", s)
		}
		return Value{Amount: d.IntPart(), Unit: u}, nil
	}
	return Value{}, fmt.Errorf("“%s”不是数值，应写作“20万元”“1000元”“4人”“2年”“5%%”“5个工作日”或“30天”", s)
}

func (u Unit) finest() string {
	switch {
	case u.Money():
		return "金额最小到分"
	case u == UnitPercent:
		return "比例最小到0.01%"
	}
	return "应为整数"
}

// Number is the value without its unit, exactly: "20", "0.5".
func (v Value) Number() string { return trimmed(v.Amount, v.Unit.scale(), 0) }

// String is the value for people: "20 万元", "4 人", "5%".
func (v Value) String() string {
	number := v.Number()
	if v.Unit == UnitPercent {
		return number + string(v.Unit)
	}
	return number + " " + string(v.Unit)
}

// like writes another amount of the same kind in the value's unit, money with at least two decimals and never
// rounded, so that 19.999999 万元 does not read as 20: "19.99 万元".
func (v Value) like(amount int64) string {
	decimals := 0
	if v.Unit.Money() {
		decimals = 2
	}
	return trimmed(amount, v.Unit.scale(), decimals) + " " + string(v.Unit)
}

// trimmed writes amount/scale exactly, with at least so many decimals.
func trimmed(amount, scale int64, decimals int) string {
	s := strconv.FormatInt(amount/scale, 10)
	width := len(strconv.FormatInt(scale, 10)) - 1
	if width == 0 {
		return s
	}
	fraction := fmt.Sprintf("%0*d", width, amount%scale)
	for len(fraction) > decimals && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return s
	}
	return s + "." + fraction
}
