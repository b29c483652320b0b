package models

// Source is one kind of delivery (contract/data-deliveries.md), and the name of its table, src_<code>.
type Source uint8

// The eight sources, in the order of the contract.
const (
	SourceRegistry       Source = iota // 登记注册
	SourceAnnualReport                 // 年度报告
	SourceCredit                       // 信用监管
	SourceTax                          // 税务
	SourceSocialSecurity               // 社会保障
	SourceIP                           // 知识产权
	SourceCityTiering                  // 市级分型结果
	SourceHonours                      // 表彰奖励
	SourceCount
)

var sourceCodes = [SourceCount]string{"registry", "annual_report", "credit", "tax", "social_security", "ip", "city_tiering", "honours"}
var sourceNames = [SourceCount]string{"登记注册", "年度报告", "信用监管", "税务", "社会保障", "知识产权", "市级分型结果", "表彰奖励"}

// String is the source's code, such as annual_report.
func (s Source) String() string { return sourceCodes[s] }

// Name is the Chinese name, such as 年度报告.
func (s Source) Name() string { return sourceNames[s] }

// ParseSource reads a code.
func ParseSource(code string) (Source, error) {
	for i, c := range sourceCodes {
		if c == code {
			return Source(i), nil
		}
	}
	return 0, Invalid("source", "“%s”不是数据来源，应为 registry、annual_report、credit、tax、social_security、ip、city_tiering 或 honours", code)
}

// MarshalText writes the code.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the code.
func (s *Source) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSource(string(b))
	return err
}
