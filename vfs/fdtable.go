package vfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/sim"
)

// fileLockClass is the lock class of files_struct.file_lock.
var fileLockClass = &sim.LockClass{Name: "file_lock", Rank: lockorder.FileLock}

// FDTable is the descriptor table of a process: files_struct.
type FDTable struct {
	lock  sim.SpinLock // files_struct.file_lock
	slots []fdSlot     // protected by lock; indexed by descriptor
	max   int          // RLIMIT_NOFILE, in descriptors; immutable
}

// fdSlot is one descriptor. It is free, reserved (file is nil) or open.
type fdSlot struct {
	reserved bool // reserved or open
	file     *File
}

// NewFDTable returns an empty table for at most limit descriptors (RLIMIT_NOFILE).
func NewFDTable(limit int) *FDTable {
	tb := &FDTable{max: limit}
	tb.lock.Init(fileLockClass)
	tb.lock.Guards(func(s *sim.Summary) {
		for _, slot := range tb.slots {
			s.AddObject(slot.file)
			if slot.reserved {
				s.Add(1)
			}
		}
	})
	return tb
}

// GetUnusedFd reserves the lowest free descriptor: get_unused_fd_flags. It returns EMFILE
// if the table is full. The flags are ignored: O_CLOEXEC has no effect without exec.
func (tb *FDTable) GetUnusedFd(t *sim.Task, _ uint32) (int, error) {
	tb.lock.Lock(t)
	defer tb.lock.Unlock(t)
	for fd := range tb.slots {
		if !tb.slots[fd].reserved {
			tb.slots[fd].reserved = true
			return fd, nil
		}
	}
	if len(tb.slots) == tb.max {
		return -1, errno.EMFILE
	}
	tb.slots = append(tb.slots, fdSlot{reserved: true})
	return len(tb.slots) - 1, nil
}

// PutUnusedFd frees a reserved descriptor: put_unused_fd.
func (tb *FDTable) PutUnusedFd(t *sim.Task, fd int) {
	tb.lock.Lock(t)
	tb.slots[fd] = fdSlot{}
	tb.lock.Unlock(t)
}

// FdInstall opens a reserved descriptor for the file: fd_install. The table takes over
// the caller's reference to the file.
func (tb *FDTable) FdInstall(t *sim.Task, fd int, f *File) {
	tb.lock.Lock(t)
	tb.slots[fd].file = f
	tb.lock.Unlock(t)
}

// Fget returns the file of a descriptor and takes a reference to it: fget. The reference
// keeps the file from being released while a system call uses it (REL-13). It returns
// EBADF if the descriptor is not open.
func (tb *FDTable) Fget(t *sim.Task, fd int) (*File, error) {
	tb.lock.Lock(t)
	f := tb.File(fd)
	if f != nil {
		f.Get(t)
	}
	tb.lock.Unlock(t)
	if f == nil {
		return nil, errno.EBADF
	}
	return f, nil
}

// PickFile frees a descriptor and returns its file: pick_file. The caller takes over the
// table's reference. It returns EBADF if the descriptor is not open.
func (tb *FDTable) PickFile(t *sim.Task, fd int) (*File, error) {
	tb.lock.Lock(t)
	f := tb.File(fd)
	if f != nil {
		tb.slots[fd] = fdSlot{}
	}
	tb.lock.Unlock(t)
	if f == nil {
		return nil, errno.EBADF
	}
	return f, nil
}

// DupFd returns a copy of the table for a child process: dup_fd. It takes a reference to
// every file.
func (tb *FDTable) DupFd(t *sim.Task) *FDTable {
	child := NewFDTable(tb.max)
	tb.lock.Lock(t)
	for _, s := range tb.slots {
		if s.file == nil {
			s.reserved = false // the child does not inherit a reservation
		} else {
			s.file.Get(t)
		}
		child.slots = append(child.slots, s)
	}
	tb.lock.Unlock(t)
	return child
}

// CloseFiles closes all descriptors in ascending order: close_files. No other task may
// use the table any longer.
func (tb *FDTable) CloseFiles(t *sim.Task) {
	for fd := range tb.slots {
		if f, err := tb.PickFile(t, fd); err == nil {
			f.Put(t)
		}
	}
}

// File returns the file of a descriptor, nil if it is not open. It takes no reference.
// The caller holds the table's lock or is an observer.
func (tb *FDTable) File(fd int) *File {
	if fd < 0 || fd >= len(tb.slots) {
		return nil
	}
	return tb.slots[fd].file
}

// Len returns the highest descriptor ever used, plus one. It is for observers.
func (tb *FDTable) Len() int { return len(tb.slots) }
