package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
)

func TestMadviseErrors(t *testing.T) {
	for _, c := range []struct {
		name          string
		start, length uint64
		advice        Advice
		setup         func(*VMA)
		want          error
	}{
		{"unknown", pg(0), PageSize, 99, nil, errno.EINVAL},
		{"unknown, length 0", pg(0), 0, 99, nil, errno.EINVAL},
		{"unaligned", pg(0) + 1, PageSize, MadvDontNeed, nil, errno.EINVAL},
		{"length wraps around to 0", pg(0), math.MaxUint64, MadvDontNeed, nil, errno.EINVAL},
		{"wraps around", pg(0), math.MaxUint64 - 2*PageSize, MadvDontNeed, nil, errno.EINVAL},
		{"nothing there", pg(20), PageSize, MadvDontNeed, nil, errno.ENOMEM},
		{"locked", pg(0), PageSize, MadvDontNeed, func(v *VMA) { v.Flags |= VMLocked }, errno.EINVAL},
		{"io", pg(0), PageSize, MadvDoFork, func(v *VMA) { v.Flags |= VMIO }, errno.EINVAL},
		{"special", pg(0), PageSize, MadvDoDump, func(v *VMA) { v.Flags |= VMDontExpand }, errno.EINVAL},
		{"shared", pg(0), PageSize, MadvHugePage, func(v *VMA) { v.Flags |= VMMayShare }, errno.EINVAL},
		{"huge already", pg(0), PageSize, MadvHugePage, func(v *VMA) { v.Flags |= VMHugePage }, errno.EINVAL},
		{"not huge already", pg(0), PageSize, MadvNoHugePage, func(v *VMA) { v.Flags |= VMNoHugePage }, errno.EINVAL},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.lay("PPPP..QQ")['P']
			if c.setup != nil {
				c.setup(p)
			}
			require.Equal(t, c.want, w.mm.Madvise(w.t, c.start, c.length, c.advice))
			w.check()
			require.Equal(t, "PPPP..QQ", w.bar())
		})
	}
}

func TestMadviseFlags(t *testing.T) {
	for _, c := range []struct {
		advice     Advice
		had, gives VMFlags
	}{
		{MadvNormal, VMRandRead, 0},
		{MadvRandom, VMSeqRead, VMRandRead},
		{MadvSequential, VMRandRead, VMSeqRead},
		{MadvWillNeed, VMRandRead, VMRandRead},
		{MadvDontFork, 0, VMDontCopy},
		{MadvDoFork, VMDontCopy, 0},
		{MadvHugePage, VMNoHugePage, VMHugePage},
		{MadvNoHugePage, VMHugePage, VMNoHugePage},
		{MadvDontDump, 0, VMDontDump},
		{MadvDoDump, VMDontDump, 0},
	} {
		w := newWorld(t)
		w.lay("PPPP")['P'].Flags |= c.had
		require.NoError(t, w.mm.Madvise(w.t, pg(1), 2*PageSize, c.advice))
		w.check()
		require.Equal(t, c.had, w.at(0).Flags&^rw)
		require.Equal(t, c.gives, w.at(1).Flags&^rw)
		require.Equal(t, c.had, w.at(3).Flags&^rw)
	}
}

// The parts merge again, and the registration is kept (§17.7).
func TestMadviseBack(t *testing.T) {
	w := newWorld(t)
	p := w.lay("PPPPPP")['P']
	p.Userfault, p.Flags = &noUserfault{}, rw|VMUffdMissing
	require.NoError(t, w.mm.Madvise(w.t, pg(2), 2*PageSize, MadvDontFork))
	require.Equal(t, 3, w.mm.mapCount)
	require.NoError(t, w.mm.Madvise(w.t, pg(0), 6*PageSize, MadvDoFork))
	w.check()
	require.Equal(t, 1, w.mm.mapCount)
	require.NotNil(t, w.at(3).Userfault)
}

// A hole is an error, but the advice is applied to the rest of the range.
func TestMadviseHoles(t *testing.T) {
	for _, s := range []string{"AAAAAAAA", "  AAAA", "    AAAA", "      AAAA"} {
		w := newWorld(t)
		w.mmap(0, 4, protRW, private)
		w.mmap(6, 8, protRW, private)
		for _, i := range []int{0, 3, 6, 7} {
			w.store(i, 'x')
		}
		start, end := span(s)
		require.Equal(t, errno.ENOMEM, w.mm.Madvise(w.t, start, end-start, MadvDontNeed), s)
		for _, i := range []int{0, 3, 6, 7} {
			require.Equal(t, pg(i) >= start && pg(i) < end, w.load(i) == 0, "%s column %d", s, i)
		}
	}
	w := newWorld(t)
	w.lay("PPPP")
	require.NoError(t, w.mm.Madvise(w.t, pg(8), 0, MadvDontNeed), "an empty range has no holes")
}

func TestMadviseNoRoom(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPP")
	w.mm.MaxMapCount = 1
	require.Equal(t, errno.EAGAIN, w.mm.Madvise(w.t, pg(1), PageSize, MadvDontFork))
	require.NoError(t, w.mm.Madvise(w.t, pg(0), 4*PageSize, MadvDontFork))
}
