package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

// A frequent colour stays, and so does a rare colour unlike all others. A shade between
// two colours becomes one of them.
func TestShrink(t *testing.T) {
	full := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	paper, ink, rare, shade := color.NRGBA{250, 250, 247, 255}, color.NRGBA{29, 31, 35, 255}, color.NRGBA{27, 110, 60, 255}, color.NRGBA{33, 35, 39, 255}
	for i := range 40 * 30 {
		c := paper
		if i%7 == 0 {
			c = ink
		}
		full.SetNRGBA(i%40, i/40, c)
	}
	full.SetNRGBA(1, 0, rare)
	full.SetNRGBA(2, 0, shade)
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, full))
	out, err := shrink(b.Bytes())
	require.NoError(t, err)
	small, err := png.Decode(bytes.NewReader(out))
	require.NoError(t, err)
	at := func(x int) color.Color { return color.NRGBAModel.Convert(small.At(x, 0)) }
	require.Equal(t, full.Bounds(), small.Bounds())
	require.Equal(t, []color.Color{ink, rare, ink, paper}, []color.Color{at(0), at(1), at(2), at(3)})
	_, err = shrink([]byte("no picture"))
	require.Error(t, err)
}
