package document

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// photo is a picture w×h, red in its upper left corner.
func photo(w, h int) *image.NRGBA {
	p := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{240, 240, 230, 255}
			if x < w/2 && y < h/2 {
				c = color.NRGBA{200, 20, 20, 255}
			}
			p.SetNRGBA(x, y, c)
		}
	}
	return p
}

func jpegOf(t testing.TB, p image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, p, nil))
	return b.Bytes()
}

func pngOf(t testing.TB, p image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, p))
	return b.Bytes()
}

// withExif puts an EXIF segment (orientation, and a place where the picture was taken) behind the beginning of a JPEG.
func withExif(content []byte, orientation uint16) []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, "\x00\x00\x00\x00\x00\x00 GPS 39.9N 116.2E"...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return bytes.Join([][]byte{content[:2], segment, body, content[2:]}, nil)
}

func zipOf(t testing.TB) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("evil.exe")
	require.NoError(t, err)
	_, err = w.Write([]byte("MZ evil"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// pdfOf writes objects (number 1 is the catalog) as a PDF.
func pdfOf(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

func stream(dict string, content []byte) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(content), content)
}

func deflated(t testing.TB, content io.Reader) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := io.Copy(z, content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

const (
	pagesObject = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
	pageObject  = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"
)

// simplePDF has one page; extra goes into its catalog, more objects follow as number 5 …
func simplePDF(extra string, more ...string) []byte {
	return pdfOf(append([]string{"<</Type/Catalog/Pages 2 0 R" + extra + ">>", pagesObject, pageObject, stream("", []byte("0 0 m 100 100 l S % secret words"))}, more...)...)
}

func TestACleanedPictureIsUprightAndCarriesNothingHidden(t *testing.T) {
	content := append(withExif(jpegOf(t, photo(400, 200)), 6), zipOf(t)...)
	d, err := Clean(`C:\照片\门店.JPG`, content)
	require.NoError(t, err)
	require.Equal(t, JPEG, d.MediaType)
	require.Equal(t, "门店.JPG", d.Name)
	for _, hidden := range []string{"GPS", "Exif", "PK\x03\x04", "evil"} {
		require.NotContains(t, string(d.Content), hidden)
	}
	p, err := jpeg.Decode(bytes.NewReader(d.Content))
	require.NoError(t, err)
	require.Equal(t, image.Pt(200, 400), p.Bounds().Size(), "orientation 6 is a quarter turn clockwise")
	r, g, _, _ := p.At(150, 50).RGBA()
	require.True(t, r > 2*g, "the red corner is now on the right")
	r, g, _, _ = p.At(50, 350).RGBA()
	require.InDelta(t, r, g, 3000, "and no longer on the left")
}

func TestEveryOrientationIsApplied(t *testing.T) {
	corner := map[int]image.Point{1: {10, 10}, 2: {190, 10}, 3: {190, 90}, 4: {10, 90}, 5: {10, 10}, 6: {90, 10}, 7: {90, 190}, 8: {10, 190}}
	for o := 1; o <= 8; o++ {
		d, err := Clean("a.jpg", withExif(jpegOf(t, photo(200, 100)), uint16(o)))
		require.NoError(t, err)
		p, err := jpeg.Decode(bytes.NewReader(d.Content))
		require.NoError(t, err)
		r, g, _, _ := p.At(corner[o].X, corner[o].Y).RGBA()
		require.True(t, r > 2*g, "orientation %d", o)
	}
}

func TestALargePictureIsScaledAndTheSameFileGivesTheSameBytes(t *testing.T) {
	content := pngOf(t, photo(5200, 40))
	d, err := Clean("a.png", content)
	require.NoError(t, err)
	p, err := png.DecodeConfig(bytes.NewReader(d.Content))
	require.NoError(t, err)
	require.Equal(t, MaxEdge, p.Width)
	again, err := Clean("a.png", content)
	require.NoError(t, err)
	require.Equal(t, d, again)
	once, err := Clean("a.png", d.Content)
	require.NoError(t, err)
	require.Equal(t, d.MediaType, once.MediaType)
}

func TestANameIsALabelThatEndsAsTheContentIs(t *testing.T) {
	picture := jpegOf(t, photo(8, 8))
	for name, kept := range map[string]string{
		"../../etc/passwd.jpg": "passwd.jpg", "执照.jpeg": "执照.jpeg", "执照.png": "执照.jpg", "执照.pdf": "执照.jpg", "执照": "执照.jpg", "": "未命名.jpg", "a\x00\nb\u202e.jpg": "ab.jpg",
	} {
		d, err := Clean(name, picture)
		require.NoError(t, err, name)
		require.Equal(t, kept, d.Name)
	}
	d, err := Clean(strings.Repeat("长", 300)+".png", picture)
	require.NoError(t, err)
	require.LessOrEqual(t, len([]rune(d.Name)), 200)
	for _, name := range []string{"setup.exe", "a.jpg.exe", "a.html", "a.svg", "a.docx"} {
		_, err := Clean(name, picture)
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), name)
	}
}

