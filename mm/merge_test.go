package mm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// mergeCases are the cases of vma_merge. X is read-only, the range is to become
// read-write. prev is P, or nil if there is no P; in case 4 the range is in P.
var mergeCases = []struct {
	number         int
	before, span   string
	after          string
	result         byte
	badPrev, badNx int // the case that applies if P or N cannot merge; 0: none, -1: not tested
}{
	{1, "PPPP....NNNN", "    AAAA", "PPPPPPPPPPPP", 'P', 3, 2},
	{2, "PPPP.....NNN", "    AAAA", "PPPPPPPP.NNN", 'P', 0, -1},
	{3, "PPP.....NNNN", "    AAAA", "PPP.NNNNNNNN", 'N', -1, 0},
	{4, "PPPPPPNNNNNN", "  AAAA", "PPNNNNNNNNNN", 'N', -1, 0},
	{5, "PPPPXXXXXXXX", "    AAAA", "PPPPPPPPXXXX", 'P', 0, -1},
	{6, "PPPPXXXXNNNN", "    AAAA", "PPPPPPPPPPPP", 'P', 8, 7},
	{7, "PPPPXXXX.NNN", "    AAAA", "PPPPPPPP.NNN", 'P', 0, -1},
	{8, "PPP.XXXXNNNN", "    AAAA", "PPP.XXXXXXXX", 'X', -1, 0},
}

// ask returns the attributes of the range: read-write anonymous memory without an
// anon_vma.
func ask(start uint64) Attributes { return Attributes{Flags: rw, Pgoff: start >> PageShift} }

// prepare creates the VMAs of a case.
func (w *world) prepare(before string) map[byte]*VMA {
	w.Helper()
	v := w.lay(before)
	if x := v['X']; x != nil {
		x.Flags = ro
	}
	return v
}

func TestMergeCases(t *testing.T) {
	for _, c := range mergeCases {
		t.Run(fmt.Sprintf("§17.5 case %d", c.number), func(t *testing.T) {
			w := newWorld(t)
			v := w.prepare(c.before)
			start, end := span(c.span)
			*w.events = nil
			w.locked(func() {
				got := w.mm.VMAMerge(w.t, v['P'], start, end, new(ask(start)))
				require.Same(t, v[c.result], got)
				if c.number == 8 {
					require.Equal(t, VMFlags(ro), got.Flags, "case 8 keeps the old flags")
				}
				require.Equal(t, got.Start>>PageShift, got.Pgoff)
			})
			require.Equal(t, c.after, w.bar())
			require.Equal(t, []sim.Event{{
				Seq: (*w.events)[0].Seq, Task: "t", Func: "vma_merge", Kind: "vma_merge", Object: rangeString(start, end),
				Args: []sim.Arg{{Key: "case", Value: c.number}, {Key: "result", Value: v[c.result].String()}},
			}}, (*w.events)[:1])
		})
	}
}

// If no VMA is below the range, prev is nil, and the range is the lowest VMA or below it.
func TestMergeWithoutPrev(t *testing.T) {
	for _, c := range []struct{ name, before, span, after string }{
		{"§17.5 case 3", "....NNNN", "AAAA", "NNNNNNNN"},
		{"§17.5 case 8", "XXXXNNNN", "AAAA", "XXXXXXXX"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.prepare(c.before)
			start, end := span(c.span)
			w.locked(func() { require.NotNil(t, w.mm.VMAMerge(w.t, nil, start, end, new(ask(start)))) })
			require.Equal(t, c.after, w.bar())
		})
	}
}

// spoilers change a VMA so that the range of the tests cannot merge with it.
var spoilers = []struct {
	name  string
	spoil func(*VMA)
}{
	{"flags", func(v *VMA) { v.Flags ^= VMExec }},
	{"special", func(v *VMA) { v.Flags |= VMDontExpand }},
	{"file", func(v *VMA) { v.File = vfs.NewFile("f", &vfs.FileOperations{}, 0, nil) }},
	{"close", func(v *VMA) { v.Ops = &VMOperations{Close: func(*VMA) {}} }},
	{"userfault", func(v *VMA) { v.Userfault, v.Flags = &noUserfault{}, v.Flags|VMUffdMissing }},
	{"userfault context alone", func(v *VMA) { v.Userfault = &noUserfault{} }},
	{"policy", func(v *VMA) { v.Policy = &MemPolicy{"bind:0"} }},
	{"pgoff", func(v *VMA) { v.Pgoff++ }},
	{"forked anon_vma", func(v *VMA) { v.anon.Init(&AnonVMA{chain: 2}) }},
}

func TestMergeConditions(t *testing.T) {
	for _, c := range mergeCases {
		for _, s := range spoilers {
			for _, side := range []struct {
				vma  byte
				left int
			}{{'P', c.badPrev}, {'N', c.badNx}} {
				if side.left < 0 {
					continue
				}
				t.Run(fmt.Sprintf("§17.5 case %d/%c has another %s", c.number, side.vma, s.name), func(t *testing.T) {
					w := newWorld(t)
					v := w.prepare(c.before)
					s.spoil(v[side.vma])
					start, end := span(c.span)
					a := ask(start)
					m := decideMerge(v['P'], w.mm.after(v['P']), start, end, &a)
					require.Equal(t, side.left, m.number)
				})
			}
		}
	}
}

