package document

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// streamKeys are the entries of a stream that say how it is drawn; every other one (metadata, private data, external
// files, layers) stays behind.
var streamKeys = map[string]bool{
	"Type": true, "Subtype": true, "Width": true, "Height": true, "ColorSpace": true, "BitsPerComponent": true, "Intent": true, "ImageMask": true,
	"Mask": true, "Decode": true, "Interpolate": true, "SMask": true, "SMaskInData": true, "Matte": true,
	"FormType": true, "BBox": true, "Matrix": true, "Resources": true, "Group": true,
	"PatternType": true, "PaintType": true, "TilingType": true, "XStep": true, "YStep": true,
	"ShadingType": true, "Background": true, "AntiAlias": true, "BitsPerCoordinate": true, "BitsPerFlag": true, "Function": true, "VerticesPerRow": true,
	"FunctionType": true, "Domain": true, "Range": true, "Size": true, "BitsPerSample": true, "Order": true, "Encode": true,
	"Length1": true, "Length2": true, "Length3": true, "CMapName": true, "CIDSystemInfo": true, "WMode": true, "UseCMap": true, "N": true, "Alternate": true,
	"HalftoneType": true,
}

// pdfWriter copies objects into a new file. What was copied keeps one number; what is only referred to follows in turn.
type pdfWriter struct {
	table   *model.XRefTable
	numbers map[int]int // of the source → of the new file
	queue   []int       // source numbers still to be copied
	objects [][]byte    // of the new file; number 1 is the first
	budget  int64       // bytes that may still be unpacked
}

// writePDF writes pages into a new file: catalog, page tree, and what the pages draw with. The same pages give the same bytes.
func writePDF(table *model.XRefTable, pages []page) ([]byte, error) {
	w := &pdfWriter{table: table, numbers: map[int]int{}, budget: maxUnpacked, objects: make([][]byte, 2+len(pages))}
	w.objects[0] = []byte("<</Type/Catalog/Pages 2 0 R>>")
	kids := bytes.NewBufferString("<</Type/Pages/Kids[")
	for i := range pages {
		fmt.Fprintf(kids, "%d 0 R ", 3+i)
	}
	fmt.Fprintf(kids, "]/Count %d>>", len(pages))
	w.objects[1] = kids.Bytes()
	for i, p := range pages {
		var b bytes.Buffer
		b.WriteString("<</Type/Page/Parent 2 0 R")
		annotations, err := w.annotations(p.dict["Annots"])
		if err != nil {
			return nil, damagedPDF(err)
		}
		for _, entry := range []struct {
			key   string
			value types.Object
		}{{"MediaBox", p.box}, {"CropBox", p.crop}, {"Rotate", p.rotate}, {"Resources", p.resources}, {"Contents", p.dict["Contents"]},
			{"Group", p.dict["Group"]}, {"UserUnit", p.dict["UserUnit"]}, {"Annots", annotations}} {
			if entry.value == nil {
				continue
			}
			b.WriteString("/" + entry.key + " ")
			if err := w.write(&b, entry.value, 0); err != nil {
				return nil, damagedPDF(err)
			}
		}
		b.WriteString(">>")
		w.objects[2+i] = b.Bytes()
	}
	for len(w.queue) > 0 {
		number := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.copy(number); err != nil {
			return nil, damagedPDF(err)
		}
	}
	return w.file(), nil
}

