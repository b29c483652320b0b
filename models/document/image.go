package document

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"

	"bangfu/models"
)

const jpegQuality = 88

// cleanImage decodes a picture and encodes what is seen of it. A PNG that is too large as PNG becomes a JPEG.
func cleanImage(kind string, content []byte) (string, []byte, error) {
	decodeConfig, decode := png.DecodeConfig, png.Decode
	if kind == JPEG {
		decodeConfig, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	damaged := func(err error) error {
		return &models.Error{Code: models.CodeInvalid, Field: "file", Message: "图片已损坏或不完整，请重新拍摄或另存后再上传", Cause: err}
	}
	c, err := decodeConfig(bytes.NewReader(content))
	switch {
	case err != nil:
		return "", nil, damaged(err)
	case c.Width < 1 || c.Height < 1 || int64(c.Width)*int64(c.Height) > MaxPixels:
		return "", nil, models.Invalid("file", "图片为%d×%d像素，最多%d万像素，请缩小后再上传", c.Width, c.Height, MaxPixels/10_000)
	}
	picture, err := decode(bytes.NewReader(content))
	if err != nil {
		return "", nil, damaged(err)
	}
	upright := scale(picture)
	if kind == JPEG {
		upright = turn(upright, orientation(content))
	}
	var out bytes.Buffer
	if kind == PNG {
		if err := png.Encode(&out, upright); err != nil {
			return "", nil, damaged(err)
		}
		if out.Len() <= MaxSize {
			return PNG, out.Bytes(), nil
		}
		out.Reset()
	}
	if err := jpeg.Encode(&out, onWhite(upright), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return "", nil, damaged(err)
	}
	return JPEG, out.Bytes(), nil
}

// scale brings the longer side down to MaxEdge, and any picture into one that is written alike whatever it was.
func scale(src image.Image) *image.NRGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if longer := max(w, h); longer > MaxEdge {
		w, h = max(1, w*MaxEdge/longer), max(1, h*MaxEdge/longer)
	}
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	if w == b.Dx() && h == b.Dy() {
		draw.Draw(dst, dst.Bounds(), src, b.Min, draw.Src)
	} else {
		draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, b, draw.Src, nil)
	}
	return dst
}

func onWhite(src *image.NRGBA) image.Image {
	dst := image.NewRGBA(src.Bounds())
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Bounds(), src, src.Bounds().Min, draw.Over)
	return dst
}

// turn applies an EXIF orientation (1 … 8): the tag does not travel, so the pixels must stand upright.
func turn(src *image.NRGBA, orientation int) *image.NRGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		dst = image.NewNRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(dst.Pix[dst.PixOffset(tx, ty):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}

// orientation finds the EXIF orientation of a JPEG; 1 where there is none that can be read.
func orientation(content []byte) int {
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		marker, size := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(content) {
			break
		}
		body := content[at+4 : at+2+size]
		if exif, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); marker == 0xe1 && ok {
			return exifOrientation(exif)
		}
		at += 2 + size
	}
	return 1
}

func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	entries := int64(order.Uint16(tiff[at:]))
	for i := range entries {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(tiff)) {
			break
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			return int(order.Uint16(tiff[entry+8:]))
		}
	}
	return 1
}
