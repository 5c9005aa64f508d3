package mm

import "github.com/uffdsim/uffdsim/sim"

// File is an open file: the kernel's struct file, as far as descriptors and
// mappings need it.
type File struct {
	// Name is what /proc/PID/fd shows. Immutable.
	Name string
	// Ops is what can be done with the file. Immutable.
	Ops *FileOperations
	// Private belongs to the file's kind. Immutable.
	Private any

	flags sim.Word // f_flags: O_ bits
	count sim.Word // f_count: descriptors and calls in progress
}

// FileOperations is what a kind of file can do; a nil function is an operation that
// it does not have.
type FileOperations struct {
	Read       func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Write      func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Poll       func(t *sim.Task, f *File, pt *PollTable) PollEvents
	Ioctl      func(t *sim.Task, f *File, cmd uint32, arg uint64) error
	Llseek     func(t *sim.Task, f *File, offset int64, whence int) (int64, error)
	Mmap       func(t *sim.Task, f *File, vma *VMA) error
	ShowFdinfo func(t *sim.Task, f *File) string
	Release    func(t *sim.Task, f *File) error
}

// NewFile opens a file with one reference.
func NewFile(name string, ops *FileOperations, flags uint32, private any) *File {
	f := &File{Name: name, Ops: ops, Private: private}
	f.flags.Init(uint64(flags))
	f.count.Init(1)
	return f
}

// Flags is the file's O_ bits of now: F_SETFL changes them at any time.
func (f *File) Flags(t *sim.Task) uint32 { return uint32(f.flags.Load(t)) }

// SetFlags stores the file's O_ bits.
func (f *File) SetFlags(t *sim.Task, flags uint32) { f.flags.Store(t, uint64(flags)) }

// Get takes a reference: get_file.
func (f *File) Get(t *sim.Task) { f.count.Inc(t) }

// Put drops a reference, and releases the file with the last one: fput.
func (f *File) Put(t *sim.Task) {
	if f.count.Dec(t) == 0 && f.Ops.Release != nil {
		// The value that ->release returns goes nowhere, in the kernel too.
		_ = f.Ops.Release(t, f)
	}
}

// Count is the number of references, for observers.
func (f *File) Count() uint64 { return f.count.Peek() }

// PollEvents are the POLL bits of poll(2).
type PollEvents uint32

// The events.
const (
	PollIn  PollEvents = 0x1
	PollErr PollEvents = 0x8
	PollHup PollEvents = 0x10
)

// PollTable collects the wait queues that a poll(2) in progress has to sleep on:
// the kernel's poll_table. A nil *PollTable registers nowhere.
type PollTable struct {
	// Wait is called for each queue: it adds an entry of the polling task.
	Wait func(t *sim.Task, q *sim.WaitQueueHead)
}

// PollWait registers the polling task on the queue: poll_wait.
func PollWait(t *sim.Task, q *sim.WaitQueueHead, pt *PollTable) {
	if pt != nil {
		pt.Wait(t, q)
	}
}
