package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

func TestUserCopyAcrossPages(t *testing.T) {
	w := newWorld(t)
	w.mapped(3, protRW, nil)
	src := append(ptBytes(1, 'a'), ptBytes(1, 'b')...)
	require.NoError(t, CopyToUser(w.t, pg(0)+100, src))
	dst := make([]byte, len(src))
	require.NoError(t, CopyFromUser(w.t, dst, pg(0)+100))
	require.Equal(t, src, dst)
	require.EqualValues(t, 3, Current(w.t).MinFlt, "one fault a page")
	w.frames()
}

// A copy that ends with EFAULT has stored the bytes before the page that cannot be
// written.
func TestUserCopyPartial(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead))
	require.Equal(t, errno.EFAULT, CopyToUser(w.t, pg(1)-4, []byte("12345678")))
	var buf [8]byte
	require.NoError(t, CopyFromUser(w.t, buf[:], pg(1)-4))
	require.Equal(t, "1234\x00\x00\x00\x00", string(buf[:]))
	require.Equal(t, errno.EFAULT, CopyFromUser(w.t, buf[:], pg(2)-4))
	w.frames()
}

// access_ok: a range that wraps around or extends beyond user addresses is EFAULT before
// any access.
func TestUserCopyAccessOK(t *testing.T) {
	for _, c := range []struct {
		addr uint64
		n    int
		err  error
	}{
		{TaskSize - PageSize, PageSize, nil},
		{TaskSize - PageSize, PageSize + 1, errno.EFAULT},
		{TaskSize, 1, errno.EFAULT},
		{math.MaxUint64, 1, errno.EFAULT},
		{math.MaxUint64 - 10, 100, errno.EFAULT},
		{1 << 63, 8, errno.EFAULT},
		{windowBase - 4, 8, errno.EFAULT},
		{windowLimit, 1, errno.EFAULT},
	} {
		w := newWorld(t)
		_, err := w.mm.Mmap(w.t, TaskSize-PageSize, PageSize, protRW, fixed, nil, 0)
		require.NoError(t, err)
		require.Equal(t, c.err, CopyToUser(w.t, c.addr, make([]byte, c.n)), "%#x", c.addr)
		if c.err != nil {
			require.Equal(t, c.err, CopyFromUser(w.t, make([]byte, c.n), c.addr), "%#x", c.addr)
			require.Zero(t, w.memory.InUse(), "nothing was touched")
		}
		w.frames()
	}
}

// Lent Go memory can be read and written up to its last byte, and is EFAULT beyond it. It
// needs no mapping and raises no fault.
func TestLentWindow(t *testing.T) {
	w := newWorld(t)
	th := Current(w.t)
	mem := []byte("0123456789")
	p0, p1 := th.Lend(0, mem), th.Lend(1, []byte("x"))
	require.NotEqual(t, p0, p1)
	require.Greater(t, p0, uint64(TaskSize))
	for _, c := range []struct {
		addr uint64
		n    int
		want string
		err  error
	}{
		{p0, 10, "0123456789", nil},
		{p0 + 9, 1, "9", nil},
		{p0 + 10, 1, "", errno.EFAULT},
		{p0, 11, "", errno.EFAULT},
		{p0 + 5, 6, "", errno.EFAULT},
		{p1, 1, "x", nil},
		{p1, 2, "", errno.EFAULT},
		{p1 - 1, 1, "", errno.EFAULT},
	} {
		buf := make([]byte, c.n)
		require.Equal(t, c.err, CopyFromUser(w.t, buf, c.addr))
		if c.err == nil {
			require.Equal(t, c.want, string(buf))
		} else {
			require.Equal(t, c.err, CopyToUser(w.t, c.addr, buf))
		}
	}
	require.NoError(t, CopyToUser(w.t, p0+2, []byte("ab")))
	require.Equal(t, "01ab456789", string(mem))
	th.Lend(1, nil)
	require.Equal(t, errno.EFAULT, CopyFromUser(w.t, make([]byte, 1), p1))
	th.TakeBack()
	require.Equal(t, errno.EFAULT, CopyFromUser(w.t, make([]byte, 1), p0))
	require.Equal(t, errno.EFAULT, CopyFromUser(w.t, make([]byte, 1), p1))
	require.Zero(t, th.MajFlt+th.MinFlt)
}