// annotations keeps how annotations and form fields look (a seal, a filled-in form), as stamps that do nothing.
func (w *pdfWriter) annotations(o types.Object) (types.Object, error) {
	o, err := w.table.Dereference(o)
	list, ok := o.(types.Array)
	if err != nil || !ok {
		return nil, err
	}
	var kept types.Array
	for _, e := range list {
		e, err := w.table.Dereference(e)
		if err != nil {
			return nil, err
		}
		d, ok := e.(types.Dict)
		if !ok || d["AP"] == nil || d["Rect"] == nil || d["Subtype"] == types.Name("Popup") {
			continue
		}
		look, err := w.table.Dereference(d["AP"])
		if err != nil {
			return nil, err
		}
		states, ok := look.(types.Dict)
		if !ok || states["N"] == nil {
			continue
		}
		stamp := types.Dict{"Type": types.Name("Annot"), "Subtype": types.Name("Stamp"), "Rect": d["Rect"], "AP": types.Dict{"N": states["N"]}}
		for _, key := range []string{"F", "AS"} {
			if d[key] != nil {
				stamp[key] = d[key]
			}
		}
		kept = append(kept, stamp)
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return kept, nil
}

// reference gives an object its number in the new file.
func (w *pdfWriter) reference(source int) int {
	n, ok := w.numbers[source]
	if !ok {
		w.objects = append(w.objects, nil)
		n = len(w.objects)
		w.numbers[source] = n
		w.queue = append(w.queue, source)
	}
	return n
}

func (w *pdfWriter) copy(source int) error {
	o, err := w.table.Dereference(*types.NewIndirectRef(source, 0))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch o := o.(type) {
	case types.StreamDict:
		err = w.stream(&b, o)
	case types.Dict:
		switch o["Type"] { // whoever still points to a page or the catalog draws nothing with it
		case types.Name("Page"), types.Name("Pages"), types.Name("Catalog"), types.Name("Annot"), types.Name("StructElem"), types.Name("OCG"), types.Name("OCMD"):
			b.WriteString("null")
		default:
			err = w.write(&b, o, 0)
		}
	default:
		err = w.write(&b, o, 0)
	}
	w.objects[w.numbers[source]-1] = b.Bytes()
	return err
}

// write writes an object; strings as hexadecimal, so that nothing in them can be taken for anything else.
func (w *pdfWriter) write(b *bytes.Buffer, o types.Object, depth int) error {
	if depth > maxNesting {
		return errors.New("objects nested too deep")
	}
	switch o := o.(type) {
	case nil:
		b.WriteString("null")
	case types.Boolean:
		b.WriteString(strconv.FormatBool(bool(o)))
	case types.Integer:
		b.WriteString(strconv.Itoa(int(o)))
	case types.Float:
		b.WriteString(strconv.FormatFloat(float64(o), 'f', -1, 64))
	case types.Name:
		b.WriteString("/" + types.EncodeName(string(o)))
	case types.StringLiteral:
		text, err := types.Unescape(string(o))
		if err != nil {
			return err
		}
		b.WriteString("<" + hex.EncodeToString(text) + ">")
	case types.HexLiteral:
		text, err := o.Bytes()
		if err != nil {
			return err
		}
		b.WriteString("<" + hex.EncodeToString(text) + ">")
	case types.IndirectRef:
		fmt.Fprintf(b, "%d 0 R", w.reference(o.ObjectNumber.Value()))
	case types.Array:
		b.WriteByte('[')
		for _, e := range o {
			if err := w.write(b, e, depth+1); err != nil {
				return err
			}
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case types.Dict:
		return w.dictionary(b, o, func(key string) bool { return key != "Metadata" && key != "PieceInfo" }, depth)
	default:
		return fmt.Errorf("an object of kind %T where none can stand", o)
	}
	return nil
}

func (w *pdfWriter) dictionary(b *bytes.Buffer, d types.Dict, keep func(key string) bool, depth int) error {
	b.WriteString("<<")
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if !keep(key) {
			continue
		}
		b.WriteString("/" + types.EncodeName(key) + " ")
		if err := w.write(b, d[key], depth+1); err != nil {
			return err
		}
	}
	b.WriteString(">>")
	return nil
}

// stream writes what a stream shows. What is packed is unpacked once to know that it can be and where it ends: what
// follows its end, or is not packed at all, is no place to hide another file in.
func (w *pdfWriter) stream(b *bytes.Buffer, s types.StreamDict) error {
	d := types.Dict{}
	for key, value := range s.Dict {
		if streamKeys[key] {
			d[key] = value
		}
	}
	raw, filters := s.Raw, s.FilterPipeline
	for len(filters) > 1 && filters[0].Name == filter.Flate && !general(filters) { // a picture packed once more
		unpacked, _, err := w.inflate(raw, true)
		if err != nil {
			return err
		}
		raw, filters = unpacked, filters[1:]
	}
	switch {
	case len(filters) == 1 && filters[0].Name == filter.Flate:
		_, end, err := w.inflate(raw, false)
		if err != nil {
			return err
		}
		raw = raw[:end]
	case len(filters) == 1 && filters[0].Name == filter.DCT:
		end, err := trimJPEG(raw)
		if err != nil {
			return err
		}
		raw = end
	case len(filters) == 1 && slices.Contains([]string{filter.CCITTFax, filter.JBIG2, filter.JPX}, filters[0].Name):
	case general(filters):
		s.Content = nil
		if err := s.DecodeWithLimit(min(64<<20, w.budget)); err != nil {
			return err
		}
		if w.budget -= int64(len(s.Content)); w.budget <= 0 {
			return errTooMuch
		}
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		if _, err := z.Write(s.Content); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		raw, filters = packed.Bytes(), []types.PDFFilter{{Name: filter.Flate}}
	default:
		return fmt.Errorf("a stream packed as %v cannot be checked", filters)
	}
	if len(filters) == 1 {
		d["Filter"] = types.Name(filters[0].Name)
		if filters[0].DecodeParms != nil {
			d["DecodeParms"] = filters[0].DecodeParms
		}
	}
	d["Length"] = types.Integer(len(raw))
	if err := w.dictionary(b, d, func(string) bool { return true }, 0); err != nil {
		return err
	}
	b.WriteString("\nstream\n")
	b.Write(raw)
	b.WriteString("\nendstream")
	return nil
}

var errTooMuch = errors.New("unpacks to more than it may")

// general says that every filter packs bytes of any kind, and can be undone here.
func general(filters []types.PDFFilter) bool {
	for _, f := range filters {
		if !slices.Contains([]string{filter.Flate, filter.LZW, filter.ASCII85, filter.ASCIIHex, filter.RunLength}, f.Name) {
			return false
		}
	}
	return true
}

// inflate unpacks, within the budget, and says where the packed bytes end. A stream whose end is missing is taken as far
// as it goes, as readers do.
func (w *pdfWriter) inflate(raw []byte, keep bool) (unpacked []byte, end int, err error) {
	if len(raw) == 0 {
		return nil, 0, nil
	}
	r := bytes.NewReader(raw)
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, 0, err
	}
	most := w.budget
	to := io.Discard
	var buffer bytes.Buffer
	if keep {
		to, most = &buffer, min(most, 64<<20)
	}
	n, err := io.Copy(to, io.LimitReader(z, most+1))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, zlib.ErrChecksum) {
		return nil, 0, err
	}
	if w.budget -= n; n > most {
		return nil, 0, errTooMuch
	}
	return buffer.Bytes(), len(raw) - r.Len(), nil
}

