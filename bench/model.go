package bench

import (
	"github.com/uffdsim/uffdsim/errno"
	profiles "github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// model is a process of the model, on the free executor.
type model struct {
	exec    *sim.Free
	process *machine.Process
	main    *modelThread
	fd      int
}

// newModel makes a world of the newest version of the model.
func newModel(nonblock bool, n int) (world, error) {
	exec := new(sim.Free)
	m := machine.New(exec, profiles.Newest())
	m.MaxMapCount = n + 1000
	return newProcess(m, exec, nonblock)
}

func newProcess(m *machine.Machine, exec *sim.Free, nonblock bool) (*model, error) {
	w := &model{exec: exec, process: m.NewProcess()}
	w.main = newThread(w, w.process.Attach(exec, "main"))
	var flags uint32
	if nonblock {
		flags = abi.ONonblock
	}
	fd, err := w.main.Userfaultfd(flags)
	if err != nil {
		return nil, err
	}
	w.fd = fd
	return w, w.main.UffdAPI(fd, &abi.API{API: abi.APIVersion})
}

func (w *model) Main() thread { return w.main }

func (w *model) Go(fn func(thread)) {
	w.process.Go("thread", func(t *machine.Task) { fn(newThread(w, t)) }, nil)
}

func (w *model) Wait() { w.exec.Wait() }

func (w *model) Close() {
	if err := w.main.Close(w.fd); err != nil {
		panic(err)
	}
	w.Wait()
}

// modelThread is a task of the model.
type modelThread struct {
	*machine.Task
	world *model
	poll  [1]vfs.PollFd
	byte  [1]byte // loaded by Touch
}

func newThread(w *model, t *machine.Task) *modelThread {
	return &modelThread{Task: t, world: w}
}

func (t *modelThread) Map(at, length uint64) (uint64, error) {
	flags := mm.MapPrivate | mm.MapAnonymous
	if at != 0 {
		flags |= mm.MapFixed
	}
	return t.Mmap(at, length, mm.ProtRead|mm.ProtWrite, flags, -1, 0)
}

func (t *modelThread) Unmap(at, length uint64) error { return t.Munmap(at, length) }

func (t *modelThread) DontNeed(at, length uint64) error {
	return t.Madvise(at, length, mm.MadvDontNeed)
}

func (t *modelThread) Register(r *abi.Register) error { return t.UffdRegister(t.world.fd, r) }
func (t *modelThread) Unregister(r abi.Range) error   { return t.UffdUnregister(t.world.fd, r) }
func (t *modelThread) Wake(r abi.Range) error         { return t.UffdWake(t.world.fd, r) }
func (t *modelThread) Copy(c *abi.Copy) error         { return t.UffdCopy(t.world.fd, c) }
func (t *modelThread) Zeropage(z *abi.Zeropage) error { return t.UffdZeropage(t.world.fd, z) }
func (t *modelThread) ReadMsg() (abi.Msg, error)      { return t.UffdReadMsg(t.world.fd) }

func (t *modelThread) PollIn() error {
	t.poll[0] = vfs.PollFd{Fd: t.world.fd, Events: vfs.PollIn}
	if _, err := t.Poll(t.poll[:], true); err != nil {
		return err
	}
	if t.poll[0].Revents != vfs.PollIn {
		return errno.EIO
	}
	return nil
}

func (t *modelThread) Touch(at uint64) {
	if outcome, _ := t.Load(at, t.byte[:]); outcome != mm.Done {
		panic(outcome)
	}
}

func (t *modelThread) Block(at uint64) { t.Touch(at) }

func (t *modelThread) Lend(mem []byte) uint64 { return t.Task.Lend(1, mem) }
