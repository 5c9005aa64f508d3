package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/vfs"
)

// CheckInvariants finds every inconsistency that it can report.
func TestCheckInvariants(t *testing.T) {
	for _, c := range []struct {
		want   string
		damage func(mm *MM, v map[byte]*VMA)
	}{
		{"where the list has none", func(mm *MM, v map[byte]*VMA) { mm.first = nil }},
		{"where the list has [", func(mm *MM, v map[byte]*VMA) { v['P'].next = v['R'] }},
		{"the list goes on", func(mm *MM, v map[byte]*VMA) { v['R'].next = v['P'] }},
		{"the tree has it at", func(mm *MM, v map[byte]*VMA) { v['Q'].Start = pg(3) }},
		{"its link says", func(mm *MM, v map[byte]*VMA) { v['Q'].prev = nil }},
		{"overlap", func(mm *MM, v map[byte]*VMA) { v['P'].End = pg(5) }},
		{"map count 4", func(mm *MM, v map[byte]*VMA) { mm.mapCount++ }},
		{"found last, is not in the tree", func(mm *MM, v map[byte]*VMA) { mm.recent.Init(&VMA{Start: pg(0), End: pg(2)}) }},
		{"another address space", func(mm *MM, v map[byte]*VMA) { v['P'].mm = nil }},
		{"not page aligned", func(mm *MM, v map[byte]*VMA) { v['R'].End++ }},
		{"out of range", func(mm *MM, v map[byte]*VMA) { v['R'].End = TaskSize + PageSize }},
		{"REG-24", func(mm *MM, v map[byte]*VMA) { v['P'].Userfault = &noUserfault{} }},
		{"REG-24", func(mm *MM, v map[byte]*VMA) { v['P'].Flags |= VMUffdWP }},
		{"VM_MAYSHARE", func(mm *MM, v map[byte]*VMA) { v['P'].Flags |= VMShared }},
		{"no object behind it", func(mm *MM, v map[byte]*VMA) { v['P'].Flags |= VMShared | VMMayShare }},
		{"a chain of 0", func(mm *MM, v map[byte]*VMA) { v['P'].anon.Init(&AnonVMA{}) }},
		{"shared with an anon_vma", func(mm *MM, v map[byte]*VMA) {
			v['P'].Flags |= VMShared | VMMayShare
			v['P'].File = vfs.NewFile("f", nil, 0, nil)
			v['P'].anon.Init(&AnonVMA{chain: 1})
		}},
		{"is in the index as", func(mm *MM, v map[byte]*VMA) { mm.gaps.remove(pg(2), pg(4)); mm.gaps.add(pg(1), pg(3)) }},
		{"not in the index", func(mm *MM, v map[byte]*VMA) { mm.gaps = gapIndex{} }},
		{"is in class", func(mm *MM, v map[byte]*VMA) { mm.gaps.classes[1].ReplaceOrInsert(gap{pg(1), pg(2)}) }},
		{"3 gaps in the index, 2 in", func(mm *MM, v map[byte]*VMA) { mm.gaps.add(pg(0), pg(1)) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			w := newWorld(t)
			v := w.lay("PP..QQRR")
			c.damage(w.mm, v)
			require.ErrorContains(t, w.mm.CheckInvariants(w.t), c.want)
		})
	}
}