// trimJPEG keeps of a JPEG what is drawn: no comments, no EXIF, nothing behind its end.
func trimJPEG(raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte("\xff\xd8")) {
		return nil, errors.New("not a JPEG")
	}
	out := append(make([]byte, 0, len(raw)), raw[:2]...)
	for at := 2; ; {
		for at < len(raw) && raw[at] != 0xff { // damaged pictures have bytes between segments
			at++
		}
		for at+1 < len(raw) && raw[at+1] == 0xff {
			at++
		}
		if at+1 >= len(raw) || raw[at+1] == 0xd9 {
			return append(out, 0xff, 0xd9), nil
		}
		marker := raw[at+1]
		if marker >= 0xd0 && marker <= 0xd7 || marker == 0x01 || marker == 0 {
			at += 2
			continue
		}
		if at+4 > len(raw) {
			return append(out, 0xff, 0xd9), nil
		}
		end := at + 2 + int(raw[at+2])<<8 + int(raw[at+3])
		if end > len(raw) || end < at+4 {
			return append(out, 0xff, 0xd9), nil
		}
		if marker == 0xda { // the picture's data go on until a marker that is no part of them
			for end+1 < len(raw) && (raw[end] != 0xff || raw[end+1] == 0 || raw[end+1] >= 0xd0 && raw[end+1] <= 0xd7) {
				end++
			}
			if end+1 >= len(raw) {
				end = len(raw)
			}
		}
		if marker != 0xfe && (marker < 0xe1 || marker > 0xef || marker == 0xe2 || marker == 0xee) { // without comments and APPn, but for colours (ICC, Adobe)
			out = append(out, raw[at:end]...)
		}
		at = end
	}
}

// file puts the objects together.
func (w *pdfWriter) file() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(w.objects))
	for i, o := range w.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n", i+1)
		b.Write(o)
		b.WriteString("\nendobj\n")
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(w.objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(w.objects)+1, start)
	return b.Bytes()
}
