// Package vfs recreates the part of the kernel's file layer that userfaultfd needs: open
// files and their operations, the descriptor table of a process, and poll(2).
//
// It does not depend on memory management. A buffer is a user address, which vfs only
// passes to the file's operations. The package that maps files finds ->mmap by an
// interface assertion on [File].Private.
//
// The only lock class declared here is file_lock; package lockorder defines its rank.
package vfs
