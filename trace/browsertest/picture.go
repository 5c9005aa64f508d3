package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"slices"
)

// shrink makes a picture of a page small enough for the repository. It keeps at most 256
// colours: those of the areas, and others that differ clearly. It replaces each other
// colour, at the edges of letters, by the nearest of these.
func shrink(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	count := map[color.Color]int{}
	b := full.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	var palette color.Palette
	area := b.Dx() * b.Dy() / 1000
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) }) {
		if len(palette) < 256 && (count[c] > area || len(palette) == 0 || !alike(c, palette.Convert(c))) {
			palette = append(palette, c)
		}
	}
	small := image.NewPaletted(b, palette)
	draw.Draw(small, b, full, b.Min, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

// alike reports whether two colours look the same in a letter.
func alike(a, b color.Color) bool {
	const near = 14 << 8 // of 1 << 16
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return max(ar, br)-min(ar, br) < near && max(ag, bg)-min(ag, bg) < near && max(ab, bb)-min(ab, bb) < near
}
