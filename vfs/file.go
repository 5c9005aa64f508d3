package vfs

import "github.com/uffdsim/uffdsim/sim"

// File is an open file: the parts of struct file that descriptors and mappings need.
type File struct {
	// Name is the name shown in /proc/PID/fd. Immutable.
	Name string
	// Ops is f_op. Immutable.
	Ops *FileOperations
	// Private is private_data, owned by Ops. Immutable. A package above vfs looks for
	// operations that vfs cannot declare (->mmap) by an interface assertion on it.
	Private any

	flags sim.Word // f_flags: O_ bits; accessed without a lock
	count sim.Word // f_count: one for each descriptor and each call in progress
}

// FileOperations are the operations of a type of file: struct file_operations. A nil
// function is an unsupported operation. ->mmap is missing because it takes a VMA, a type
// of a package above vfs: see [File].Private.
type FileOperations struct {
	Read       func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Write      func(t *sim.Task, f *File, buf, count uint64) (uint64, error)
	Poll       func(t *sim.Task, f *File, pt *PollTable) PollEvents
	Ioctl      func(t *sim.Task, f *File, cmd uint32, arg uint64) error
	Llseek     func(t *sim.Task, f *File, offset int64, whence int) (int64, error)
	ShowFdinfo func(t *sim.Task, f *File) string
	Release    func(t *sim.Task, f *File) error
}

// The access modes, and the mask that selects them from the O_ bits.
const (
	ORdonly  = 0
	OWronly  = 1
	OAccmode = 3 // the mask
)

// NewFile returns an open file with one reference.
func NewFile(name string, ops *FileOperations, flags uint32, private any) *File {
	f := &File{Name: name, Ops: ops, Private: private}
	f.flags.Init(uint64(flags))
	f.count.Init(1)
	return f
}

// Flags returns the file's current O_ bits, which F_SETFL can change at any time.
func (f *File) Flags(t *sim.Task) uint32 { return uint32(f.flags.Load(t)) }

// SetFlags sets the file's O_ bits.
func (f *File) SetFlags(t *sim.Task, flags uint32) { f.flags.Store(t, uint64(flags)) }

// AccessMode returns the access mode, one of the O_ constants. It replaces the kernel's
// f_mode: F_SETFL does not change the access mode, so reading it is not a visible step.
func (f *File) AccessMode() uint32 { return uint32(f.flags.Peek()) & OAccmode }

// Get takes a reference: get_file.
func (f *File) Get(t *sim.Task) { f.count.Inc(t) }

// Put drops a reference and releases the file if it was the last: fput.
func (f *File) Put(t *sim.Task) {
	if f.count.Dec(t) == 0 && f.Ops.Release != nil {
		// The kernel also ignores the value that ->release returns.
		_ = f.Ops.Release(t, f)
	}
}

// Count returns the number of references. It is for observers.
func (f *File) Count() uint64 { return f.count.Peek() }
