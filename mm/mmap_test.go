package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// The O_ access modes of test files.
const (
	readOnly  = 0
	writeOnly = 1
	readWrite = 2
)

// mapper is a [Mapper] made of a function.
type mapper func(vma *VMA) error

func (m mapper) Mmap(_ *sim.Task, _ *vfs.File, vma *VMA) error { return m(vma) }

func mappable(vma *VMA) error {
	vma.Ops = &VMOperations{Name: "test"}
	return nil
}

// fileThat returns a file that can be mapped, whose Mmap is the function.
func fileThat(m mapper, mode uint32) *vfs.File {
	return vfs.NewFile("f", &vfs.FileOperations{}, mode, m)
}

func TestMmapErrors(t *testing.T) {
	file := func(mode uint32) *vfs.File { return fileThat(mappable, mode) }
	for _, c := range []struct {
		name      string
		addr, len uint64
		prot      Prot
		flags     MapFlags
		file      *vfs.File
		pgoff     uint64
		want      error
	}{
		{"no file", 0, PageSize, protRW, MapPrivate, nil, 0, errno.EBADF},
		{"length 0", 0, 0, protRW, private, nil, 0, errno.EINVAL},
		{"length 0 wins over a bad type", 0, 0, protRW, MapAnonymous, nil, 0, errno.EINVAL},
		{"length wraps around", 0, math.MaxUint64, protRW, private, nil, 0, errno.ENOMEM},
		{"pgoff wraps around", 0, PageSize, protRW, MapPrivate, file(readWrite), math.MaxUint64, errno.EOVERFLOW},
		{"longer than the address space", 0, TaskSize + PageSize, protRW, private, nil, 0, errno.ENOMEM},
		{"as long as the address space", 0, TaskSize, protRW, private, nil, 0, errno.ENOMEM},
		{"fixed beyond the end", TaskSize, PageSize, protRW, fixed, nil, 0, errno.ENOMEM},
		{"fixed across the end", TaskSize - PageSize, 2 * PageSize, protRW, fixed, nil, 0, errno.ENOMEM},
		{"fixed unaligned", pg(0) + 1, PageSize, protRW, fixed, nil, 0, errno.EINVAL},
		{"fixed too low", 0, PageSize, protRW, fixed, nil, 0, errno.EPERM},
		{"fixed below mmap_min_addr", DefaultMmapMinAddr - PageSize, 2 * PageSize, protRW, fixed, nil, 0, errno.EPERM},
		{"the address wins over a bad type", 0, PageSize, protRW, MapAnonymous | MapFixed, nil, 0, errno.EPERM},
		{"no type", 0, PageSize, protRW, MapAnonymous, nil, 0, errno.EINVAL},
		{"both types", 0, PageSize, protRW, MapAnonymous | MapShared | MapPrivate, nil, 0, errno.EINVAL},
		{"shared memory that grows down", 0, PageSize, protRW, shared | MapGrowsDown, nil, 0, errno.EINVAL},
		{"fixed, not to be replaced", pg(1), PageSize, protRW, private | MapFixedNoReplace, nil, 0, errno.EEXIST},
		{"... in part", pg(3), 2 * PageSize, protRW, private | MapFixedNoReplace, nil, 0, errno.EEXIST},
		{"shared write, read-only file", 0, PageSize, protRW, MapShared, file(readOnly), 0, errno.EACCES},
		{"write-only file", 0, PageSize, ProtWrite, MapShared, file(writeOnly), 0, errno.EACCES},
		{"private, write-only file", 0, PageSize, ProtWrite, MapPrivate, file(writeOnly), 0, errno.EACCES},
		{"file that cannot be mapped", 0, PageSize, protRW, MapPrivate, vfs.NewFile("f", &vfs.FileOperations{}, readWrite, nil), 0, errno.ENODEV},
		{"file that grows down", 0, PageSize, protRW, MapPrivate | MapGrowsDown, file(readWrite), 0, errno.EINVAL},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mm.Facts.FixedNoReplace = true
			w.lay("PPPP")
			_, err := w.mm.Mmap(w.t, c.addr, c.len, c.prot, c.flags, c.file, c.pgoff)
			require.Equal(t, c.want, err)
			w.check()
			require.Equal(t, "PPPP", w.bar())
			if c.file != nil {
				require.EqualValues(t, 1, c.file.Count())
			}
		})
	}
}

func TestMmapLimit(t *testing.T) {
	w := newWorld(t)
	w.lay("P.Q.R")
	w.mm.MaxMapCount = 3
	_, err := w.mm.Mmap(w.t, 0, PageSize, protRW, private, nil, 0)
	require.NoError(t, err, "the limit may be exceeded by one, as in the kernel")
	_, err = w.mm.Mmap(w.t, 0, PageSize, protRW, private, nil, 0)
	require.Equal(t, errno.ENOMEM, err, "even though it would merge")
}

func TestMmapAllocationFailure(t *testing.T) {
	w := newWorld(t)
	w.failAt("mmap", 1)
	_, err := w.mm.Mmap(w.t, 0, PageSize, protRW, private, nil, 0)
	require.Equal(t, errno.ENOMEM, err)
	w.lay("PPPP")
	w.failAt("split_vma", 1)
	_, err = w.mm.Mmap(w.t, pg(1), PageSize, protRW, fixed, nil, 0)
	require.Equal(t, errno.ENOMEM, err, "the old mapping cannot be unmapped")
	require.Equal(t, "PPPP", w.bar())
}

