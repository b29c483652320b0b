// Package paper makes what people hold in their hands: the certificate and the case file as PDF. Pure: the same facts
// give the same bytes.
package paper

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signintech/gopdf"
	"rsc.io/qr"

	"bangfu/models/calendar"
)

// The fonts, with their licences beside them. The serif has what GB 2312 has and the rare characters of names beyond the
// BMP; the fallback has the rest of the BMP; the bold one only what headings need.
var (
	//go:embed fonts/BangfuSerifSC-Regular.ttf
	serif []byte
	//go:embed fonts/BangfuSerifSC-Bold.ttf
	bold []byte
	//go:embed fonts/DroidSansFallbackFull.ttf
	fallback []byte
)

// faces are the fonts in which a character is looked for, in this order.
var (
	regularFaces = []string{"serif", "fallback"}
	boldFaces    = []string{"bold", "serif", "fallback"}
)

// missing stands for a character that no font has, as printers do; what it is stands at the foot of the page.
const missing = '〓'

type colour struct{ r, g, b uint8 }

var (
	ink  = colour{0x22, 0x22, 0x22}
	grey = colour{0x6b, 0x6b, 0x6b}
	pale = colour{0xd9, 0xd3, 0xc7}
	red  = colour{0x9b, 0x1c, 0x1c}
	gold = colour{0xb0, 0x8d, 0x3c}
)

// sheet is a document being written; the first error stays and is given at the end.
type sheet struct {
	pdf  gopdf.GoPdf
	err  error
	lost []rune // characters that no font has

	glyphs map[glyphKey]glyph // what was looked up
}

// glyphKey is a character in one weight.
type glyphKey struct {
	r    rune
	bold bool
}

// glyph is how a character is written: in which face, as which one, how wide at size 1.
type glyph struct {
	face  string
	r     rune
	width float64
}

// newSheet begins a document; on is the date that it bears, so that the same facts give the same bytes.
func newSheet(size gopdf.Rect, title string, on calendar.Date) *sheet {
	s := &sheet{glyphs: map[glyphKey]glyph{}}
	s.pdf.Start(gopdf.Config{PageSize: size})
	s.pdf.SetInfo(gopdf.PdfInfo{Title: title, Producer: "bangfu", CreationDate: on.At(0, 0).In(time.UTC)})
	for _, f := range []struct {
		name string
		data []byte
	}{{"serif", serif}, {"bold", bold}, {"fallback", fallback}} {
		s.note(s.pdf.AddTTFFontData(f.name, f.data))
	}
	return s
}

