package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// KernelFuncs has no kernel function twice.
func TestVMAFuncs(t *testing.T) {
	names, gos := map[string]bool{}, map[string]bool{}
	for _, f := range vmaFuncs {
		require.False(t, names[f.Name], f.Name)
		require.False(t, gos[f.GoName()], f.GoName())
		names[f.Name], gos[f.GoName()] = true, true
	}
}

// The events that VMA operations emit, with the kernel functions that emit them.
func TestVMAEvents(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), 2*PageSize, ProtRead))
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), 2*PageSize, protRW))
	require.NoError(t, w.mm.Munmap(w.t, pg(0), 2*PageSize))
	type event struct{ fn, kind, object string }
	var got []event
	for _, e := range *w.events {
		got = append(got, event{e.Func, e.Kind, e.Object})
	}
	require.Equal(t, []event{
		{"vma_link", "vma_insert", "[0x100000, 0x104000)"},
		{"__split_vma", "vma_split", "[0x100000, 0x104000)"},
		{"vma_adjust", "vma_change", "[0x102000, 0x104000)"},
		{"vma_adjust", "vma_insert", "[0x100000, 0x102000)"},
		{"mprotect_fixup", "vma_change", "[0x102000, 0x104000)"},
		{"vma_merge", "vma_merge", "[0x102000, 0x104000)"},
		{"vma_adjust", "vma_remove", "[0x102000, 0x104000)"},
		{"vma_adjust", "vma_change", "[0x100000, 0x104000)"},
		{"mprotect_fixup", "vma_change", "[0x100000, 0x104000)"},
		{"__split_vma", "vma_split", "[0x100000, 0x104000)"},
		{"vma_adjust", "vma_change", "[0x102000, 0x104000)"},
		{"vma_adjust", "vma_insert", "[0x100000, 0x102000)"},
		{"detach_vmas_to_be_unmapped", "vma_remove", "[0x100000, 0x102000)"},
	}, got)
	require.Equal(t, []sim.Arg{{Key: "case", Value: 7}, {Key: "result", Value: "[0x100000, 0x104000)"}}, (*w.events)[5].Args)
	require.Equal(t, []sim.Arg{{Key: "at", Value: pg(2)}, {Key: "new_below", Value: true}}, (*w.events)[1].Args)
	require.Equal(t, []sim.Arg{
		{Key: "mm", Value: "mm1"}, {Key: "was", Value: pg(2)}, {Key: "start", Value: pg(2)}, {Key: "end", Value: pg(4)},
		{Key: "prot", Value: "r--p"}, {Key: "backing", Value: ""}, {Key: "uffd", Value: ""}, {Key: "modes", Value: ""},
	}, (*w.events)[4].Args)
}
