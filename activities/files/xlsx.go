package files

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"

	"bangfu/models"
)

// The limits of a workbook. A million rows of the widest source are about 1.5 GB of XML at 10:1.
const (
	maxParts     = 4096
	maxDirectory = 4 << 20 // bytes of the zip directory
	maxUnpacked  = 4 << 30 // bytes of all parts together
	maxRatio     = 250     // unpacked to packed, of parts over ratioFrom
	ratioFrom    = 16 << 20
)

var errBomb = errors.New("a part is suspiciously large")

// workbook reads the first sheet of an .xlsx that people can see. It is a reader of its own because it must notice what the usual
// library passes over: a sheet that ends in the middle, numbers that are dates, formulas without a result; and because it is
// several times as fast, in bounded memory.
type workbook struct {
	source  *watched
	name    string
	parts   map[string]*zip.File // by lower-case path
	since   models.Numbering
	strings sharedStrings
	sheet   io.ReadCloser
	xml     *xmlScanner
	inData  bool
	number  int
	text    []byte // of the row's cells, one after the other
	spans   []span // by column
	numbers []models.Numbering
}

// span is where a cell's text stands in workbook.text.
type span struct{ from, to int }

// watched remembers why the file below could not be read, to tell that from a damaged file, and how much of it was read.
type watched struct {
	r    io.ReaderAt
	size int64
	done int64
	err  error
}

func (w *watched) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off > w.size {
		return 0, zip.ErrFormat // a directory that points nowhere
	}
	n, err := w.r.ReadAt(b, off)
	w.done += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

func (w *workbook) read() int64 { return min(w.source.done, w.source.size) }

func (w *workbook) close() error {
	err := w.strings.close()
	if w.sheet != nil {
		err = errors.Join(err, w.sheet.Close())
	}
	return err
}

func openXLSX(r io.ReaderAt, size int64, name string) (records, error) {
	w := &workbook{source: &watched{r: r, size: size}, name: name, since: models.Since1900}
	if err := w.open(size); err != nil {
		return nil, errors.Join(w.fault(err), w.close())
	}
	return w, nil
}

// fault makes the error that a person reads of what went wrong below.
func (w *workbook) fault(err error) error {
	var refusal *models.Error
	switch {
	case w.source.err != nil:
		return fmt.Errorf("read the workbook: %w", w.source.err)
	case errors.As(err, &refusal), errors.Is(err, errTemporary):
		return err
	case errors.Is(err, errBomb):
		return refuse("文件“%s”解压后过大，已拒绝打开", w.name)
	case errors.Is(err, errXMLSize):
		return refuse("文件“%s”第%d行之后有过长的单元格", w.name, w.number)
	}
	return &models.Error{Code: models.CodeInvalid, Field: "file", Cause: err,
		Message: fmt.Sprintf("文件“%s”已损坏或不完整，请重新导出后再提供", w.name)}
}

// open finds the first visible sheet and gets ready to read its rows.
func (w *workbook) open(size int64) error {
	if err := checkDirectory(w.source, size); err != nil {
		return err
	}
	z, err := zip.NewReader(w.source, size)
	if err != nil {
		return err
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	if len(z.File) > maxParts {
		return errBomb
	}
	w.parts = make(map[string]*zip.File, len(z.File))
	var total uint64
	for _, f := range z.File {
		if f.Flags&1 != 0 {
			return refuse("文件“%s”加了密码，请去掉密码后再提供", w.name)
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > maxUnpacked || total > maxUnpacked {
			return errBomb
		}
		w.parts[partName(f.Name)] = f
	}
	book := "xl/workbook.xml"
	if targets, err := w.relations("_rels/.rels", ""); err == nil {
		for _, t := range targets {
			if strings.HasSuffix(t.kind, "/officeDocument") {
				book = t.target
			}
		}
	}
	if w.parts[book] == nil || !strings.HasSuffix(book, ".xml") || strings.HasPrefix(book, "word/") || strings.HasPrefix(book, "ppt/") {
		return w.notExcel()
	}
	sheet, err := w.firstSheet(book)
	if err != nil {
		return err
	}
	if w.sheet, err = w.part(sheet); err != nil {
		return err
	}
	w.xml = newXMLScanner(w.sheet)
	return nil
}

// partName is a part's path as paths are compared.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// notExcel says what the zip file is instead.
func (w *workbook) notExcel() error {
	what := "是压缩包，里面不是 Excel 工作簿；如果里面有表格，请解压后逐个提供"
	switch {
	case w.parts["xl/workbook.bin"] != nil:
		what = "是二进制工作簿（.xlsb），请另存为 .xlsx"
	case w.parts["word/document.xml"] != nil:
		what = "是 Word 文档，请提供 .xlsx 或 .csv 表格"
	case w.parts["ppt/presentation.xml"] != nil:
		what = "是演示文稿，请提供 .xlsx 或 .csv 表格"
	case w.parts["content.xml"] != nil:
		what = "是 OpenDocument 文档（.ods），请另存为 .xlsx"
	}
	return refuse("文件“%s”%s", w.name, what)
}

// checkDirectory bounds the zip directory before it is loaded into memory.
func checkDirectory(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 22+65535))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || at+22 > len(tail) {
		return zip.ErrFormat
	}
	end := tail[at:]
	length, offset := binary.LittleEndian.Uint32(end[12:]), binary.LittleEndian.Uint32(end[16:])
	if binary.LittleEndian.Uint16(end[10:]) > maxParts || length == 0xFFFF || length > maxDirectory || offset == 0xFFFFFFFF ||
		size-int64(len(tail))+int64(at)-int64(offset) > maxDirectory {
		return errBomb
	}
	return nil
}

