package pager_test

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/examples/pager"
	"golang.org/x/sys/unix"
)

// The same pager on the running kernel.
func TestOnTheKernel(t *testing.T) {
	const pages, touchers = 1000, 2
	mem, err := unix.Mmap(-1, 0, pages*pager.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(mem)) }()
	k, err := pager.OpenKernel(mem)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skip("there is no userfaultfd here: ", err)
	}
	require.NoError(t, err)

	// The scheduler of Go does not see that a goroutine sleeps in a page fault: there have to
	// be more processors than such goroutines, for the pager to run on.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(touchers + 3))
	snapshot := &pager.Snapshot{Start: uint64(uintptr(unsafe.Pointer(&mem[0]))), Pages: make([]byte, len(mem))}
	for i := range pages {
		snapshot.Pages[i*pager.PageSize] = byte(i % 251)
	}
	var server, others sync.WaitGroup
	var ended error
	server.Go(func() { ended = snapshot.Serve(k) })
	var prefetched error
	others.Go(func() { prefetched = snapshot.Prefetch(k) })
	got := [touchers][pages]byte{}
	for i := range got {
		others.Go(func() {
			for n := range pages {
				at := n
				if i%2 == 0 {
					at = pages - 1 - n // from the other end
				}
				got[i][at] = mem[at*pager.PageSize]
			}
		})
	}
	others.Wait()
	require.NoError(t, k.Close())
	server.Wait()
	require.NoError(t, prefetched)
	require.ErrorIs(t, ended, os.ErrClosed)
	for i := range got {
		for n := range pages {
			require.Equal(t, byte(n%251), got[i][n], "page %d", n)
		}
	}
}
