package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/uffd"
)

// CheckInvariants finds what is inconsistent in a context.
func TestCheckInvariants(t *testing.T) {
	build := func(t *testing.T) *fixture {
		k := newFixture(t, "6.18", 0)
		k.lay("AA")
		for i, name := range []string{"f0", "f1"} {
			k.load(name, pg(i))
			k.settle()
		}
		k.NoError(k.ctxs['A'].CheckInvariants(true))
		return k
	}
	first := build(t)
	defer first.exec.Stop()
	for want := range uffd.Spoil(first.ctxs['A']) {
		t.Run(want, func(t *testing.T) {
			k := build(t)
			defer k.exec.Stop()
			uffd.Spoil(k.ctxs['A'])[want]()
			k.ErrorContains(k.ctxs['A'].CheckInvariants(true), want)
		})
	}
}
