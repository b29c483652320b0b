package policy

// ChangeKind is what became of an item.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is one difference between two policies, in words.
type Change struct {
	Kind   ChangeKind `json:"kind" enum:"added,removed,changed" doc:"added 新增，removed 删除，changed 改动"`
	Key    string     `json:"key" doc:"项目，如 parameters.growth.revenue"`
	Clause string     `json:"clause,omitempty" doc:"依据条款"`
	Name   string     `json:"name" doc:"名称"`
	From   string     `json:"from,omitempty" doc:"原内容"`
	To     string     `json:"to,omitempty" doc:"新内容"`
}

// String is the change in one line: 改动 成长型营业收入标准（附一(三)2(2)A）：20 万元（待确认） → 25 万元.
func (c Change) String() string {
	s := c.Name
	if c.Clause != "" {
		s += "（" + c.Clause + "）"
	}
	switch c.Kind {
	case Added:
		return "新增 " + s + "：" + c.To
	case Removed:
		return "删除 " + s + "：" + c.From
	}
	return "改动 " + s + "：" + c.From + " → " + c.To
}

// Diff lists what b says otherwise than a, in the order of the files; nothing when both say the same, whatever
// their comments and layout.
func Diff(a, b *Policy) []Change {
	old := map[string]Item{}
	for _, s := range a.Outline() {
		for _, i := range s.Items {
			old[i.Key] = i
		}
	}
	var changes []Change
	now := map[string]bool{}
	for _, s := range b.Outline() {
		for _, i := range s.Items {
			now[i.Key] = true
			was, ok := old[i.Key]
			switch {
			case !ok:
				changes = append(changes, Change{Added, i.Key, i.Clause, i.Name, "", i.Value})
			case was.Value != i.Value:
				changes = append(changes, Change{Changed, i.Key, i.Clause, i.Name, was.Value, i.Value})
			case was.Clause != i.Clause:
				changes = append(changes, Change{Changed, i.Key + ".clause", i.Clause, i.Name + "的条款", was.Clause, i.Clause})
			case was.Name != i.Name:
				changes = append(changes, Change{Changed, i.Key + ".name", i.Clause, i.Name + "的名称", was.Name, i.Name})
			}
		}
	}
	for _, s := range a.Outline() {
		for _, i := range s.Items {
			if !now[i.Key] {
				changes = append(changes, Change{Removed, i.Key, i.Clause, i.Name, i.Value, ""})
			}
		}
	}
	return changes
}