// VMAs merge although they differ in soft-dirty, or have equal policies at different
// addresses.
func TestMergeIgnores(t *testing.T) {
	w := newWorld(t)
	v := w.prepare("PPPP....NNNN")
	v['P'].Flags &^= VMSoftDirty
	v['P'].Policy, v['N'].Policy = &MemPolicy{"bind:0"}, &MemPolicy{"bind:0"}
	a := ask(pg(4))
	a.Policy = &MemPolicy{"bind:0"}
	require.Equal(t, 1, decideMerge(v['P'], v['N'], pg(4), pg(8), &a).number)

	a.Flags |= VMPFNMap
	v['P'].Flags |= VMPFNMap
	require.Zero(t, decideMerge(v['P'], v['N'], pg(4), pg(8), &a).number, "special memory never merges")
}

// A range merges with a registered neighbour if it has the same context (REG-15).
func TestMergeSameUserfault(t *testing.T) {
	w := newWorld(t)
	v := w.prepare("PPPPXXXX")
	ctx := &noUserfault{}
	v['P'].Userfault, v['P'].Flags = ctx, rw|VMUffdMissing
	v['X'].Flags = rw
	a := v['X'].Attributes()
	a.Userfault, a.Flags = ctx, rw|VMUffdMissing
	w.locked(func() { require.Same(t, v['P'], w.mm.VMAMerge(w.t, v['P'], pg(4), pg(8), &a)) })
	require.Equal(t, "PPPPPPPP", w.bar())
}

// The condition on the anon_vmas, a of the range and b of the VMA, is not symmetric.
func TestMergeAnonVMA(t *testing.T) {
	own, other := &AnonVMA{chain: 1}, &AnonVMA{chain: 1}
	forked := &AnonVMA{chain: 2}
	for _, c := range []struct {
		name string
		a, b *AnonVMA
		ok   bool
	}{
		{"both unfaulted", nil, nil, true},
		{"unfaulted range, faulted VMA", nil, own, true},
		{"faulted range, unfaulted VMA", own, nil, false},
		{"the same", own, own, true},
		{"two of them", own, other, false},
		{"unfaulted range, forked VMA", nil, forked, false},
		{"forked range, unfaulted VMA", forked, nil, false},
		{"the same, forked", forked, forked, true},
	} {
		t.Run("§17.5 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			v := w.prepare("PPPP.....NNN")
			v['P'].anon.Init(c.b)
			v['N'].anon.Init(c.b)
			a := ask(pg(4))
			a.AnonVMA = c.a
			require.Equal(t, c.ok, decideMerge(v['P'], v['N'], pg(4), pg(8), &a).number == 2)
			b := ask(pg(5))
			b.AnonVMA = c.a
			require.Equal(t, c.ok, decideMerge(v['P'], v['N'], pg(5), pg(9), &b).number == 3)
		})
	}
	t.Run("§17.5 the neighbours differ", func(t *testing.T) {
		w := newWorld(t)
		v := w.prepare("PPPP....NNNN")
		v['P'].anon.Init(own)
		v['N'].anon.Init(other)
		a := ask(pg(4))
		require.Equal(t, 2, decideMerge(v['P'], v['N'], pg(4), pg(8), &a).number, "not case 1")
	})
}

// A VMA that grows over faulted memory gets its anon_vma.
func TestMergeImportsAnonVMA(t *testing.T) {
	for _, c := range []struct{ before, span string }{
		{"PPPP....NNNN", "    AAAA"}, // case 1: P swallows N
		{"PPPPXXXXNNNN", "    AAAA"}, // case 6
		{"....XXXXNNNN", "    AAAA"}, // case 8: X swallows N
	} {
		w := newWorld(t)
		v := w.prepare(c.before)
		anon := &AnonVMA{chain: 1}
		v['N'].anon.Init(anon)
		start, end := span(c.span)
		w.locked(func() {
			got := w.mm.VMAMerge(w.t, v['P'], start, end, new(ask(start)))
			require.Same(t, anon, got.AnonVMA(), c.before)
		})
	}
	// In cases 4 and 5 the condition on the anon_vmas excludes this, but vma_adjust
	// handles it.
	for _, c := range []struct {
		exporter, importer byte
		boundary           int
	}{{'P', 'N', 2}, {'N', 'P', 6}} {
		w := newWorld(t)
		v := w.lay("PPPPNNNN")
		anon := &AnonVMA{chain: 1}
		v[c.exporter].anon.Init(anon)
		w.locked(func() { w.mm.vmaAdjust(w.t, v['P'], pg(0), pg(c.boundary), v['P'].Pgoff, nil) })
		require.Same(t, anon, v[c.importer].AnonVMA())
		require.Equal(t, pg(c.boundary), v['N'].Start)
		require.Equal(t, pg(c.boundary)>>PageShift, v['N'].Pgoff)
	}
}

func TestMergeAllocationFailure(t *testing.T) {
	w := newWorld(t)
	v := w.prepare("PPPP....NNNN")
	w.failAt("vma_merge", 1)
	w.locked(func() { require.Nil(t, w.mm.VMAMerge(w.t, v['P'], pg(4), pg(8), new(ask(pg(4))))) })
	require.Equal(t, "PPPP....NNNN", w.bar())
}

// The reference to the file of a VMA that is merged away is dropped.
func TestMergePutsFile(t *testing.T) {
	w := newWorld(t)
	v := w.prepare("PPPP....NNNN")
	f := vfs.NewFile("f", &vfs.FileOperations{}, 0, nil)
	for _, vma := range v {
		f.Get(w.t)
		vma.File = f
	}
	a := ask(pg(4))
	a.File = f
	w.locked(func() { require.Same(t, v['P'], w.mm.VMAMerge(w.t, v['P'], pg(4), pg(8), &a)) })
	require.EqualValues(t, 2, f.Count(), "the opener's and P's")
}
