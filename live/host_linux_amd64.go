package live

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// Kernel runs scenarios on the running kernel, one after the other. Close it after use.
type Kernel struct {
	arena *arena
	first *task
	end   chan struct{}
}

// Open prepares the running kernel for scenarios. The error says what is missing:
// userfaultfd, or the right to use it.
func Open() (*Kernel, error) {
	fd, _, no := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if no != 0 {
		return nil, fmt.Errorf("userfaultfd: %w", no)
	}
	_ = unix.Close(int(fd))
	a, err := newArena()
	if err != nil {
		return nil, err
	}
	k := &Kernel{arena: a, end: make(chan struct{})}
	started := make(chan error)
	go func() { // on a thread of its own, with which all tasks die
		k.first, err = startFirst(a)
		started <- err
		<-k.end
		if k.first != nil {
			k.first.kill()
			k.first.release()
		}
		a.close()
		k.end <- struct{}{}
	}()
	if err := <-started; err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// Close ends what is left.
func (k *Kernel) Close() {
	k.end <- struct{}{}
	<-k.end
}

// NewHost makes a process for a scenario.
func (k *Kernel) NewHost() (*Host, error) {
	h := &Host{kernel: k, news: make(chan struct{}, 1)}
	keeper, err := k.first.spawn(shareNo)
	if err != nil {
		return nil, err
	}
	h.addProcess(keeper, nil)
	return h, nil
}

// Host is a scenario's processes on the running kernel.
type Host struct {
	kernel    *Kernel
	processes []*process
	flights   []*flight
	news      chan struct{} // holds one token if something may have settled
	failure   error         // why a task could not be made: there are too many
}

// process is a process: tasks that share memory and descriptors.
type process struct {
	host     *Host
	keeper   *task // does what the scenario does not ask for
	tasks    map[string]*task
	contexts map[int]context // by descriptor
	ended    bool
}

// context is a userfaultfd context: what it is called, and the process whose memory it is for, which need
// not be the one that has a descriptor of it.
type context struct {
	name string
	of   *process
}

// flight is an operation on its way.
type flight struct {
	task    *task
	done    atomic.Bool
	failure error // why it could not be made; written before done is set
}

func (h *Host) addProcess(keeper *task, contexts map[int]context) *process {
	p := &process{host: h, keeper: keeper, tasks: map[string]*task{}, contexts: map[int]context{}}
	maps.Copy(p.contexts, contexts)
	h.processes = append(h.processes, p)
	return p
}

// First implements [scenario.Host].
func (h *Host) First() scenario.Process { return h.processes[0] }

// Start implements [scenario.Process].
func (p *process) Start(name string, fn func(t scenario.Thread), done func(killed bool)) scenario.Flight {
	f := &flight{}
	t, err := p.taskNamed(name)
	if err != nil {
		p.host.failure = fmt.Errorf("task %s: %w", name, err)
		f.done.Store(true)
		return f
	}
	f.task = t
	p.host.flights = append(p.host.flights, f)
	go func() {
		killed := false
		defer func() {
			done(killed)
			f.done.Store(true)
			p.host.tell()
		}()
		defer func() {
			switch e := recover().(type) {
			case nil:
			case gone:
				killed = true
			case tooLarge:
				f.failure = fmt.Errorf("%w: %d bytes at a time, and not more than %d", scenario.ErrNoRoom, e.bytes, paneSize)
			default:
				panic(e)
			}
		}()
		fn(&thread{task: t, process: p})
	}()
	return f
}

func (p *process) taskNamed(name string) (*task, error) {
	if t := p.tasks[name]; t != nil && !t.isDead() {
		return t, nil
	}
	t, err := p.keeper.spawn(shareAll)
	if err == nil {
		t.asleep = p.host.tell
		p.tasks[name] = t
	}
	return t, err
}

// settleTime is how long Settle waits: no operation takes longer that is not stuck.
const settleTime = 10 * time.Second

// Settle implements [scenario.Host].
func (h *Host) Settle() error {
	if h.failure != nil {
		return h.failure
	}
	var deadline time.Time
	for !h.settled() {
		select {
		case <-h.news:
			continue
		case <-time.After(time.Millisecond): // a task that slept was woken, and sleeps again
		}
		switch now := time.Now(); {
		case deadline.IsZero():
			deadline = now.Add(settleTime)
		case now.After(deadline):
			return fmt.Errorf("the kernel does not settle: %s", h.busy())
		}
	}
	return h.failure
}

// settled looks twice: whoever was asleep at the first look may have been woken by one that
// was looked at later.
func (h *Host) settled() bool {
	first := h.quiet()
	return first && h.quiet()
}

// tell says that something may have settled.
func (h *Host) tell() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// quiet reports whether each operation was seen to have ended or to be asleep.
func (h *Host) quiet() bool {
	live := h.flights[:0]
	asleep := true
	for _, f := range h.flights {
		if f.done.Load() {
			if f.failure != nil {
				h.failure = f.failure
			}
			continue
		}
		live = append(live, f)
		asleep = asleep && f.task.blocked()
	}
	clear(h.flights[len(live):])
	h.flights = live
	return asleep
}

// busy names the tasks that are neither done nor asleep.
func (h *Host) busy() string {
	var states []string
	for _, f := range h.flights {
		states = append(states, fmt.Sprintf("task %d is in state %c", f.task.pid, f.task.state()))
	}
	return strings.Join(states, ", ")
}

// Close implements [scenario.Host].
func (h *Host) Close() {
	for _, p := range h.processes {
		p.end()
	}
	for h.quiet(); len(h.flights) > 0; h.quiet() { // operations that were blocked end when they notice
		select {
		case <-h.news:
		case <-time.After(time.Millisecond):
		}
	}
	for _, p := range h.processes {
		for _, t := range p.all() {
			t.release()
		}
	}
}

// end kills the process's tasks, and the keeper, which has its memory and descriptors, too.
func (p *process) end() {
	if p.ended {
		return
	}
	p.ended = true
	for _, t := range p.all() { // all at once: it takes a while
		if !t.isDead() {
			_ = unix.Kill(t.pid, unix.SIGKILL)
		}
	}
	for _, t := range p.all() {
		t.kill()
	}
}

// all are the process's tasks and its keeper.
func (p *process) all() []*task {
	return append(slices.Collect(maps.Values(p.tasks)), p.keeper)
}

// NameContext implements [scenario.Process].
func (p *process) NameContext(fd int, name string) { p.contexts[fd] = context{name, p} }

func (p *process) forget(fd int) { delete(p.contexts, fd) }

// Maps implements [scenario.Process].
func (p *process) Maps() ([]scenario.Mapping, error) {
	a := p.host.kernel.arena
	regions, err := readSmaps(p.keeper.pid, uint64(min(address(a.slots), address(a.stacks))))
	if err != nil {
		return nil, err
	}
	fault, _, _ := entryPoints()
	var maps []scenario.Mapping
	for _, r := range regions {
		if r.contains(uint64(fault)) {
			continue
		}
		m := scenario.Mapping{Start: r.start, End: r.end, Prot: r.perms, Kind: r.name, Modes: r.modes()}
		if m.Modes != "" {
			m.Context = p.contextOf(r.start, r.end)
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// modes are the faults that are tracked in the region, as VmFlags tells.
func (r *region) modes() string {
	var modes []string
	for _, f := range r.vmFlags {
		if mode, ok := map[string]string{"um": "missing", "uw": "wp", "ui": "minor"}[f]; ok {
			modes = append(modes, mode)
		}
	}
	return strings.Join(modes, "+")
}

// contextOf finds out who gets a region's faults: the one that may register it once more,
// which changes nothing. The others are told that it is busy. Only those that are for this memory may be
// asked, whoever has a descriptor of them: others would register their own.
func (p *process) contextOf(start, end uint64) string {
	r := abi.Register{Range: abi.Range{Start: start, Len: end - start}, Mode: abi.RegisterModeMissing}
	var b [abi.RegisterSize]byte
	r.Encode(b[:])
	for _, q := range p.host.processes {
		for fd, c := range q.contexts {
			if c.of != p || q.ended {
				continue
			}
			ret, err := q.keeper.command(unix.SYS_IOCTL, uint64(fd), uint64(abi.UFFDIO_REGISTER), q.keeper.lend(0, b[:]))
			if err == nil && ret == 0 {
				return c.name
			}
		}
	}
	return "?"
}

// Present implements [scenario.Process].
func (p *process) Present(addr uint64, n int) ([]bool, error) {
	const size, present, swapped = 8, 1 << 63, 1 << 62
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/pagemap", p.keeper.pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("pagemap: %w", err)
	}
	defer unix.Close(fd)
	b := make([]byte, n*size)
	got, err := unix.Pread(fd, b, int64(addr/pageSize*size))
	if err != nil {
		return nil, fmt.Errorf("pagemap: %w", err)
	}
	there := make([]bool, n)
	for i := range got / size {
		there[i] = binary.LittleEndian.Uint64(b[i*size:])&(present|swapped) != 0
	}
	return there, nil
}

// Fdinfo implements [scenario.Process].
func (p *process) Fdinfo(fd int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", p.keeper.pid, fd))
	if err != nil {
		return "", errno.ENOENT
	}
	_, own, _ := strings.Cut(string(text), "ino:") // what all files have ends with their inode
	_, own, _ = strings.Cut(own, "\n")
	return own, nil
}
