package vfs

import "github.com/uffdsim/uffdsim/sim"

// File is an open file: the kernel's struct file, as far as descriptors and
// mappings need it.
type File struct {
	// Name is what /proc/PID/fd shows. Immutable.
	Name string
	// Ops is what can be done with the file. Immutable.
	Ops *FileOperations
	// Private belongs to the file's kind. Immutable. A floor above asks it, by an interface
	// of its own, for an operation that this package cannot name, as ->mmap is one.
	Private any

	flags sim.Word // f_flags: O_ bits
	count sim.Word // f_count: descriptors and calls in progress
}

// FileOperations are the operations of a kind of file: struct file_operations. A nil
// function is an operation that the kind does not have. ->mmap takes a VMA, which this
// package does not know: see [File].Private.
type FileOperations struct {
	Read       func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Write      func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Poll       func(t *sim.Task, f *File, pt *PollTable) PollEvents
	Ioctl      func(t *sim.Task, f *File, cmd uint32, arg uint64) error
	Llseek     func(t *sim.Task, f *File, offset int64, whence int) (int64, error)
	ShowFdinfo func(t *sim.Task, f *File) string
	Release    func(t *sim.Task, f *File) error
}

// The O_ bits of the access mode.
const (
	ORdonly  = 0
	OWronly  = 1
	OAccmode = 3 // the mask
)

// NewFile opens a file with one reference.
func NewFile(name string, ops *FileOperations, flags uint32, private any) *File {
	f := &File{Name: name, Ops: ops, Private: private}
	f.flags.Init(uint64(flags))
	f.count.Init(1)
	return f
}

// Flags returns the file's O_ bits of now: F_SETFL changes them at any time.
func (f *File) Flags(t *sim.Task) uint32 { return uint32(f.flags.Load(t)) }

// SetFlags stores the file's O_ bits.
func (f *File) SetFlags(t *sim.Task, flags uint32) { f.flags.Store(t, uint64(flags)) }

// AccessMode returns the O_ bits of the access mode, without a visible step: it stands
// for the kernel's f_mode, which F_SETFL does not change.
func (f *File) AccessMode() uint32 { return uint32(f.flags.Peek()) & OAccmode }

// Get takes a reference: get_file.
func (f *File) Get(t *sim.Task) { f.count.Inc(t) }

// Put drops a reference, and releases the file with the last one: fput.
func (f *File) Put(t *sim.Task) {
	if f.count.Dec(t) == 0 && f.Ops.Release != nil {
		// The kernel, too, ignores the value that ->release returns.
		_ = f.Ops.Release(t, f)
	}
}

// Count returns the number of references, for observers.
func (f *File) Count() uint64 { return f.count.Peek() }
