// Package document takes what people hand in (evidence, photographs) and writes it anew: what is kept and handed
// out is drawn from the content that a person sees, so that nothing hidden travels with it. Pure: bytes in, bytes out.
package document

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"bangfu/models"
)

// Limits of one file.
const (
	MaxSize   = 10 << 20   // bytes, as handed in and as kept
	MaxPixels = 50_000_000 // of an image, before anything of it is decoded
	MaxEdge   = 2560       // pixels of the longer side of an image as kept
	MaxPages  = 300        // of a PDF
)

// The media types that are taken.
const (
	PDF  = "application/pdf"
	JPEG = "image/jpeg"
	PNG  = "image/png"
)

// extensions of each media type; the first is the one that a kept file's name ends in.
var extensions = map[string][]string{PDF: {".pdf"}, JPEG: {".jpg", ".jpeg"}, PNG: {".png"}}

// Document is a file as it is kept.
type Document struct {
	MediaType string
	Name      string // a label, never a place: ends in the extension of its media type
	Content   []byte
}

// Image says whether the document is a picture.
func (d Document) Image() bool { return d.MediaType == JPEG || d.MediaType == PNG }

// Clean recognises a file by its content and writes it anew: pictures are decoded, turned upright, scaled to MaxEdge and
// encoded without any metadata; of a PDF the pages stay, without scripts, actions, attachments and whatever stood outside.
// The error is a *models.Error: CodeTooLarge for more than MaxSize bytes, else CodeInvalid, and says what to do.
func Clean(name string, content []byte) (Document, error) {
	name = models.CleanFileName(strings.ToValidUTF8(name, ""))
	if len(content) > MaxSize {
		return Document{}, TooLarge()
	}
	kind := sniff(content)
	if kind == "" || !knownExtension(name) {
		return Document{}, models.Invalid("file", "只接收 PDF、JPG、PNG 文件；“%s”不是，或文件已损坏。请另存为 PDF 或照片后再上传", name)
	}
	var err error
	if kind == PDF {
		content, err = cleanPDF(content)
	} else {
		kind, content, err = cleanImage(kind, content)
	}
	if err != nil {
		return Document{}, err
	}
	if len(content) > MaxSize {
		return Document{}, TooLarge()
	}
	return Document{MediaType: kind, Name: rename(name, kind), Content: content}, nil
}

// TooLarge is the error for a file of more than MaxSize bytes.
func TooLarge() error {
	return &models.Error{Code: models.CodeTooLarge, Field: "file", Message: fmt.Sprintf("单个文件不能超过%dMB，请压缩或分成几个文件后再上传", MaxSize>>20)}
}

// sniff recognises the kind by how the content begins; a PDF may have something before its header, and loses it.
func sniff(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		return JPEG
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case bytes.Contains(content[:min(len(content), 1024)], []byte("%PDF-")):
		return PDF
	}
	return ""
}

// knownExtension accepts the extensions of the kinds that are taken, and a name without one: a name that claims to be
// something else (.exe, .html) is refused whatever the content is.
func knownExtension(name string) bool {
	extension := strings.ToLower(path.Ext(name))
	if extension == "" {
		return true
	}
	for _, known := range extensions {
		for _, e := range known {
			if e == extension {
				return true
			}
		}
	}
	return false
}

// rename lets the name end as the content is.
func rename(name, kind string) string {
	extension := path.Ext(name)
	for _, e := range extensions[kind] {
		if strings.EqualFold(e, extension) {
			return name
		}
	}
	stem := strings.TrimSuffix(name, extension)
	if r := []rune(stem); len(r) > 190 {
		stem = string(r[:190])
	}
	if stem == "" {
		stem = "未命名"
	}
	return stem + extensions[kind][0]
}
