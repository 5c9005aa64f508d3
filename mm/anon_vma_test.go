package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

func TestAnonVMAPrepare(t *testing.T) {
	own := &AnonVMA{chain: 1}
	for _, c := range []struct {
		name  string
		setup func(v map[byte]*VMA)
		reuse bool
	}{
		{"§17.5 that of the VMA above", func(v map[byte]*VMA) { v['N'].anon.Init(own) }, true},
		{"§17.5 that of the VMA below", func(v map[byte]*VMA) { v['P'].anon.Init(own) }, true},
		{"§17.5 the one above first", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['P'].anon.Init(&AnonVMA{chain: 1}) }, true},
		{"§17.5 other rights do not matter", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['N'].Flags &^= VMWrite }, true},
		{"§17.5 nor does a userfault context", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['N'].Userfault = &noUserfault{} }, true},
		{"§17.5 but its flag does", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['N'].Flags |= VMUffdMissing }, false},
		{"§17.5 not a forked one", func(v map[byte]*VMA) { v['N'].anon.Init(&AnonVMA{chain: 2}) }, false},
		{"§17.5 not of another policy", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['N'].Policy = &MemPolicy{"x"} }, false},
		{"§17.5 not of another offset", func(v map[byte]*VMA) { v['P'].anon.Init(own); v['P'].Pgoff++ }, false},
		{"§17.5 not of another kind", func(v map[byte]*VMA) { v['N'].anon.Init(own); v['N'].Flags |= VMDontCopy }, false},
		{"§17.5 not across a hole", func(v map[byte]*VMA) { v['F'].anon.Init(own) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			v := w.lay("PPPPXXXXNNNN.FFF")
			c.setup(v)
			require.NoError(t, v['X'].anonVMAPrepare(w.t))
			got := v['X'].AnonVMA()
			require.Equal(t, c.reuse, got == own)
			require.True(t, got.singular())
			require.NoError(t, v['X'].anonVMAPrepare(w.t))
			require.Same(t, got, v['X'].AnonVMA())
		})
	}
	w := newWorld(t)
	v := w.lay("PPPP")
	w.failAt("anon_vma", 1)
	require.Equal(t, errno.ENOMEM, v['P'].anonVMAPrepare(w.t))
	require.Nil(t, v['P'].AnonVMA())
}

// Faults prepare the anon_vma under the read lock in parallel, without a data race.
func TestAnonVMAPrepareConcurrently(t *testing.T) {
	w := newWorld(t)
	v := w.lay("PPPPXXXXNNNN")
	exec := &sim.Free{}
	for i := range 12 {
		exec.Go("fault", &Thread{MM: w.mm}, func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			_ = v["PXN"[i%3]].anonVMAPrepare(t)
			w.mm.MmapLock.UpRead(t)
		})
	}
	exec.Wait()
	for _, vma := range v {
		require.True(t, vma.AnonVMA().singular())
	}
}
