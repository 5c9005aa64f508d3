package conform

import "fmt"

// The memory of random statements: two stretches of pages with a hole between them. They
// are small, so that ranges touch and overlap.
const (
	low      = 0x10000000
	high     = 0x10040000
	stretch  = 12 // pages
	pageSize = 0x1000
	nowhere  = 0x20000000 // never mapped
)

// page returns the address of a page in the memory or next to it.
func (g *generator) page() uint64 {
	base := uint64(low)
	if g.chance(25) {
		base = high
	}
	return base + uint64(g.rng.IntN(stretch+2)-1)*pageSize
}

// span returns a range of pages, in rare cases an invalid one.
func (g *generator) span() (start, length string) {
	start = fmt.Sprintf("%#x", g.page())
	length = fmt.Sprintf("%dp", 1+min(g.rng.IntN(stretch), g.rng.IntN(stretch)))
	if g.chance(4) {
		switch g.rng.IntN(5) {
		case 0:
			start = fmt.Sprintf("%#x", g.page()+uint64(1+g.rng.IntN(pageSize-1)))
		case 1:
			length = g.oneOf("0", "1", "0x1001", "0xfff")
		case 2:
			length = g.oneOf("0xfffffffffffff000", "0x800000000000", "0x7ffffffff000", "0x8000000000000000")
		case 3:
			start = g.oneOf("0", "0x1000", "0xf000", "0x7ffffffff000", "0x7fffffffe000", "0xffffffffff600000", "0xfffffffffffff000")
		case 4:
			start, length = "0x7fffffffe000", "2p"
		}
	}
	return start, length
}

// few returns a range of a few pages.
func (g *generator) few() (start, length string) {
	if g.chance(10) {
		start, length = g.span()
		if len(length) > 4 { // longer than any source
			length = "1p"
		}
		return start, length
	}
	return fmt.Sprintf("%#x", g.page()), fmt.Sprintf("%dp", 1+g.rng.IntN(3))
}
