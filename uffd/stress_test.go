package uffd_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"go.uber.org/goleak"
)

const crowd = 10_000

// throng is a set of tasks on the free executor, one for each page of registered memory.
type throng struct {
	*require.Assertions
	exec *sim.Free
	m    *machine.Machine
	p    *machine.Process
	main *machine.Task
	fd   int
	ctx  *uffd.Ctx

	loaded, sigbus, sigsegv atomic.Uint64
}

func newThrong(t testing.TB, pages uint64) *throng {
	version, ok := kernel.Lookup("2015+copy")
	require.True(t, ok)
	s := &throng{Assertions: require.New(t), exec: new(sim.Free)}
	s.m = machine.New(s.exec, version)
	s.p = s.m.NewProcess()
	s.main = s.p.Attach(s.exec, "main")
	var err error
	s.fd, err = s.main.Userfaultfd(0)
	s.NoError(err)
	s.ctx = s.p.Ctx(s.fd)
	api := abi.API{API: abi.APIVersion}
	s.NoError(s.main.UffdAPI(s.fd, &api))
	_, err = s.main.Mmap(arena, pages*page, rw, fixed, -1, 0)
	s.NoError(err)
	arg := missing(0, int(pages))
	s.NoError(s.main.UffdRegister(s.fd, &arg))
	return s
}

// touch starts the tasks: they load from even pages and store to odd ones.
func (s *throng) touch() {
	for i := range crowd {
		s.p.Go("f", func(t *machine.Task) {
			var outcome mm.Outcome
			b := []byte{0}
			if i%2 == 0 {
				outcome, _ = t.Load(pg(i), b)
			} else {
				outcome, _ = t.Store(pg(i)+1, b)
			}
			switch outcome {
			case mm.Done:
				s.loaded.Add(1)
			case mm.BusError:
				s.sigbus.Add(1)
			case mm.SegFault:
				s.sigsegv.Add(1)
			}
		}, nil)
	}
}

// serve reads faults and copies pages that begin with the page's number, n times or until
// the descriptor is closed or the range is no longer registered.
func (s *throng) serve(t *machine.Task, n int) (served int) {
	buf := make([]byte, 16*abi.MsgSize)
	src := make([]byte, page)
	for served < n {
		got, err := t.ReadBytes(s.fd, buf)
		if err != nil {
			s.Equal(errno.EBADF, err)
			return served
		}
		for msgs := buf[:got]; len(msgs) > 0; msgs = msgs[abi.MsgSize:] {
			var msg abi.Msg
			msg.Decode(msgs)
			dst := msg.Address & mm.PageMask
			src[0], src[2] = byte(dst>>mm.PageShift), byte(dst>>(mm.PageShift+8))
			c := abi.Copy{Dst: dst, Src: t.Lend(1, src), Len: page}
			switch err := t.UffdCopy(s.fd, &c); err {
			case nil:
				served++
			case errno.EINVAL, errno.EBADF: // unmapped, released or closed meanwhile
			default:
				s.NoError(err)
			}
		}
	}
	return served
}

func (s *throng) checkGone() {
	s.NoError(s.exec.Settle())
	s.exec.Wait()
	s.NoError(s.p.CheckInvariants())
	s.NoError(mm.CheckFrames(s.p.MM))
	s.main.Exit()
	s.True(s.ctx.Freed())
	s.Zero(s.ctx.Refs())
	s.NoError(s.ctx.CheckInvariants(false))
	s.Zero(s.p.MM.Users())
	s.Zero(s.m.Memory().InUse())
}

// Many faults and one monitor: every fault is read once, and gets its own page.
func TestStressOneMonitor(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newThrong(t, crowd)
	s.touch()
	s.p.Go("monitor", func(t *machine.Task) { s.Equal(crowd, s.serve(t, crowd)) }, nil)
	s.exec.Wait()
	s.EqualValues(crowd, s.loaded.Load())
	s.EqualValues(crowd, s.m.Memory().InUse())
	s.EqualValues(1, s.ctx.Refs())
	pending, seen := s.ctx.Queues()
	s.Empty(pending)
	s.Empty(seen)
	b := make([]byte, 3)
	for i := range crowd {
		outcome, _ := s.main.Load(pg(i), b)
		s.Equal(mm.Done, outcome)
		n := pg(i) >> mm.PageShift
		s.Equal([]byte{byte(n), 0, byte(n >> 8)}, b)
	}
	s.checkGone()
}

// The descriptor is closed in the middle: no task stays asleep. (REL-9, REL-10)
func TestStressCloseInTheMiddle(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newThrong(t, crowd)
	s.touch()
	s.p.Go("monitor", func(t *machine.Task) {
		s.serve(t, crowd/2)
		s.NoError(t.Close(s.fd))
	}, nil)
	s.exec.Wait()
	s.EqualValues(crowd, s.loaded.Load()+s.sigbus.Load())
	s.GreaterOrEqual(s.loaded.Load(), uint64(crowd/2))
	s.checkGone()
}

// Memory is unmapped in the middle: that does not wake the tasks that sleep there, and a
// task that is woken later finds no mapping. (§17.7)
func TestStressMunmapInTheMiddle(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newThrong(t, crowd)
	s.touch()
	s.p.Go("monitor", func(t *machine.Task) {
		s.serve(t, crowd/4)
		s.NoError(t.Munmap(pg(crowd/2), crowd/2*page))
	}, nil)
	s.NoError(s.exec.Settle())
	// The tasks that still sleep have no page. Wake the upper half without one.
	s.NoError(s.main.UffdWake(s.fd, pages(crowd/2, crowd/2)))
	s.NoError(s.exec.Settle())
	pending, seen := s.ctx.Queues()
	for _, w := range append(pending, seen...) {
		s.Less(w.Address, pg(crowd/2))
	}
	s.NoError(s.main.Close(s.fd))
	s.exec.Wait()
	s.EqualValues(crowd, s.loaded.Load()+s.sigsegv.Load()+s.sigbus.Load())
	s.Zero(s.sigbus.Load(), "the lower half slept before the close")
	s.NotZero(s.sigsegv.Load())
	s.checkGone()
}
