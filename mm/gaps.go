package mm

import (
	"math/bits"

	"github.com/google/btree"
)

// gap is free room below a VMA, down to the VMA before it or to address 0. The room
// above the highest VMA is not in the index.
type gap struct{ start, end uint64 }

// gapIndex finds free room in an address space. Gaps are sorted into classes by the
// binary logarithm of their size in pages, and each class is a tree ordered by
// address. (The kernel of 4.3 keeps the largest gap of each subtree in the VMAs' own
// tree instead.)
//
// A gap of a class above that of the wanted size always fits, so that of each such
// class one look in its tree suffices. The class of the wanted size itself is
// scanned, in the direction of the search and no further than the best gap found in
// the others. A search therefore costs O(log n) for each class that is not empty, plus
// the gaps of the one class that are passed over because they are too small. Those
// may in the worst case be all of them, which takes n gaps that are less than twice
// too small and no larger gap that is as high; for a power of two in pages, as for a
// single page, no gap of its class is too small.
type gapIndex struct {
	classes [64 - PageShift]*btree.BTreeG[gap] // nil until the class has had a gap
	free    *btree.FreeListG[gap]
}

func gapClass(size uint64) int { return bits.Len64(size>>PageShift) - 1 }

// add enters the gap. An empty one is no gap.
func (x *gapIndex) add(start, end uint64) {
	if start == end {
		return
	}
	c := gapClass(end - start)
	if x.classes[c] == nil {
		if x.free == nil {
			x.free = btree.NewFreeListG[gap](btree.DefaultFreeListSize)
		}
		x.classes[c] = btree.NewWithFreeListG(16, func(a, b gap) bool { return a.start < b.start }, x.free)
	}
	x.classes[c].ReplaceOrInsert(gap{start, end})
}

// remove takes the gap out.
func (x *gapIndex) remove(start, end uint64) {
	if start != end {
		x.classes[gapClass(end-start)].Delete(gap{start: start})
	}
}

// highest returns the highest gap below limit that has size bytes above low.
func (x *gapIndex) highest(size, low, limit uint64) (best gap, ok bool) {
	if limit == 0 {
		return gap{}, false
	}
	for c := len(x.classes) - 1; c >= gapClass(size); c-- {
		if x.classes[c] == nil {
			continue
		}
		x.classes[c].DescendLessOrEqual(gap{start: limit - 1}, func(g gap) bool {
			switch {
			case g.end < low+size || ok && g.start < best.start:
				return false
			case g.end-max(g.start, low) >= size:
				best, ok = g, true
				return false
			}
			return true
		})
	}
	return best, ok
}

// lowest returns the lowest gap from the one that starts at from on that has size
// bytes between low and high.
func (x *gapIndex) lowest(size, from, low, high uint64) (best gap, ok bool) {
	for c := len(x.classes) - 1; c >= gapClass(size); c-- {
		if x.classes[c] == nil {
			continue
		}
		x.classes[c].AscendGreaterOrEqual(gap{start: from}, func(g gap) bool {
			start := max(g.start, low)
			switch {
			case start+size > high || ok && g.start > best.start:
				return false
			case start+size <= g.end:
				best, ok = g, true
				return false
			}
			return true
		})
	}
	return best, ok
}
