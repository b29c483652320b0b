package models

import "strconv"

// Trade is a section (门类) of GB/T 4754-2017, the classification of 行业代码.
type Trade struct {
	Letter string
	Name   string
}

// TradeUnknown stands for a code that is missing or in no section.
var TradeUnknown = Trade{"", "未填或无法识别"}

// tradeSections lists the sections by their last division (大类).
var tradeSections = []struct {
	last int
	Trade
}{
	{5, Trade{"A", "农、林、牧、渔业"}},
	{12, Trade{"B", "采矿业"}},
	{43, Trade{"C", "制造业"}},
	{46, Trade{"D", "电力、热力、燃气及水生产和供应业"}},
	{50, Trade{"E", "建筑业"}},
	{52, Trade{"F", "批发和零售业"}},
	{60, Trade{"G", "交通运输、仓储和邮政业"}},
	{62, Trade{"H", "住宿和餐饮业"}},
	{65, Trade{"I", "信息传输、软件和信息技术服务业"}},
	{69, Trade{"J", "金融业"}},
	{70, Trade{"K", "房地产业"}},
	{72, Trade{"L", "租赁和商务服务业"}},
	{75, Trade{"M", "科学研究和技术服务业"}},
	{79, Trade{"N", "水利、环境和公共设施管理业"}},
	{82, Trade{"O", "居民服务、修理和其他服务业"}},
	{83, Trade{"P", "教育"}},
	{85, Trade{"Q", "卫生和社会工作"}},
	{90, Trade{"R", "文化、体育和娱乐业"}},
	{96, Trade{"S", "公共管理、社会保障和社会组织"}},
	{97, Trade{"T", "国际组织"}},
}

// TradeOf finds the section of a code such as 5291, 52, or F5291 (some registers write the letter too).
// Three characters are enough.
func TradeOf(code string) Trade {
	if code != "" && (code[0] >= 'A' && code[0] <= 'T' || code[0] >= 'a' && code[0] <= 't') {
		letter := string(code[0] &^ 0x20)
		for _, s := range tradeSections {
			if s.Letter == letter {
				return s.Trade
			}
		}
	}
	if len(code) < 2 {
		return TradeUnknown
	}
	division, err := strconv.Atoi(code[:2])
	if err != nil || division < 1 {
		return TradeUnknown
	}
	for _, s := range tradeSections {
		if division <= s.last {
			return s.Trade
		}
	}
	return TradeUnknown
}