// part opens a part, refusing one that is packed too tightly to be a table. The zip reader itself never gives more than a
// part declares, and checks its sum at the end.
func (w *workbook) part(name string) (io.ReadCloser, error) {
	f := w.parts[name]
	if f == nil {
		return nil, zip.ErrFormat
	}
	if f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
		return nil, errBomb
	}
	return f.Open()
}

// scan gives each start of an element in a small part to f, which may read on.
func (w *workbook) scan(name string, f func(x *xmlScanner) error) (err error) {
	part, err := w.part(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.Close()) }()
	x := newXMLScanner(part)
	for {
		t, err := x.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if t == tokenStart {
			if err := f(x); err != nil {
				return err
			}
		}
	}
}

// relation is one line of a .rels part.
type relation struct{ id, kind, target string }

// relations reads a .rels part; targets are made full paths.
func (w *workbook) relations(name, dir string) (all []relation, err error) {
	err = w.scan(name, func(x *xmlScanner) error {
		if string(x.name) != "Relationship" || len(all) >= maxParts {
			return nil
		}
		target := x.attrText("Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(dir, target)
		}
		all = append(all, relation{x.attrText("Id"), x.attrText("Type"), partName(target)})
		return nil
	})
	return all, err
}

// firstSheet finds the first visible sheet's part, and reads what its cells refer to.
func (w *workbook) firstSheet(book string) (string, error) {
	dir, file := path.Split(book)
	all, err := w.relations(dir+"_rels/"+file+".rels", dir)
	if err != nil {
		return "", err
	}
	sheets := map[string]string{}
	shared := ""
	for _, r := range all {
		switch {
		case strings.HasSuffix(r.kind, "/worksheet"):
			sheets[r.id] = r.target
		case strings.HasSuffix(r.kind, "/sharedStrings"):
			shared = r.target
		}
	}
	first := ""
	err = w.scan(book, func(x *xmlScanner) error {
		switch string(x.name) {
		case "workbookPr":
			if v := x.attrText("date1904"); v == "1" || v == "true" {
				w.since = models.Since1904
			}
		case "sheet":
			if target := sheets[x.attrText("id")]; target != "" && first == "" && !strings.Contains(strings.ToLower(x.attrText("state")), "hidden") {
				first = target
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", refuse("文件“%s”里没有工作表", w.name)
	}
	if shared != "" && w.parts[shared] != nil {
		err = w.readStrings(shared)
	}
	return first, err
}

// readStrings keeps the shared strings.
func (w *workbook) readStrings(name string) error {
	var text []byte
	return w.scan(name, func(x *xmlScanner) (err error) {
		if string(x.name) != "si" {
			return nil
		}
		if text, err = richText(x, text[:0]); err != nil {
			return err
		}
		return w.strings.add(text)
	})
}

// richText reads on to the end of the present element and gives the text of its t elements, without phonetic guides.
func richText(x *xmlScanner, dst []byte) ([]byte, error) {
	depth, inT, guide := x.depth, false, 0
	for {
		t, err := x.next()
		if err != nil {
			return dst, err
		}
		switch {
		case t == tokenEnd && x.depth < depth:
			return dst, nil
		case t == tokenText:
			if inT && guide == 0 {
				dst = appendText(dst, x.text, x.literal)
			}
		case t == tokenStart && string(x.name) == "rPh":
			guide = x.depth
		case t == tokenEnd && x.depth < guide:
			guide = 0
		case string(x.name) == "t":
			inT = t == tokenStart
		}
		if len(dst) > MaxLine {
			return dst, errXMLSize
		}
	}
}
