package sim

import (
	"iter"
	"slices"
)

// labelIndex holds the labels of a controlled executor in ascending order of address.
//
// Two structures of Go's memory never overlap. With weak labels a structure may however
// lie where one lay before that no longer exists. The index drops the label of the old
// one when the new one gets its label, and all such labels from time to time.
type labelIndex struct {
	chunks [][]*label // none is empty, none has more than maxChunk labels
	count  int
	limit  int // the count at which prune is called next
}

const (
	// maxChunk bounds the labels that an insertion moves. A run of the explorer has one
	// chunk.
	maxChunk = 512
	// minLimit is the smallest count at which pruning is worth the time.
	minLimit = 1024
)

// live reports whether the label's structure still exists.
func (l *label) live() bool { return l.ref != nil || l.weak.Value() != nil }

// chunkOf returns the place of the last chunk that begins at or below the address, 0 if
// none.
func (x *labelIndex) chunkOf(at uintptr) int {
	lo, hi := 0, len(x.chunks)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; x.chunks[mid][0].base <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// above returns how many labels of the chunk lie at or below the address.
func above(chunk []*label, at uintptr) int {
	lo, hi := 0, len(chunk)
	for lo < hi {
		if mid := (lo + hi) / 2; chunk[mid].base <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// atOrBelow returns the last label at or below the address, nil if none.
func (x *labelIndex) atOrBelow(at uintptr) *label {
	if len(x.chunks) == 0 {
		return nil
	}
	chunk := x.chunks[x.chunkOf(at)]
	if i := above(chunk, at); i > 0 {
		return chunk[i-1]
	}
	return nil
}

// add inserts a label. It replaces one at the same address.
func (x *labelIndex) add(l *label) {
	if l.ref == nil {
		x.removeWithin(l)
	}
	if len(x.chunks) == 0 {
		x.chunks = append(x.chunks, nil)
	}
	k := x.chunkOf(l.base)
	i := above(x.chunks[k], l.base)
	if i > 0 && x.chunks[k][i-1].base == l.base {
		x.chunks[k][i-1] = l // the owner reuses the memory
		return
	}
	x.chunks[k] = slices.Insert(x.chunks[k], i, l)
	x.count++
	if chunk := x.chunks[k]; len(chunk) > maxChunk {
		half := len(chunk) / 2
		x.chunks[k] = slices.Clip(chunk[:half])
		x.chunks = slices.Insert(x.chunks, k+1, slices.Clone(chunk[half:]))
		clear(chunk[half:])
	}
	if l.ref == nil && x.count >= max(x.limit, minLimit) {
		x.prune()
	}
}

// removeWithin removes the labels of structures that lay where the label's structure
// lies now.
func (x *labelIndex) removeWithin(l *label) {
	for {
		old := x.atOrBelow(l.base + l.size - 1)
		if old == nil || old.base <= l.base || old.live() {
			return
		}
		k := x.chunkOf(old.base)
		i := above(x.chunks[k], old.base) - 1
		x.chunks[k] = slices.Delete(x.chunks[k], i, i+1)
		x.count--
		if len(x.chunks[k]) == 0 {
			x.chunks = slices.Delete(x.chunks, k, k+1)
		}
	}
}

// prune removes the labels of structures that no longer exist.
func (x *labelIndex) prune() {
	chunks := x.chunks[:0]
	x.count = 0
	for _, chunk := range x.chunks {
		chunk = slices.DeleteFunc(chunk, func(l *label) bool { return !l.live() })
		if len(chunk) > 0 {
			chunks = append(chunks, chunk)
			x.count += len(chunk)
		}
	}
	clear(x.chunks[len(chunks):])
	x.chunks = chunks
	x.limit = 2 * x.count
}

// all returns the labels.
func (x *labelIndex) all() iter.Seq[*label] {
	return func(yield func(*label) bool) {
		for _, chunk := range x.chunks {
			for _, l := range chunk {
				if !yield(l) {
					return
				}
			}
		}
	}
}