func TestWhatIsNoDocumentIsRefused(t *testing.T) {
	huge := pngOf(t, photo(8, 8))
	binary.BigEndian.PutUint32(huge[16:], 60000)
	binary.BigEndian.PutUint32(huge[20:], 60000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	picture := jpegOf(t, photo(64, 64))
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":            {nil, "只接收"},
		"a program":        {[]byte("MZ\x90\x00"), "只接收"},
		"an archive":       {zipOf(t), "只接收"},
		"a page":           {[]byte("<html><script>alert(1)</script></html>"), "只接收"},
		"a GIF":            {[]byte("GIF89a\x01\x00\x01\x00"), "只接收"},
		"half a picture":   {picture[:len(picture)/2], "损坏"},
		"an image bomb":    {huge, "像素"},
		"only a header":    {[]byte("%PDF-1.7\n"), "损坏"},
		"encrypted":        {bytes.Replace(simplePDF("", "<</Filter/Standard/V 1/R 2/O<00>/U<00>/P -1>>"), []byte("/Root 1 0 R"), []byte("/Root 1 0 R/Encrypt 5 0 R"), 1), "加密"},
		"a script":         {simplePDF("/OpenAction 5 0 R", "<</S/JavaScript/JS(app.alert)>>"), "脚本"},
		"a hidden script":  {simplePDF("", "<</S/Java#53cript/J#53 (app.alert)>>"), "脚本"},
		"named scripts":    {simplePDF("/Names<</JavaScript<</Names[(a) 5 0 R]>>>>", "<</JS(app.alert)>>"), "脚本"},
		"a launch action":  {simplePDF("/OpenAction<</S/Launch/F(cmd.exe)>>"), "脚本"},
		"an attachment":    {simplePDF("/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>", "<</Type/Filespec/EF<</F 6 0 R>>>>", stream("/Type/EmbeddedFile", []byte("MZ"))), "附件"},
		"a form script":    {simplePDF("/AcroForm<</XFA 5 0 R>>", stream("", []byte("<xdp/>"))), "脚本"},
		"no pages":         {pdfOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"), "没有页面"},
		"a page in itself": {pdfOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 1>>"), "损坏"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Clean("a.pdf", c.content)
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := Clean("a.pdf", append(simplePDF(""), make([]byte, MaxSize)...))
	require.Equal(t, models.CodeTooLarge, models.CodeOf(err))
}

func TestAPDFKeepsItsPagesAndLosesWhatStandsOutside(t *testing.T) {
	page := strings.Replace(pageObject, "/Contents", "/AA<</O<</S/URI/URI(http://evil)>>>>/Annots[5 0 R 6 0 R]/PieceInfo<</X(private)>>/Contents", 1)
	content := pdfOf("<</Type/Catalog/Pages 2 0 R/Metadata 8 0 R/OpenAction[3 0 R/Fit]>>", pagesObject, page, stream("", []byte("0 0 m 100 100 l S")),
		"<</Type/Annot/Subtype/Link/Rect[0 0 10 10]/A<</S/URI/URI(http://evil)>>>>",
		"<</Type/Annot/Subtype/Widget/FT/Sig/Rect[10 10 60 60]/AP<</N 7 0 R>>/A<</S/URI/URI(http://evil)>>>>",
		stream("/Type/XObject/Subtype/Form/BBox[0 0 50 50]/PieceInfo<</X(private)>>", []byte("0 0 50 50 re f")),
		stream("/Type/Metadata", []byte("<x:xmpmeta>author</x:xmpmeta>")))
	content = bytes.Join([][]byte{[]byte("<html><script>alert(1)</script>\n"), content, zipOf(t)}, nil)
	d, err := Clean("合同.pdf", content)
	require.NoError(t, err)
	require.Equal(t, PDF, d.MediaType)
	require.True(t, bytes.HasPrefix(d.Content, []byte("%PDF-1.7\n")))
	require.True(t, bytes.HasSuffix(d.Content, []byte("%%EOF\n")))
	for _, hidden := range []string{"script", "PK\x03\x04", "evil", "private", "author", "URI", "Link", "OpenAction", "Widget"} {
		require.NotContains(t, string(d.Content), hidden)
	}
	require.Contains(t, string(d.Content), "/Subtype /Stamp", "the seal is still seen")
	again, err := Clean("合同.pdf", d.Content)
	require.NoError(t, err)
	require.Equal(t, d.Content, again.Content, "what was cleaned is clean")
}

func TestAPictureInAPDFCarriesNothingHidden(t *testing.T) {
	dct := append(withExif(jpegOf(t, photo(16, 16)), 1), zipOf(t)...)
	packed := append(deflated(t, bytes.NewReader([]byte("q 10 0 0 10 0 0 cm /Im Do Q"))), zipOf(t)...)
	content := pdfOf("<</Type/Catalog/Pages 2 0 R>>", pagesObject, strings.Replace(pageObject, "/Contents", "/Resources<</XObject<</Im 5 0 R>>>>/Contents", 1), stream("/Filter/FlateDecode", packed),
		stream("/Type/XObject/Subtype/Image/Width 16/Height 16/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode", dct))
	d, err := Clean("a.pdf", content)
	require.NoError(t, err)
	for _, hidden := range []string{"GPS", "Exif", "PK\x03\x04", "evil"} {
		require.NotContains(t, string(d.Content), hidden)
	}
	_, rest, _ := bytes.Cut(d.Content, []byte("DCTDecode"))
	at := bytes.Index(rest, []byte("\xff\xd8"))
	_, err = jpeg.Decode(bytes.NewReader(rest[at:]))
	require.NoError(t, err)
}

// zeros are as many zeros as a bomb unpacks to.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAPDFThatUnpacksToTooMuchIsRefusedWithoutUnpackingIt(t *testing.T) {
	bomb := deflated(t, zeros(700<<20))
	require.Less(t, len(bomb), MaxSize)
	var before, after runtime.MemStats
	for name, content := range map[string][]byte{
		"a page":          pdfOf("<</Type/Catalog/Pages 2 0 R>>", pagesObject, pageObject, stream("/Filter/FlateDecode", bomb)),
		"twice packed":    pdfOf("<</Type/Catalog/Pages 2 0 R>>", pagesObject, pageObject, stream("/Filter[/FlateDecode/FlateDecode]", deflated(t, bytes.NewReader(bomb)))),
		"a packed object": pdfOf("<</Type/Catalog/Pages 2 0 R>>", pagesObject, pageObject, stream("", nil), stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", bomb)),
	} {
		t.Run(name, func(t *testing.T) {
			runtime.ReadMemStats(&before)
			d, err := Clean("a.pdf", content)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(400<<20))
			if name == "a packed object" && err == nil { // nobody refers to it: it stays behind unread
				require.Less(t, len(d.Content), 2000)
				return
			}
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
		})
	}
}

// FuzzClean: whatever comes in, Clean answers without a panic, and what it lets through is clean.
func FuzzClean(f *testing.F) {
	f.Add("a.jpg", withExif(jpegOf(f, photo(20, 10)), 6))
	f.Add("a.png", pngOf(f, photo(10, 10)))
	f.Add("a.pdf", simplePDF(""))
	f.Add("a.pdf", simplePDF("/OpenAction 5 0 R", "<</S/JavaScript/JS(app.alert)>>"))
	f.Add("a.exe", zipOf(f))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		d, err := Clean(name, content)
		if err != nil {
			require.Contains(t, []models.Code{models.CodeInvalid, models.CodeTooLarge}, models.CodeOf(err))
			return
		}
		require.LessOrEqual(t, len(d.Content), MaxSize)
		require.NotContains(t, d.Name, "/")
		again, err := Clean(d.Name, d.Content)
		require.NoError(t, err)
		require.Equal(t, d.MediaType, again.MediaType)
	})
}