func (s *sheet) note(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

func (s *sheet) bytes() ([]byte, error) {
	if s.err != nil {
		return nil, fmt.Errorf("writing a PDF: %w", s.err)
	}
	return s.pdf.GetBytesPdfReturnErr()
}

// style is how a text looks.
type style struct {
	size    float64
	bold    bool
	colour  colour
	spacing float64 // between characters
}

// run is a piece of a text in one font.
type run struct {
	face string
	text string
}

// runs splits a text by the fonts that have its characters.
func (s *sheet) runs(text string, st style) []run {
	var out []run
	for _, r := range text {
		g := s.glyph(glyphKey{r, st.bold})
		if n := len(out); n > 0 && out[n-1].face == g.face {
			out[n-1].text += string(g.r)
		} else {
			out = append(out, run{g.face, string(g.r)})
		}
	}
	return out
}

// glyph finds how a character is written, once.
func (s *sheet) glyph(k glyphKey) glyph {
	if g, ok := s.glyphs[k]; ok {
		return g
	}
	faces := regularFaces
	if k.bold {
		faces = boldFaces
	}
	g := glyph{face: s.face(faces, k.r), r: k.r}
	if g.face == "" {
		if !slices.Contains(s.lost, k.r) {
			s.lost = append(s.lost, k.r)
		}
		g.face, g.r = "serif", missing
	}
	const size = 100.0
	s.note(s.pdf.SetFont(g.face, "", size))
	w, err := s.pdf.MeasureTextWidth(string(g.r))
	s.note(err)
	g.width = w / size
	s.glyphs[k] = g
	return g
}

func (s *sheet) face(faces []string, r rune) string {
	for _, f := range faces {
		s.note(s.pdf.SetFont(f, "", 10))
		has, err := s.pdf.IsCurrFontContainGlyph(r)
		s.note(err)
		if has {
			return f
		}
	}
	return ""
}

// width is how wide a text is.
func (s *sheet) width(text string, st style) float64 {
	var w float64
	for _, r := range text {
		w += s.glyph(glyphKey{r, st.bold}).width*st.size + st.spacing
	}
	return w
}

// text writes one line; y is its top.
func (s *sheet) text(x, y float64, text string, st style) {
	s.pdf.SetTextColor(st.colour.r, st.colour.g, st.colour.b)
	for _, r := range s.runs(text, st) {
		pieces := []string{r.text}
		if st.spacing != 0 {
			pieces = strings.Split(r.text, "")
		}
		for _, piece := range pieces {
			s.note(s.pdf.SetFont(r.face, "", st.size))
			s.pdf.SetXY(x, y+st.size) // on a common base line whatever the font
			s.note(s.pdf.Text(piece))
			x += s.width(piece, st)
		}
	}
}

// centred writes one line around x, smaller if it would be wider than most.
func (s *sheet) centred(x, y, most float64, text string, st style) {
	st, w := s.fit(text, st, most)
	s.text(x-(w-st.spacing)/2, y, text, st)
}

// fit makes a style smaller until a text is at most so wide.
func (s *sheet) fit(text string, st style, most float64) (style, float64) {
	w := s.width(text, st)
	for w > most && st.size > 7 {
		st.size *= 0.95
		st.spacing *= 0.9
		w = s.width(text, st)
	}
	return st, w
}

// noBreakBefore may not begin a line, noBreakAfter may not end one.
const (
	noBreakBefore = "，。、；：？！）》”’〉】…—%,.;:)"
	noBreakAfter  = "（《“‘〈【("
)

// wrap breaks a text into lines of at most so wide; a word of Latin letters or digits stays whole if it fits on a line.
func (s *sheet) wrap(text string, st style, most float64) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\r", ""), "\n") {
		line, wide := "", 0.0
		flush := func() { lines = append(lines, line); line, wide = "", 0 }
		for _, word := range words(paragraph) {
			w := s.width(word, st)
			if wide+w > most && line != "" {
				flush()
			}
			for w > most { // one word longer than a line
				r := []rune(word)
				n := len(r)
				for n > 1 && s.width(string(r[:n]), st) > most {
					n--
				}
				lines = append(lines, string(r[:n]))
				word = string(r[n:])
				w = s.width(word, st)
			}
			line, wide = line+word, wide+w
		}
		flush()
	}
	return lines
}

// words splits a text where a line may end.
func words(text string) []string {
	var out []string
	var last rune
	for _, r := range text {
		joined := last != 0 && (strings.ContainsRune(noBreakBefore, r) || strings.ContainsRune(noBreakAfter, last) || narrow(r) && narrow(last))
		if n := len(out); joined && n > 0 {
			out[n-1] += string(r)
		} else {
			out = append(out, string(r))
		}
		last = r
	}
	return out
}

func narrow(r rune) bool { return r > ' ' && r < 0x2000 }

func (s *sheet) line(x1, y1, x2, y2, wide float64, c colour) {
	s.pdf.SetLineWidth(wide)
	s.pdf.SetStrokeColor(c.r, c.g, c.b)
	s.pdf.Line(x1, y1, x2, y2)
}

func (s *sheet) frame(x, y, w, h, wide float64, c colour) {
	s.pdf.SetLineWidth(wide)
	s.pdf.SetStrokeColor(c.r, c.g, c.b)
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "D")
}

func (s *sheet) fill(x, y, w, h float64, c colour) {
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

// code draws a QR code of so large as rectangles: sharp at any size.
func (s *sheet) code(x, y, size float64, text string) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		s.note(fmt.Errorf("making a QR code: %w", err))
		return
	}
	dot := size / float64(c.Size)
	for row := range c.Size {
		for col := 0; col < c.Size; col++ {
			from := col
			for col < c.Size && c.Black(col, row) {
				col++
			}
			if col > from { // one rectangle for a run: no hair lines between dots
				s.fill(x+float64(from)*dot, y+float64(row)*dot, float64(col-from)*dot, dot+0.02, ink)
			}
		}
	}
}

// lostText says which characters no font has; empty if none.
func (s *sheet) lostText() string {
	if len(s.lost) == 0 {
		return ""
	}
	codes := make([]string, len(s.lost))
	for i, r := range s.lost {
		codes[i] = fmt.Sprintf("U+%04X", r)
	}
	return "“〓”为字库所缺的字（" + strings.Join(codes, "、") + "），以登记的名称为准"
}
