package paper

import (
	"github.com/signintech/gopdf"

	"bangfu/models"
)

// Certificate is the certificate (证书) of a certification, A4 across: for whom, in which category, by whom, from when until
// when, under which clause, and where anyone can verify it. district is its full name, such as 北京市石景山区. A character of a
// name that no font has shows as 〓 and is named at the foot.
func Certificate(c models.Certification, district, verifyURL string) ([]byte, error) {
	const w, h = 841.89, 595.28
	s := newSheet(gopdf.Rect{W: w, H: h}, "认定证书 "+c.Number, c.CertifiedOn)
	s.pdf.AddPage()
	border(s, w, h)

	middle := w / 2
	s.centred(middle, 74, 500, district, style{size: 19, colour: gold, spacing: 7})
	s.centred(middle, 108, 700, "“"+c.Category.Name()+"”个体工商户", style{size: 43, bold: true, colour: red, spacing: 5})
	s.centred(middle, 170, 500, "认定证书", style{size: 22, colour: ink, spacing: 16})
	s.line(middle-150, 210, middle-12, 210, 0.8, gold)
	s.line(middle+12, 210, middle+150, 210, 0.8, gold)
	diamond(s, middle, 210, 4)

	bearer(s, middle, 226, 660, 52, c.Name)
	s.centred(middle, 284, 640, "统一社会信用代码　"+c.USCC, style{size: 13, colour: grey, spacing: 0.5})
	s.centred(middle, 316, 660, "经申报推荐、审核、走访核实、比选和公示，符合“"+c.Category.Name()+"”个体工商户标准，予以认定。", style{size: 15, colour: ink, spacing: 0.6})

	label, value := style{size: 12, colour: grey, spacing: 1}, style{size: 14, colour: ink}
	for i, row := range [][2]string{
		{"证书编号", c.Number},
		{"认定分类", "“名特优新”之“" + c.Category.Name() + "”"},
		{"认定日期", c.CertifiedOn.Chinese()},
		{"有效期至", c.ValidUntil.Chinese()},
	} {
		x, y := 196.0, 364+float64(i/2)*30
		if i%2 == 1 {
			x = 470
		}
		s.text(x, y+1.5, row[0], label)
		s.text(x+72, y, row[1], value)
	}

	const code = 84.0
	x, y := 80.0, h-80-code
	s.fill(x-5, y-5, code+10, code+10, colour{255, 255, 255})
	s.code(x, y, code, verifyURL)
	s.text(x+code+14, y+14, "扫码查验", style{size: 12, bold: true, colour: ink, spacing: 1})
	small := style{size: 8.5, colour: grey}
	for i, line := range s.wrap(verifyURL, small, 210) {
		s.text(x+code+14, y+36+float64(i)*12, line, small)
	}
	s.text(x+code+14, y+code-12, "依据：本区精准帮扶工作方案二（一）3、附三（二）、（五）", small)

	authority := style{size: 17, colour: ink, spacing: 2}
	authority, wide := s.fit(district+"市场监督管理局", authority, 300)
	right := w - 82
	s.text(right-wide, y+28, district+"市场监督管理局", authority)
	date := style{size: 14, colour: ink, spacing: 1.5}
	s.text(right-wide/2-s.width(c.CertifiedOn.Chinese(), date)/2, y+58, c.CertifiedOn.Chinese(), date)
	if lost := s.lostText(); lost != "" {
		s.centred(middle, h-58, 700, lost, style{size: 8, colour: grey})
	}
	return s.bytes()
}

// bearer writes the household's name as large as it fits into the room, in several lines if it is very long.
func bearer(s *sheet, x, y, w, h float64, name string) {
	st := style{size: 32, colour: ink, spacing: 2}
	lines := s.wrap(name, st, w)
	for st.size > 6 && (len(lines) > 1 && st.size > 20 || float64(len(lines))*st.size*1.3 > h) {
		st.size, st.spacing = st.size-1, 0.5
		lines = s.wrap(name, st, w)
	}
	step := st.size * 1.3
	y += (h - float64(len(lines))*step) / 2
	for i, line := range lines {
		s.centred(x, y+float64(i)*step, w+20, line, st)
	}
}

// border draws the frame: a broad line, a fine one, and corners that turn inwards.
func border(s *sheet, w, h float64) {
	s.fill(0, 0, w, h, colour{0xfd, 0xfb, 0xf5})
	s.frame(26, 26, w-52, h-52, 3.2, gold)
	s.frame(32.5, 32.5, w-65, h-65, 0.7, gold)
	const in, arm = 44.0, 46.0
	for _, corner := range [][4]float64{{in, in, 1, 1}, {w - in, in, -1, 1}, {in, h - in, 1, -1}, {w - in, h - in, -1, -1}} {
		x, y, dx, dy := corner[0], corner[1], corner[2], corner[3]
		s.line(x, y, x+dx*arm, y, 1.4, gold)
		s.line(x, y, x, y+dy*arm, 1.4, gold)
		s.line(x+dx*7, y+dy*7, x+dx*(arm-14), y+dy*7, 0.7, gold)
		s.line(x+dx*7, y+dy*7, x+dx*7, y+dy*(arm-14), 0.7, gold)
		diamond(s, x+dx*15, y+dy*15, 3)
	}
}

func diamond(s *sheet, x, y, r float64) {
	s.pdf.SetFillColor(gold.r, gold.g, gold.b)
	s.pdf.Polygon([]gopdf.Point{{X: x, Y: y - r}, {X: x + r, Y: y}, {X: x, Y: y + r}, {X: x - r, Y: y}}, "F")
}
