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
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// The same pager works on the running kernel.
func TestOnTheKernel(t *testing.T) {
	const pages, touchers = 1000, 2
	mem, err := unix.Mmap(-1, 0, pages*pager.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(mem)) }()
	k, err := pager.OpenKernel(mem, abi.UserModeOnly) // only this test touches mem
	if e, ok := errors.AsType[*os.SyscallError](err); ok && e.Syscall == "userfaultfd" {
		t.Skip("no userfaultfd: ", err) // not built in, forbidden, or older than 5.11
	}
	require.NoError(t, err)

	// Go's scheduler does not see that a goroutine sleeps in a page fault. GOMAXPROCS
	// must be larger than the number of such goroutines, so that the pager can run.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(touchers + 3))
	snapshot := &pager.Snapshot{Start: uint64(uintptr(unsafe.Pointer(&mem[0]))), Pages: make([]byte, len(mem))}
	for i := range pages {
		snapshot.Pages[i*pager.PageSize] = byte(i % 251)
	}
	var server, others sync.WaitGroup
	var ended error
	server.Go(func() {
		ended = snapshot.Serve(k)
		_ = k.Close() // after a failure the others would otherwise sleep forever
	})
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
	closed := k.Close()
	server.Wait()
	require.ErrorIs(t, ended, os.ErrClosed)
	require.NoError(t, closed)
	require.NoError(t, prefetched)
	for i := range got {
		for n := range pages {
			require.Equal(t, byte(n%251), got[i][n], "page %d", n)
		}
	}
}
