package models

// Category is one of the four categories 名特优新 (附三(三)2).
type Category string

// The categories by their code, as in the policy file.
const (
	Renowned    Category = "renowned"    // 知名
	Distinctive Category = "distinctive" // 特色
	Quality     Category = "quality"     // 优质
	Emerging    Category = "emerging"    // 新兴
)

// Categories lists every category in the order of the law.
var Categories = []Category{Renowned, Distinctive, Quality, Emerging}

var categoryNames = map[Category]string{Renowned: "知名", Distinctive: "特色", Quality: "优质", Emerging: "新兴"}

// Name is the term of the law, such as 知名; empty for no category.
func (c Category) Name() string { return categoryNames[c] }

// ParseCategory reads the code or the term of the law.
func ParseCategory(s string) (Category, error) {
	for _, c := range Categories {
		if s == string(c) || s == c.Name() {
			return c, nil
		}
	}
	return "", Invalid("category", "“%s”不是分类，应为知名、特色、优质或新兴", s)
}
