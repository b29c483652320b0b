package files

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// token is what xmlScanner meets.
type token uint8

const (
	tokenStart token = iota
	tokenEnd
	tokenText
)

// Faults of an XML part. Each means that the workbook is refused.
var (
	errXML     = errors.New("not well-formed XML")
	errXMLSize = errors.New("an XML token is too long")
	errDoctype = errors.New("XML with a document type")
)

// xmlScanner is a small pull parser for the parts of a workbook: elements by their local names, attributes, text. It holds one token
// in memory at a time. Document types are refused, and with them every trick with entities.
type xmlScanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	depth    int
	rooted   bool
	closing  bool   // an element like <c/> still owes its end
	name     []byte // local name of the last start or end
	attrs    []byte // raw attributes of the last start
	text     []byte // raw text, entities not decoded
	literal  bool   // text is a CDATA section
}

func newXMLScanner(r io.Reader) *xmlScanner { return &xmlScanner{r: r, buf: make([]byte, 64<<10)} }

// fill reads on, keeping buf[pos:end]; false at the end.
func (x *xmlScanner) fill() (bool, error) {
	if x.eof {
		return false, nil
	}
	if x.pos > 0 {
		copy(x.buf, x.buf[x.pos:x.end])
		x.end -= x.pos
		x.pos = 0
	}
	if x.end == len(x.buf) {
		if len(x.buf) >= 2*MaxLine {
			return false, errXMLSize
		}
		x.buf = append(x.buf, make([]byte, len(x.buf))...)
	}
	n, err := x.r.Read(x.buf[x.end:])
	x.end += n
	if errors.Is(err, io.EOF) {
		x.eof = true
		return n > 0, nil
	}
	return true, err
}

// find gives where sep begins, counted from pos, searching from byte from on.
func (x *xmlScanner) find(sep string, from int) (int, error) {
	for {
		if x.pos+from <= x.end {
			if i := bytes.Index(x.buf[x.pos+from:x.end], []byte(sep)); i >= 0 {
				return from + i, nil
			}
			from = max(from, x.end-x.pos-len(sep)+1)
		}
		more, err := x.fill()
		if err != nil {
			return 0, err
		}
		if !more {
			return 0, errXML
		}
	}
}

// next gives the next token; io.EOF once the root element has ended and nothing is left.
func (x *xmlScanner) next() (token, error) {
	if x.closing {
		x.closing = false
		x.depth--
		return tokenEnd, nil
	}
	for {
		if x.pos == x.end {
			more, err := x.fill()
			if err != nil {
				return 0, err
			}
			if !more {
				if !x.rooted || x.depth > 0 {
					return 0, errXML
				}
				return 0, io.EOF
			}
			continue
		}
		if x.buf[x.pos] != '<' {
			if x.depth == 0 {
				if c := x.buf[x.pos]; !xmlSpace(c) && c != 0xEF && c != 0xBB && c != 0xBF {
					return 0, errXML
				}
				x.pos++
				continue
			}
			i, err := x.find("<", 0)
			if err != nil {
				return 0, err
			}
			x.text, x.literal = x.buf[x.pos:x.pos+i], false
			x.pos += i
			return tokenText, nil
		}
		for x.end-x.pos < 9 && !x.eof {
			if _, err := x.fill(); err != nil {
				return 0, err
			}
		}
		switch b := x.buf[x.pos:x.end]; {
		case len(b) < 3:
			return 0, errXML
		case b[1] == '?':
			if err := x.skip("?>", 2); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(b, []byte("<!--")):
			if err := x.skip("-->", 4); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(b, []byte("<![CDATA[")) && x.depth > 0:
			i, err := x.find("]]>", 9)
			if err != nil {
				return 0, err
			}
			x.text, x.literal = x.buf[x.pos+9:x.pos+i], true
			x.pos += i + 3
			return tokenText, nil
		case b[1] == '!':
			return 0, errDoctype
		case b[1] == '/':
			i, err := x.find(">", 2)
			if err != nil {
				return 0, err
			}
			if x.depth--; x.depth < 0 {
				return 0, errXML
			}
			x.name = local(trimRight(x.buf[x.pos+2 : x.pos+i]))
			x.pos += i + 1
			return tokenEnd, nil
		default:
			return tokenStart, x.start()
		}
	}
}

