package vfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/sim"
)

// fileLockClass is the class of a descriptor table's lock: files_struct.file_lock.
var fileLockClass = &sim.LockClass{Name: "file_lock", Rank: lockorder.FileLock}

// FDTable is a process's descriptors: files_struct.
type FDTable struct {
	lock  sim.SpinLock
	slots []fdSlot // guarded by lock
	max   int      // immutable
}

type fdSlot struct {
	reserved bool
	file     *File // nil while reserved only
}

// NewFDTable returns a table without descriptors, which takes at most limit of them
// (RLIMIT_NOFILE).
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

// GetUnusedFd reserves the lowest free descriptor: get_unused_fd_flags. The error is
// EMFILE. (Close-on-exec is not kept: nothing here execs.)
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

// PutUnusedFd gives a reserved descriptor back: put_unused_fd.
func (tb *FDTable) PutUnusedFd(t *sim.Task, fd int) {
	tb.lock.Lock(t)
	tb.slots[fd] = fdSlot{}
	tb.lock.Unlock(t)
}

// FdInstall makes a reserved descriptor stand for the file, whose reference passes
// to the table: fd_install.
func (tb *FDTable) FdInstall(t *sim.Task, fd int, f *File) {
	tb.lock.Lock(t)
	tb.slots[fd].file = f
	tb.lock.Unlock(t)
}

// Fget returns the file behind a descriptor with a reference taken, which keeps the
// file from being released while a call uses it (REL-13): fget. The error is EBADF.
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

// PickFile frees a descriptor and returns its file, and with it the table's reference:
// pick_file. The error is EBADF.
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

// DupFd returns a copy of the table for a child: dup_fd. The files gain a reference each.
func (tb *FDTable) DupFd(t *sim.Task) *FDTable {
	child := NewFDTable(tb.max)
	tb.lock.Lock(t)
	for _, s := range tb.slots {
		if s.file == nil {
			s.reserved = false // what another thread is about to install stays the parent's
		} else {
			s.file.Get(t)
		}
		child.slots = append(child.slots, s)
	}
	tb.lock.Unlock(t)
	return child
}

// CloseFiles closes all descriptors, the lowest first: close_files. No other task may use
// the table any longer.
func (tb *FDTable) CloseFiles(t *sim.Task) {
	for fd := range tb.slots {
		if f, err := tb.PickFile(t, fd); err == nil {
			f.Put(t)
		}
	}
}

// File returns the file behind a descriptor, nil if it is not open, without a reference:
// for observers, or with the table's lock held.
func (tb *FDTable) File(fd int) *File {
	if fd < 0 || fd >= len(tb.slots) {
		return nil
	}
	return tb.slots[fd].file
}

// Len returns one more than the highest descriptor ever used, for observers.
func (tb *FDTable) Len() int { return len(tb.slots) }
