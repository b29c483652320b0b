package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

const (
	utf8BOM = "\uFEFF"
	// chunk is how much of the file is read at once.
	chunk = 256 << 10
	// maxQuotedLines and maxQuoted bound a row whose quoted cells hold line breaks. An opening quote that is not closed within
	// them is a broken one; without the first, a file made of such quotes would cost a long search at every line.
	maxQuotedLines = 100
	maxQuoted      = 64 << 10
	brokenQuote    = "引号没有成对，本行无法分列"
)

// csvFile reads comma-separated rows. Quotes are taken as Excel takes them: a cell that begins with one is quoted and may hold
// commas, doubled quotes and line breaks; a quote elsewhere is a character. A quote that breaks its row must not swallow the rows
// behind it: when a quoted cell does not end properly, or when a row over several lines has not as many cells as the header,
// only its first line is rejected, and reading goes on at the next line.
type csvFile struct {
	r         io.ReaderAt
	size, off int64 // off: where the next chunk begins
	buf       []byte
	pos, end  int // buf[pos:end] is read from the file, but not yet taken
	eol       byte
	number    int  // of the last row
	width     int  // cells of the header, 0 before it
	decided   bool // whether the encoding is known; lines of pure ASCII do not tell
	gb18030   bool
	text      []byte // scratch: unquoted or decoded cells
	decoded   []byte
	ends      []int // where each quoted cell ends in text
	decoder   transform.Transformer
}

func newCSV(r io.ReaderAt, size int64) *csvFile {
	return &csvFile{r: r, size: size, eol: '\n', decoder: simplifiedchinese.GB18030.NewDecoder()}
}

func (f *csvFile) read() int64  { return f.off - int64(f.end-f.pos) }
func (f *csvFile) close() error { return nil }

// fill reads another chunk behind what is not yet taken; false at the end of the file.
func (f *csvFile) fill() (bool, error) {
	if f.off >= f.size {
		return false, nil
	}
	if f.pos > 0 {
		copy(f.buf, f.buf[f.pos:f.end])
		f.end -= f.pos
		f.pos = 0
	}
	if need := f.end + chunk; need > len(f.buf) {
		f.buf = append(make([]byte, 0, need+chunk), f.buf[:f.end]...)[:need+chunk]
	}
	n, err := f.r.ReadAt(f.buf[f.end:f.end+int(min(chunk, f.size-f.off))], f.off)
	if n == 0 && err != nil {
		if errors.Is(err, io.EOF) {
			return false, refuse("文件不完整，请重新提供")
		}
		return false, fmt.Errorf("read the file at byte %d: %w", f.off, err)
	}
	first := f.off == 0
	f.end += n
	f.off += int64(n)
	if first {
		if bytes.HasPrefix(f.buf[:f.end], []byte(utf8BOM)) {
			f.pos, f.decided = len(utf8BOM), true
		}
		if head := f.buf[:f.end]; bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
			f.eol = '\r' // Excel for Mac, "CSV (Macintosh)"
		}
	}
	return true, nil
}

func (f *csvFile) next(rec *record) error {
	for {
		line, after, err := f.line()
		if err != nil {
			return err
		}
		f.number++
		rec.number, rec.broken, rec.cells = f.number, "", rec.cells[:0]
		if bytes.IndexByte(line, '"') < 0 {
			f.decide(line)
			rec.cells = splitCommas(rec.cells, string(f.decode(line)))
			f.pos = after
		} else if err := f.quoted(rec, len(line)); err != nil {
			return err
		}
		if blank(rec.cells) {
			continue
		}
		if f.width == 0 {
			f.width = len(rec.cells)
		}
		return nil
	}
}

// line gives the next line without its end and where the one behind it begins; it does not take it yet.
func (f *csvFile) line() (line []byte, after int, err error) {
	for searched := 0; ; {
		if i := bytes.IndexByte(f.buf[f.pos+searched:f.end], f.eol); i >= 0 {
			i += f.pos + searched
			return bytes.TrimSuffix(f.buf[f.pos:i], []byte("\r")), i + 1, nil
		}
		searched = f.end - f.pos
		if searched > MaxLine {
			return nil, 0, refuse("第%d行超过%d字节，不是有效的表格", f.number+1, MaxLine)
		}
		more, err := f.fill()
		if err != nil {
			return nil, 0, err
		}
		if !more {
			if f.pos == f.end {
				return nil, 0, io.EOF
			}
			return bytes.TrimSuffix(f.buf[f.pos:f.end], []byte("\r")), f.end, nil
		}
	}
}

