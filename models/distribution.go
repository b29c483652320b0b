package models

import (
	"cmp"
	"slices"
)

// Distribution is how a run's households are spread over the tiers (R4).
type Distribution struct {
	Own       TierCounts    // 本区判定
	City      TierCounts    // 市级结果
	Effective TierCounts    // the tiers that count (EffectiveTier)
	OwnByCity TierMatrix    // [本区判定][市级结果]; column NoTier: not in the city's result
	Streets   []GroupCounts // effective tiers per 所属街道, by name; "" = not known
	Trades    []GroupCounts // effective tiers per section (门类) of GB/T 4754, by letter; "" = not known
}

// TierMatrix counts households by two tiers.
type TierMatrix [5][5]int64

// Differing is how many households have a tier in both that is not the same.
func (m TierMatrix) Differing() (n int64) {
	for a := range m {
		for b := range m[a] {
			if a != b && a != int(NoTier) && b != int(NoTier) {
				n += m[a][b]
			}
		}
	}
	return n
}

// GroupCounts is the tiers of one street or trade.
type GroupCounts struct {
	Key    string
	Name   string
	Counts TierCounts
}

// Spread counts a distribution up from cells of households that have everything in common.
type Spread struct {
	d       Distribution
	streets map[string]*TierCounts
	trades  map[Trade]*TierCounts
}

// Add counts n households of a street, 行业代码 and tiers.
func (s *Spread) Add(street, trade string, own, city, effective Tier, n int64) {
	if s.streets == nil {
		s.streets, s.trades = map[string]*TierCounts{}, map[Trade]*TierCounts{}
	}
	s.d.Own[own] += n
	s.d.Effective[effective] += n
	s.d.OwnByCity[own][city] += n
	if city != NoTier {
		s.d.City[city] += n
	}
	count(s.streets, street, effective, n)
	count(s.trades, TradeOf(trade), effective, n)
}

func count[K comparable](m map[K]*TierCounts, key K, tier Tier, n int64) {
	if m[key] == nil {
		m[key] = &TierCounts{}
	}
	m[key][tier] += n
}

// Distribution is what was counted.
func (s *Spread) Distribution() Distribution {
	d := s.d
	d.Streets, d.Trades = []GroupCounts{}, []GroupCounts{}
	for street, c := range s.streets {
		name := street
		if name == "" {
			name = "未填"
		}
		d.Streets = append(d.Streets, GroupCounts{Key: street, Name: name, Counts: *c})
	}
	for trade, c := range s.trades {
		d.Trades = append(d.Trades, GroupCounts{Key: trade.Letter, Name: trade.Name, Counts: *c})
	}
	byKey := func(a, b GroupCounts) int { return cmp.Compare(a.Key, b.Key) }
	slices.SortFunc(d.Streets, byKey)
	slices.SortFunc(d.Trades, byKey)
	return d
}

// Movement is how households moved between the tiers of last year and this year.
type Movement struct {
	Known  bool       // something is known of last year
	Matrix TierMatrix // [last year][this year]; row NoTier: not there last year, column NoTier: left
}

// Direction is the way a household moved.
type Direction string

// The directions.
const (
	DirectionRose Direction = "rose" // 上升
	DirectionFell Direction = "fell" // 下降
	DirectionLeft Direction = "left" // 退出: not in this year's registry
	DirectionNew  Direction = "new"  // 新增: not there last year
)

// Count is how many households moved so.
func (m Movement) Count(d Direction) (n int64) {
	for from := range m.Matrix {
		for to, households := range m.Matrix[from] {
			if d.Is(Tier(from), Tier(to)) {
				n += households
			}
		}
	}
	return n
}

// Is says whether a move is of this direction; NoTier stands for not being there.
func (d Direction) Is(from, to Tier) bool {
	switch d {
	case DirectionRose:
		return from != NoTier && to > from
	case DirectionFell:
		return to != NoTier && to < from
	case DirectionLeft:
		return from != NoTier && to == NoTier
	case DirectionNew:
		return from == NoTier && to != NoTier
	}
	return false
}
