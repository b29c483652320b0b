package document

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"bangfu/models"
)

// What reading a PDF may cost.
const (
	maxUnpacked = 512 << 20 // bytes of all its streams together
	maxObjects  = 200_000
	readTime    = 10 * time.Second
)

func damagedPDF(cause error) error {
	return &models.Error{Code: models.CodeInvalid, Field: "file", Message: "PDF 已损坏、加密或无法识别，请用“打印为 PDF”重新生成后再上传", Cause: cause}
}

func refusedPDF(what string) error {
	return models.Invalid("file", "PDF 中含有%s，不能接收；请用“打印为 PDF”重新生成后再上传", what)
}

// cleanPDF reads a PDF, refuses what can act or hide (scripts, actions that start programs, attachments, encryption), and
// writes its pages into a new file.
func cleanPDF(content []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // a reader of other people's files: a fault of it is a fault of this file
			out, err = nil, damagedPDF(fmt.Errorf("panic: %v", p))
		}
	}()
	streams := bytes.Count(content, []byte("endstream"))
	limits := model.DefaultResourceLimits()
	limits.MaxStreamBytes = MaxSize
	limits.MaxDecodeBytes = min(64<<20, maxUnpacked/int64(streams+1)) // what is unpacked while reading is held all at once
	limits.MaxObjectCount, limits.MaxXRefEntries, limits.MaxObjectStreamCount = maxObjects, maxObjects, maxObjects
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	pdf, err := pdfcpu.ReadWithContext(ctx, bytes.NewReader(content), &model.Configuration{Reader15: true, ValidationMode: model.ValidationRelaxed, Offline: true, Limits: limits})
	if err != nil {
		return nil, damagedPDF(err)
	}
	if pdf.Encrypt != nil || pdf.EncKey != nil {
		return nil, refusedPDF("密码或加密")
	}
	if len(pdf.Table) > maxObjects {
		return nil, damagedPDF(fmt.Errorf("%d objects", len(pdf.Table)))
	}
	for number := range pdf.Table {
		o, err := pdf.Dereference(*types.NewIndirectRef(number, 0))
		if err != nil {
			return nil, damagedPDF(err)
		}
		if what := danger(o, 0); what != "" {
			return nil, refusedPDF(what)
		}
	}
	pages, err := pagesOf(pdf.XRefTable)
	if err != nil {
		return nil, err
	}
	return writePDF(pdf.XRefTable, pages)
}

// maxNesting is how deep objects may stand in each other; pages too.
const maxNesting = 60

var (
	scripts     = []string{"JavaScript", "Launch", "ImportData", "SubmitForm", "GoToE", "RichMediaExecute", "Rendition"}
	attachments = []string{"FileAttachment", "RichMedia", "Screen", "Movie", "Sound", "3D"}
)

// danger says what in an object can act or hide; empty if nothing. Most of it would not be copied anyway: a person is
// told rather than given back something else than they handed in.
func danger(o types.Object, depth int) string {
	if depth > maxNesting {
		return "过深的嵌套"
	}
	switch o := o.(type) {
	case types.StreamDict:
		return danger(o.Dict, depth)
	case types.Array:
		for _, e := range o {
			if what := danger(e, depth+1); what != "" {
				return what
			}
		}
	case types.Dict:
		name := func(key string) string {
			n, _ := o[key].(types.Name)
			return string(n)
		}
		_, js := o["JS"]
		_, xfa := o["XFA"]
		_, files := o["EmbeddedFiles"]
		_, ef := o["EF"]
		switch {
		case slices.Contains(scripts, name("S")) || js || xfa:
			return "脚本或会启动程序的动作"
		case files || ef || name("Type") == "EmbeddedFile" || slices.Contains(attachments, name("Subtype")) && o["Rect"] != nil:
			return "附件或多媒体"
		}
		for _, e := range o {
			if what := danger(e, depth+1); what != "" {
				return what
			}
		}
	}
	return ""
}

// page is what is kept of one: how large it is, what it shows.
type page struct {
	box, crop types.Object
	rotate    types.Object
	resources types.Object
	dict      types.Dict
}

// pagesOf walks the page tree, in order, handing down what a page inherits.
func pagesOf(table *model.XRefTable) ([]page, error) {
	root, err := table.Dereference(*table.Root)
	catalog, ok := root.(types.Dict)
	if err != nil || !ok {
		return nil, damagedPDF(fmt.Errorf("no catalog: %w", err))
	}
	var pages []page
	seen := map[int]bool{}
	var walk func(o types.Object, inherited page, depth int) error
	walk = func(o types.Object, inherited page, depth int) error {
		if ref, ok := o.(types.IndirectRef); ok {
			n := ref.ObjectNumber.Value()
			if seen[n] {
				return damagedPDF(fmt.Errorf("page %d stands in the tree twice", n))
			}
			seen[n] = true
		}
		o, err := table.Dereference(o)
		d, ok := o.(types.Dict)
		if err != nil || !ok || depth > maxNesting {
			return damagedPDF(fmt.Errorf("broken page tree: %w", err))
		}
		p := inherited
		for key, slot := range map[string]*types.Object{"MediaBox": &p.box, "CropBox": &p.crop, "Rotate": &p.rotate, "Resources": &p.resources} {
			if v, ok := d[key]; ok && v != nil {
				*slot = v
			}
		}
		kids, err := table.Dereference(d["Kids"])
		if err != nil {
			return damagedPDF(err)
		}
		list, tree := kids.(types.Array)
		if !tree {
			p.dict = d
			if pages = append(pages, p); len(pages) > MaxPages {
				return models.Invalid("file", "PDF 超过%d页，请分成几个文件后再上传", MaxPages)
			}
			return nil
		}
		for _, kid := range list {
			if err := walk(kid, p, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(catalog["Pages"], page{}, 0); err != nil {
		return nil, err
	}
	if len(pages) == 0 {
		return nil, models.Invalid("file", "PDF 中没有页面，请检查后再上传")
	}
	for i := range pages {
		if pages[i].box, err = rectangle(table, pages[i].box); err != nil {
			return nil, err
		}
		if pages[i].crop != nil {
			if pages[i].crop, err = rectangle(table, pages[i].crop); err != nil {
				return nil, err
			}
		}
	}
	return pages, nil
}

// rectangle gives four plain numbers; A4 where a page has none.
func rectangle(table *model.XRefTable, o types.Object) (types.Object, error) {
	o, err := table.Dereference(o)
	if err != nil {
		return nil, damagedPDF(err)
	}
	if o == nil {
		return types.NewNumberArray(0, 0, 595, 842), nil
	}
	a, ok := o.(types.Array)
	if !ok || len(a) != 4 {
		return nil, damagedPDF(fmt.Errorf("a page's box is %v", o))
	}
	var r types.Array
	for _, v := range a {
		v, err := table.Dereference(v)
		if err != nil {
			return nil, damagedPDF(err)
		}
		var f float64
		switch v := v.(type) {
		case types.Integer:
			f = float64(v)
		case types.Float:
			f = float64(v)
		}
		if math.Abs(f) > 14400 { // what readers take at most
			return nil, models.Invalid("file", "PDF 的页面过大，请按 A4 重新生成后再上传")
		}
		r = append(r, types.Float(f))
	}
	return r, nil
}