// quoted reads a row whose first line has quotes, and takes the lines that it needs.
func (f *csvFile) quoted(rec *record, firstLine int) error {
	for {
		n, reason, more := f.unquote(f.buf[f.pos:f.end])
		if more && f.end-f.pos > MaxLine+maxQuoted {
			reason = brokenQuote
		} else if more {
			ok, err := f.fill()
			if err != nil {
				return err
			}
			if ok {
				continue
			}
			reason = brokenQuote
		}
		row := f.buf[f.pos : f.pos+min(n, f.end-f.pos)]
		if reason == "" && f.width > 0 && len(f.ends) != f.width && n > firstLine+2 {
			reason = fmt.Sprintf("引号没有成对，或单元格内的换行使本行有%d列，而表头有%d列", len(f.ends), f.width)
		}
		if reason != "" {
			line, after, err := f.line()
			if err != nil {
				return err
			}
			f.decide(line)
			rec.cells = splitCommas(rec.cells, string(f.decode(line)))
			rec.broken, f.pos = reason, after
			return nil
		}
		f.decide(row)
		f.pos += n
		start := 0
		for _, end := range f.ends {
			rec.cells = append(rec.cells, string(f.decode(f.text[start:end])))
			start = end
		}
		return nil
	}
}

// unquote splits the row at the beginning of b into text and ends. n is its length with the line's end; reason why it is broken;
// more that b ends within it.
func (f *csvFile) unquote(b []byte) (n int, reason string, more bool) {
	f.text, f.ends = f.text[:0], f.ends[:0]
	eof := f.off >= f.size
	i, lines := 0, 0
	for {
		if i < len(b) && b[i] == '"' {
			i++
			for {
				j := bytes.IndexByte(b[i:], '"')
				if j < 0 {
					lines += bytes.Count(b[i:], []byte{f.eol})
					if eof || len(b) > maxQuoted || lines > maxQuotedLines {
						return i, brokenQuote, false
					}
					return i, "", true
				}
				lines += bytes.Count(b[i:i+j], []byte{f.eol})
				f.text = append(f.text, b[i:i+j]...)
				i += j + 1
				if i > maxQuoted && lines > 0 || lines > maxQuotedLines {
					return i, brokenQuote, false
				}
				if i == len(b) && !eof {
					return i, "", true
				}
				if i < len(b) && b[i] == '"' {
					f.text = append(f.text, '"')
					i++
					continue
				}
				break
			}
			for i < len(b) && b[i] == ' ' {
				i++
			}
		} else {
			j := i
			for j < len(b) && b[j] != ',' && b[j] != f.eol {
				j++
			}
			if j == len(b) && !eof {
				return i, "", true
			}
			cell := b[i:j]
			if j == len(b) || b[j] == f.eol {
				cell = bytes.TrimSuffix(cell, []byte("\r"))
			}
			f.text = append(f.text, cell...)
			i = j
		}
		f.ends = append(f.ends, len(f.text))
		switch {
		case i == len(b) && eof:
			return i, "", false
		case i == len(b), b[i] == '\r' && f.eol == '\n' && i+1 == len(b) && !eof:
			return i, "", true
		case b[i] == ',':
			i++
		case b[i] == f.eol:
			return i + 1, "", false
		case b[i] == '\r' && (i+1 == len(b) || b[i+1] == f.eol):
			return min(i+2, len(b)), "", false
		default:
			return i, brokenQuote, false
		}
	}
}

// decide settles the file's encoding at the first line that is not pure ASCII. Every header is Chinese, so that is the header:
// Chinese text in GB18030 is not valid UTF-8 but for a few odd pairs, and 统一社会信用代码 is not one of them.
func (f *csvFile) decide(line []byte) {
	if f.decided || ascii(line) {
		return
	}
	f.decided, f.gb18030 = true, !utf8.Valid(line)
}

// decode gives a cell or line in UTF-8, U+FFFD where a character cannot be read. In GB18030 no comma, quote or line end is part of
// a longer character, so splitting before decoding is safe.
func (f *csvFile) decode(b []byte) []byte {
	if !f.gb18030 || ascii(b) {
		return b
	}
	if need := 3*len(b) + 16; cap(f.decoded) < need {
		f.decoded = make([]byte, need)
	}
	f.decoder.Reset()
	n, _, err := f.decoder.Transform(f.decoded[:cap(f.decoded)], b, true)
	if err != nil {
		return []byte("\uFFFD")
	}
	return f.decoded[:n]
}

func ascii(b []byte) bool {
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func splitCommas(cells []string, line string) []string {
	for {
		i := strings.IndexByte(line, ',')
		if i < 0 {
			return append(cells, line)
		}
		cells = append(cells, line[:i])
		line = line[i+1:]
	}
}

// blank says whether no cell holds anything but space.
func blank(cells []string) bool {
	for _, c := range cells {
		if c != "" && c[0] > ' ' && c[0] < 0x80 || strings.Trim(c, " \t\r\n\u3000\u00A0\uFEFF") != "" {
			return false
		}
	}
	return true
}