// skip passes what ends with sep, however long.
func (x *xmlScanner) skip(sep string, from int) error {
	i, err := x.find(sep, from)
	x.pos += i + len(sep)
	return err
}

// start reads a start tag.
func (x *xmlScanner) start() error {
	if x.depth == 0 && x.rooted {
		return errXML
	}
	end := 1
	for quote := byte(0); ; end++ {
		for x.pos+end >= x.end {
			more, err := x.fill()
			if err != nil {
				return err
			}
			if !more {
				return errXML
			}
		}
		c := x.buf[x.pos+end]
		if quote != 0 {
			if c == quote {
				quote = 0
			}
			continue
		}
		if c == '"' || c == '\'' {
			quote = c
		} else if c == '>' {
			break
		} else if c == '<' {
			return errXML
		}
	}
	tag := x.buf[x.pos+1 : x.pos+end]
	x.pos += end + 1
	if x.closing = len(tag) > 0 && tag[len(tag)-1] == '/'; x.closing {
		tag = tag[:len(tag)-1]
	}
	i := 0
	for i < len(tag) && !xmlSpace(tag[i]) {
		i++
	}
	if i == 0 {
		return errXML
	}
	x.name, x.attrs = local(tag[:i]), tag[i:]
	x.depth++
	x.rooted = true
	return nil
}

// trimLeft and trimRight drop the white space of XML; bytes.Trim builds a set at every call.
func trimLeft(b []byte) []byte {
	for len(b) > 0 && xmlSpace(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && xmlSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func xmlSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// local drops a namespace's prefix.
func local(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// attr gives an attribute of the last start by its local name, entities not decoded.
func (x *xmlScanner) attr(name string) ([]byte, bool) {
	b := x.attrs
	for {
		b = trimLeft(b)
		eq := bytes.IndexByte(b, '=')
		if eq < 0 {
			return nil, false
		}
		key := trimRight(b[:eq])
		b = trimLeft(b[eq+1:])
		if len(b) == 0 || b[0] != '"' && b[0] != '\'' {
			return nil, false
		}
		end := bytes.IndexByte(b[1:], b[0])
		if end < 0 {
			return nil, false
		}
		if string(local(key)) == name && !bytes.HasPrefix(key, []byte("xmlns")) {
			return b[1 : 1+end], true
		}
		b = b[end+2:]
	}
}

// attrText gives an attribute's text.
func (x *xmlScanner) attrText(name string) string {
	raw, _ := x.attr(name)
	return string(appendText(nil, raw, false))
}

var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

// appendText decodes entities and Excel's own escapes such as _x000D_.
func appendText(dst, raw []byte, literal bool) []byte {
	if literal || bytes.IndexByte(raw, '&') < 0 && !bytes.Contains(raw, []byte("_x")) {
		return append(dst, raw...)
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '&':
			if end := bytes.IndexByte(raw[i:], ';'); end > 1 && end < 12 {
				if r, ok := entity(string(raw[i+1 : i+end])); ok {
					dst = utf8.AppendRune(dst, r)
					i += end
					continue
				}
			}
		case c == '_' && i+7 <= len(raw) && raw[i+1] == 'x' && raw[i+6] == '_':
			if n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16); err == nil {
				dst = utf8.AppendRune(dst, rune(n))
				i += 6
				continue
			}
		}
		dst = append(dst, raw[i])
	}
	return dst
}

func entity(name string) (rune, bool) {
	if c, ok := entities[name]; ok {
		return rune(c), true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	base, number := 10, name[1:]
	if number[0] == 'x' || number[0] == 'X' {
		base, number = 16, number[1:]
	}
	n, err := strconv.ParseUint(number, base, 32)
	return rune(n), err == nil && n <= utf8.MaxRune
}
