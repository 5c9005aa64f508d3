//go:build lockcheck

package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFreeLockMisuse(t *testing.T) {
	for i := range misuses() {
		m := misuses()[i] // with locks of its own
		t.Run(m.name, func(t *testing.T) {
			culprit := new(Free).Attach("culprit", nil)
			err := caught(func() { m.do(culprit) })
			require.Equal(t, m.kind, bugKind(err), "%v", err)
		})
	}
}

func TestFreeReleasedByStranger(t *testing.T) {
	var f Free
	var l SpinLock
	l.Init(outerClass)
	owner, stranger := f.Attach("owner", nil), f.Attach("stranger", nil)
	l.Lock(owner)
	require.Equal(t, BugLock, bugKind(caught(func() { l.Unlock(stranger) })))
	require.Equal(t, BugLock, bugKind(caught(func() { l.AssertHeld(stranger) })))
	l.AssertHeld(owner)
	l.Unlock(owner)
}

// caught returns the bug that f panics with, nil if it does not panic.
func caught(f func()) (err error) {
	defer func() {
		if bug, ok := recover().(*Bug); ok {
			err = bug
		}
	}()
	f()
	return nil
}
