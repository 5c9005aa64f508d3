// Package vfs is the part of the kernel's file layer that userfaultfd needs: open files
// and their operations, the descriptor table of a process, and poll(2).
//
// It knows nothing of memory: buffers are addresses that a file's operations pass on, and
// ->mmap is asked of [File].Private by the package that maps files.
//
// Its lock is file_lock; package lockorder has the rank.
package vfs