func TestMmapFlags(t *testing.T) {
	for _, c := range []struct {
		name  string
		prot  Prot
		flags MapFlags
		want  VMFlags
	}{
		{"private", protRW, private, VMRead | VMWrite | mayAll | VMAccount | VMSoftDirty},
		{"private, no reserve", protRW, private | MapNoReserve, VMRead | VMWrite | mayAll | VMNoReserve | VMSoftDirty},
		{"private, read-only", ProtRead, private, VMRead | mayAll | VMSoftDirty},
		{"no access", ProtNone, private, mayAll | VMSoftDirty},
		{"unknown bits of prot", ProtRead | 0x100000, private, VMRead | mayAll | VMSoftDirty},
		{"shared", protRW, shared, VMRead | VMWrite | mayAll | VMShared | VMMayShare | VMSoftDirty},
		{"locked", protRW, private | MapLocked, VMRead | VMWrite | mayAll | VMLocked | VMAccount | VMSoftDirty},
		{"stack", protRW, private | MapGrowsDown, VMRead | VMWrite | mayAll | VMGrowsDown | VMAccount | VMSoftDirty},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mmap(0, 4, c.prot, c.flags)
			require.Equal(t, c.want, w.at(0).Flags)
			if c.flags&MapType == MapPrivate {
				require.Equal(t, pg(0)>>PageShift, w.at(0).Pgoff)
			} else {
				require.Zero(t, w.at(0).Pgoff)
			}
		})
	}
}

func TestMmapFile(t *testing.T) {
	w := newWorld(t)
	f := fileThat(mappable, readOnly)
	_, err := w.mm.Mmap(w.t, pg(0), 4*PageSize, ProtRead, MapShared|MapFixed, f, 7)
	require.NoError(t, err)
	vma := w.at(0)
	require.EqualValues(t, 2, f.Count())
	require.EqualValues(t, 7, vma.Pgoff)
	require.Equal(t, "test", vma.Ops.Name)
	require.Equal(t, VMRead|VMMayRead|VMMayExec|VMMayShare|VMSoftDirty, vma.Flags, "it can never write, so it is treated as private")

	// A mapping of the next part of the file merges, one of any other part does not.
	for i, pgoff := range []uint64{11, 16} {
		_, err = w.mm.Mmap(w.t, pg(4+4*i), 4*PageSize, ProtRead, MapShared|MapFixed, f, pgoff)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"0-8 r--s", "8-12 r--s"}, w.maps())
	require.EqualValues(t, 3, f.Count())
	require.NoError(t, w.mm.Munmap(w.t, pg(0), 12*PageSize))
	require.EqualValues(t, 1, f.Count())

	broken := fileThat(func(*VMA) error { return errno.EIO }, readOnly)
	_, err = w.mm.Mmap(w.t, pg(0), PageSize, ProtRead, MapPrivate|MapFixed, broken, 0)
	require.Equal(t, errno.EIO, err)
	require.EqualValues(t, 1, broken.Count())
	w.check()
	require.Empty(t, w.maps())

	special := fileThat(func(vma *VMA) error { vma.Flags |= VMPFNMap; return nil }, readOnly)
	_, err = w.mm.Mmap(w.t, pg(0), PageSize, ProtRead, MapPrivate|MapFixed|MapLocked, special, 0)
	require.NoError(t, err)
	require.Zero(t, w.at(0).Flags&VMLocked, "special memory is never locked")
}

// MAP_FIXED replaces the old mapping, including its registration (§17.7). A new mapping
// never merges with a registered one.
func TestMmapFixedReplaces(t *testing.T) {
	w := newWorld(t)
	p := w.lay("PPPPPPPP")['P']
	p.Userfault, p.Flags = &noUserfault{}, rw|VMUffdMissing
	w.mmap(2, 4, protRW, private)
	require.Equal(t, "PPaabbbb", w.bar())
	require.Nil(t, w.at(2).Userfault)
	require.NotNil(t, w.at(4).Userfault)
}

func TestMmapMerges(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.mmap(8, 12, protRW, private)
	w.mmap(4, 8, protRW, private)
	require.Equal(t, []string{"0-12 rw-p"}, w.maps())
	w.mmap(4, 8, ProtRead, private)
	require.Equal(t, []string{"0-4 rw-p", "4-8 r--p", "8-12 rw-p"}, w.maps())
	// Two shared mappings have different objects.
	w.mmap(20, 22, protRW, shared)
	w.mmap(22, 24, protRW, shared)
	require.Equal(t, []string{"20-22 rw-s", "22-24 rw-s"}, w.maps()[3:])
}

// Locked memory is present when mmap returns. mmap populates it after it has dropped
// mmap_lock.
func TestMmapLockedPopulates(t *testing.T) {
	for _, c := range []struct {
		name  string
		prot  Prot
		flags MapFlags
		want  bool
	}{
		{"locked", protRW, private | MapLocked, true},
		{"locked, read-only", ProtRead, private | MapLocked, true},
		{"locked, shared", protRW, shared | MapLocked, true},
		{"locked, no rights", ProtNone, private | MapLocked, false},
		{"not locked", protRW, private, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mmap(0, 2, c.prot, c.flags)
			w.mmap(3, 4, protRW, private)
			require.Equal(t, []bool{c.want, c.want, false}, []bool{w.present(pg(0)), w.present(pg(1)), w.present(pg(3))})
			w.frames()
		})
	}
	w := newWorld(t)
	_, err := w.mm.Mmap(w.t, pg(0), 1, protRW, fixed|MapLocked, nil, 0)
	require.NoError(t, err)
	require.True(t, w.present(pg(0)), "the length is rounded up")
	_, err = w.mm.Mmap(w.t, pg(1), 0, protRW, fixed|MapLocked, nil, 0)
	require.Equal(t, errno.EINVAL, err)
}
