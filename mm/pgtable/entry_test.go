package pgtable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntryString(t *testing.T) {
	require.Equal(t, "none", Entry(0).String())
	require.Equal(t, "pfn=3 present,rw,user,accessed,dirty", Make(3, tableBits).String())
	require.Equal(t, "pfn=1 present,zero-page", Make(1, Present|Special).String())
	require.Equal(t, "pfn=5 accessed", swapEntry.String())
}

func TestEntryAllows(t *testing.T) {
	for e, want := range map[Entry][2]bool{
		0:                   {false, false},
		Present | RW:        {false, false},
		Present | User:      {true, false},
		Present | User | RW: {true, true},
		User | RW:           {false, false},
		swapEntry:           {false, false},
	} {
		require.Equal(t, want, [2]bool{e.Allows(false), e.Allows(true)}, e)
	}
}

func TestLevels(t *testing.T) {
	const addr = 1<<39 + 2<<30 + 3<<21 + 4<<12 + 5
	for l, want := range map[Level]int{PGD: 1, PUD: 2, PMD: 3, PTE: 4} {
		require.Equal(t, want, l.Index(addr))
		require.Zero(t, l.Next(addr)%l.Span())
		require.Equal(t, want+1, l.Index(l.Next(addr)))
	}
	require.EqualValues(t, PMDSize, PMD.Span())
}