func TestPutUser64(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	require.NoError(t, PutUser64(w.t, pg(0)+8, 0x1122334455667788))
	var b [8]byte
	require.NoError(t, CopyFromUser(w.t, b[:], pg(0)+8))
	require.Equal(t, [8]byte{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}, b)
	require.Equal(t, errno.EFAULT, PutUser64(w.t, pg(1)-4, 0))
}

// PutUser64 is one instruction: across two pages it stores all 8 bytes or none.
func TestPutUser64AcrossPages(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(2, protRW, u)
	w.mmap(2, 3, ProtRead, private)
	require.NoError(t, PutUser64(w.t, pg(1)-4, 0x1122334455667788))
	var b [8]byte
	require.NoError(t, CopyFromUser(w.t, b[:], pg(1)-4))
	require.Equal(t, [8]byte{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}, b)
	require.Equal(t, []uffdCall{
		{pg(1) - 4, FaultAllowRetry | FaultKillable | FaultWrite, VMUffdMissing},
		{pg(1), FaultAllowRetry | FaultKillable | FaultWrite, VMUffdMissing},
	}, u.calls)
	require.Equal(t, errno.EFAULT, PutUser64(w.t, pg(2)-1, 0))
	require.Equal(t, byte('x'), w.loadAt(pg(2)-1))
	require.Equal(t, errno.EFAULT, PutUser64(w.t, pg(3)-1, 0), "the first page is the bad one")
	require.Equal(t, errno.EFAULT, PutUser64(w.t, TaskSize-7, 0))
	require.NoError(t, PutUser64(w.t, pg(2)-8, 0), "ends exactly at the bad page")
	w.frames()
}

// A copy in kernel mode raises userfaults like any access, but without FaultUser (§17.2),
// and returns EFAULT where user mode gets SIGBUS.
func TestUserCopyUserfault(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(2, protRW, u)
	var buf [4]byte
	require.NoError(t, CopyFromUser(w.t, buf[:], pg(1)-2))
	require.Equal(t, "xxxx", string(buf[:]))
	require.Equal(t, []uffdCall{
		{pg(1) - 2, FaultAllowRetry | FaultKillable, VMUffdMissing},
		{pg(1), FaultAllowRetry | FaultKillable, VMUffdMissing},
	}, u.calls)
	require.NoError(t, w.mm.Madvise(w.t, pg(0), PageSize, MadvDontNeed))
	u.during = nil
	require.Equal(t, errno.EFAULT, CopyFromUser(w.t, buf[:], pg(0)))
	w.frames()
}

// With page faults disabled a missing page is EFAULT at once, without a fault.
func TestInatomicCopy(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mapped(2, protRW, u)
	_, err := w.copyPage(w.t, pg(0), 'x')
	require.NoError(t, err)
	var buf [4]byte
	w.readLocked(func() { // as in the kernel, where a fault would deadlock
		require.NoError(t, copyFromUserInatomic(w.t, buf[:], pg(0)))
		require.Equal(t, "xxxx", string(buf[:]))
		require.Equal(t, errno.EFAULT, copyFromUserInatomic(w.t, buf[:], pg(1)))
	})
	require.Empty(t, u.calls)
}

// LOCK-4: no spinlock may be held across a user copy that can fault.
func TestUserCopyUnderSpinlock(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	class := &sim.LockClass{Name: "test", Rank: 5}
	var lock sim.SpinLock
	lock.Init(class)
	r := w.controlled(inTurn{})
	r.start("K", func(t *sim.Task) {
		lock.Lock(t)
		CopyFromUser(t, make([]byte, 1), pg(0))
	})
	var bug *sim.Bug
	require.ErrorAs(t, r.exec.Settle(), &bug)
	require.Equal(t, sim.BugAtomicSleep, bug.Kind)
}
