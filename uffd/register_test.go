package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// edit changes the VMA of a page into a state that no system call of the model creates.
func (k *fixture) edit(i int, change func(*mm.VMA)) {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		t.Process.MM.MmapLock.DownWrite(t.Task)
		change(t.Process.MM.FindVMA(t.Task, pg(i)))
		t.Process.MM.MmapLock.UpWrite(t.Task)
	})
}

// vma returns the VMA of a page.
func (k *fixture) vma(i int) (v *mm.VMA) {
	k.t.Helper()
	k.edit(i, func(found *mm.VMA) { v = found })
	return v
}

// REG-1: 24 bytes must be readable, and the out field is not read.
func TestRegisterUnreadable(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--")
		fd := k.uffd('A', 0)
		end := k.args(1) + page
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_REGISTER, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_REGISTER, end-16), "start and length are not enough")
		// The mode, 0, ends at the end of the page. If all 32 bytes were read, this would
		// be EFAULT.
		k.Equal(errno.EINVAL, k.ioctlAt(fd, abi.UFFDIO_REGISTER, end-24))
		k.Equal("--", k.bar())
	})
}

// REG-2, REG-3, REG-4: MISSING is the only valid mode.
func TestRegisterModes(t *testing.T) {
	modes := []uint64{0, abi.RegisterModeWP, abi.RegisterModeWP | abi.RegisterModeMissing}
	for bit := 2; bit < 64; bit++ {
		modes = append(modes, 1<<bit, 1<<bit|abi.RegisterModeMissing)
	}
	only2015(t, func(k *fixture) {
		k.lay("-BB")
		fd := k.uffd('A', 0)
		before := k.bar()
		for _, mode := range modes {
			arg := missing(0, 1)
			arg.Mode, arg.Ioctls = mode, 77
			answer, err := k.registerArg(fd, arg)
			k.Equal(errno.EINVAL, err, "mode %#x", mode)
			k.Equal(arg, answer, "mode %#x", mode)
			// The mode is checked before the VMAs, which would give EBUSY or ENOMEM.
			arg.Range = pages(1, 2)
			_, err = k.registerArg(fd, arg)
			k.Equal(errno.EINVAL, err, "mode %#x", mode)
			arg.Range = pages(100, 1)
			_, err = k.registerArg(fd, arg)
			k.Equal(errno.EINVAL, err, "mode %#x", mode)
		}
		k.Equal(before, k.bar())
	})
}

// REG-5, REG-7, REG-8: the range is checked first. Then something must be mapped in it.
func TestRegisterNothing(t *testing.T) {
	for _, c := range []struct {
		bar      string
		first, n int
		want     error
	}{
		{"", 0, 1, errno.ENOMEM},       // nothing is mapped
		{"--", 2, 1, errno.ENOMEM},     // REG-7: nothing ends above start
		{"--", 5, 1000, errno.ENOMEM},  //
		{"..--", 0, 2, errno.EINVAL},   // REG-8: the first VMA begins at the end
		{"...--", 0, 2, errno.EINVAL},  // or behind it
		{"-..-", 1, 2, errno.EINVAL},   //
		{"..ss", 0, 2, errno.EINVAL},   //
		{"..--", 0, 3, nil},            // one page of the VMA is enough
		{"--", 1, 1, nil},              //
		{"--", 1, 1000, nil},           //
		{"-", 0, 0, errno.EINVAL},      // REG-5 before REG-9
		{"", 0, 0, errno.EINVAL},       // REG-5 before REG-7
		{"BB", 0, 0, errno.EINVAL},     // REG-5 before EBUSY
		{"BB", 2, 1, errno.ENOMEM},     //
		{"..BB", 0, 2, errno.EINVAL},   // the owner behind the end does not matter
		{"..BB", 0, 3, errno.EBUSY},    //
		{"BB--", 2, 1, nil},            // nor the owner before the start
		{"ss--", 2, 1, nil},            //
		{"--ss", 0, 2, nil},            //
		{"--BB", 0, 2, nil},            //
		{"-.-..", 3, 2, errno.ENOMEM},  //
		{"-.-..-", 3, 2, errno.EINVAL}, //
		{"-.-..s", 3, 3, errno.EINVAL}, // the kind
		{"-.-..B", 3, 3, errno.EBUSY},  // the owner
		{"-.-..B", 3, 2, errno.EINVAL}, //
		{"-.-..B", 6, 2, errno.ENOMEM}, //
		{"n", 0, 1, nil},               //
		{"-.-..-", 1, 1 << 20, nil},    //
		{"-.-..-", 5, 1 << 20, nil},    //
		{"-.-..-", 6, 1 << 20, errno.ENOMEM},
	} {
		t.Run(c.bar, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay(c.bar)
				fd := k.uffd('A', 0)
				before := k.bar()
				k.Equal(c.want, k.register(fd, c.first, c.n), "[%d, +%d)", c.first, c.n)
				if c.want != nil {
					k.Equal(before, k.bar())
				}
			})
		})
	}
}

// REG-6: mmap_lock is held for writing during every access to VMAs, and no signal ends
// the wait for it.
func TestRegisterTakesMmapLock(t *testing.T) {
	for _, sig := range []sim.Signal{sim.SignalOrdinary, sim.SignalFatal} {
		only2015(t, func(k *fixture) {
			k.lay("--")
			fd := k.uffd('A', 0)
			arg := missing(0, 2)
			var err error
			reg := k.start("reg", func(t *machine.Task) string {
				err = t.UffdRegister(fd, &arg)
				return "ended"
			})
			k.start("h", func(t *machine.Task) string {
				t.Process.MM.MmapLock.DownRead(t.Task)
				t.Process.MM.MmapLock.UpRead(t.Task)
				return ""
			})
			k.start("s", func(t *machine.Task) string { t.Kill(reg.task, sig); return "" })
			k.play(upTo("h", "up_read mm.MmapLock"), all("reg"), all("s"), all("reg"))
			log := k.steps(k.settle)
			k.inOrder(log, "reg", "down_write mm.MmapLock", "up_write mm.MmapLock")
			k.NotContains(log, "reg: down_read mm.MmapLock")
			k.True(reg.ended)
			k.NoError(err)
			k.Equal(sig == sim.SignalFatal, reg.killed, "it dies on its return to user mode")
			k.Equal("AA", k.bar(), "but the range is registered")
		})
	}
}

// REG-9: the lowest unsuitable VMA decides the error, and nothing has changed.
func TestRegisterRefusals(t *testing.T) {
	for _, c := range []struct {
		bar  string
		want error
	}{
		{"s", errno.EINVAL},
		{"B", errno.EBUSY},
		{"Bs", errno.EBUSY},
		{"sB", errno.EINVAL},
		{"-Bs", errno.EBUSY},
		{"-sB", errno.EINVAL},
		{"A-.s.B", errno.EINVAL},
		{"A-.B.s", errno.EBUSY},
		{"-.-.-.-B", errno.EBUSY},
		{"AAAs", errno.EINVAL},
		{"BCs", errno.EBUSY},
	} {
		t.Run(c.bar, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				before, refs := k.bar(), k.ctxs['A'].Refs()
				arg := missing(0, len(c.bar))
				arg.Ioctls = 77
				answer, err := k.registerArg(k.fds['A'], arg)
				k.Equal(c.want, err)
				k.EqualValues(77, answer.Ioctls)
				k.Equal(before, k.bar())
				k.Equal(refs, k.ctxs['A'].Refs())
			})
		})
	}
}

// The maps after a register, with the maps before it.
func TestRegisterMaps(t *testing.T) {
	for _, c := range []struct {
		rule     string
		bar      string
		first, n int
		want     string
	}{
		// REG-10, REG-13: holes before, between and behind.
		{"REG-10 holes everywhere", ".--.--.", 0, 7, ".AA.AA."},
		{"REG-10 starts in a hole", "-..-", 1, 3, "-..A"},
		{"REG-10 ends in a hole", "-..-", 0, 3, "A..-"},
		{"REG-13 cuts at both sides of a hole", "--.--", 1, 3, "-|A.A|-"},
		{"REG-13 three pieces", "--.-.--", 1, 5, "-|A.A.A|-"},
		// REG-11: access rights.
		{"REG-11 PROT_NONE and read-only", "n.r.-", 0, 5, "a.a.A"},
		// REG-12: registered with this context before.
		{"REG-12 again", "AAAA", 0, 4, "AAAA"},
		{"REG-12 a part again", "AAAA", 1, 2, "AAAA"},
		{"REG-12 the tail again", "AAAA", 2, 2, "AAAA"},
		{"REG-12 skipped, and then the predecessor", "AA--", 0, 4, "AAAA"},
		{"REG-12 skipped from its middle", "AA--", 1, 3, "AAAA"},
		{"REG-12 skipped from its middle, not all of the rest", "AA--", 1, 2, "AAA|-"},
		{"REG-12 skipped at the end", "--AA", 0, 3, "AAAA"},
		{"REG-12 skipped in between", "-A-A-", 0, 5, "AAAAA"},
		// REG-15: merges, and neighbours without a merge.
		{"REG-15 with the left", "AA--", 2, 2, "AAAA"},
		{"REG-15 with the left, the front only", "AA--", 2, 1, "AAA|-"},
		{"REG-15 with the right", "--AA", 0, 2, "AAAA"},
		{"REG-15 with both", "AA--AA", 2, 2, "AAAAAA"},
		{"REG-15 not with another context", "BB--CC", 2, 2, "BB|AA|CC"},
		{"REG-15 not with other rights", "r-", 1, 1, "r|A"},
		{"REG-15 not over a hole", "AA.--", 3, 2, "AA.AA"},
		{"REG-15 not with the unregistered", "---", 0, 3, "AAA"},
		// REG-16: the tail of a VMA does not merge with the next VMA.
		{"REG-16 the tail", "----AA", 2, 2, "--|AA|AA"},
		{"REG-16 the tail and more", "----AA", 2, 4, "--|AA|AA"},
		{"REG-16 the tail between", "AA--AA", 3, 1, "AA|-|A|AA"},
		// REG-17: splits.
		{"REG-17 the middle", "------", 2, 2, "--|AA|--"},
		{"REG-17 the front", "----", 0, 2, "AA|--"},
		{"REG-17 the end", "----", 2, 2, "--|AA"},
		{"REG-17 one page", "---", 1, 1, "-|A|-"},
		// REG-20: one VMA after another.
		{"REG-20 neighbours of other kinds", "-r-n", 0, 4, "A|a|A|a"},
		{"REG-20 a long row", "--.--.--.--", 1, 9, "-|A.AA.AA.A|-"},
		{"REG-20 stops at the end", "-r-", 0, 2, "A|a|-"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				k.NoError(k.register(k.fds['A'], c.first, c.n))
				k.Equal(c.want, k.bar())
			})
		})
	}
}

// REG-11: locked memory, and a device mapping without vm_ops.
func TestRegisterSpecialMemory(t *testing.T) {
	for name, flag := range map[string]mm.VMFlags{
		"locked": mm.VMLocked, "pfnmap": mm.VMPFNMap, "io": mm.VMIO, "don't copy": mm.VMDontCopy, "sequential": mm.VMSeqRead,
	} {
		t.Run(name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("---")
				k.edit(0, func(v *mm.VMA) { v.Flags |= flag })
				old := k.vma(0).Flags
				k.NoError(k.register(k.uffd('A', 0), 1, 1))
				k.Equal("-|A|-", k.bar())
				// REG-14: the other flags are unchanged.
				k.Equal(old|mm.VMUffdMissing, k.vma(1).Flags)
				k.Equal(old, k.vma(0).Flags)
				k.Equal(old, k.vma(2).Flags)
			})
		})
	}
}

// REG-14: register adds bits and removes none, not even the bit of the other mode.
func TestRegisterAddsBits(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.edit(0, func(v *mm.VMA) { v.Flags = v.Flags&^mm.VMUffdMissing | mm.VMUffdWP })
		old := k.vma(0).Flags
		k.NoError(k.register(k.fds['A'], 0, 1))
		k.Equal(old|mm.VMUffdMissing, k.vma(0).Flags)
	})
}

// REG-16: mremap can create a neighbour with which the wrong page offset allows a merge
// that the right one would not:
//
//	XXXX NN    N was mapped at page 2, so its page offset is that of page 2. The range is
//	  ^^       two pages long, and X's own page offset plus two is that offset too.
func TestRegisterTailFindsAWrongMerge(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', 0)
		k.mmap(2, 2, '-')
		k.poke(pg(2), []byte{'n'}) // keeps its offset when it is moved
		k.do(func(t *machine.Task) {
			_, err := t.Mremap(pg(2), 2*page, 2*page, mm.MremapMayMove|mm.MremapFixed, pg(4))
			k.NoError(err)
		})
		k.mmap(0, 4, '-')
		k.width = 6
		k.NoError(k.register(fd, 4, 2))
		k.Equal("----|AA", k.bar())
		k.NoError(k.register(fd, 2, 2))
		k.Equal("--|AAAA", k.bar())
		k.EqualValues(pg(0)/page, k.vma(2).Pgoff)
		k.Equal("'n'", k.peek(pg(4)))
	})
}

// REG-17: which half of a split is the new VMA.
func TestRegisterSplitHalves(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("------")
		whole := k.vma(0)
		k.NoError(k.register(k.uffd('A', 0), 2, 2))
		k.Equal("--|AA|--", k.bar())
		k.Same(whole, k.vma(2), "both splits leave the middle in the old VMA")
		k.NotSame(whole, k.vma(0))
		k.NotSame(whole, k.vma(4))
		k.EqualValues(pg(2)/page, k.vma(2).Pgoff)
		k.EqualValues(pg(4)/page, k.vma(4).Pgoff)
	})
}

// REG-17, REG-18: a split that fails ends the register, and the lower part stays
// registered.
func TestRegisterPartialProgress(t *testing.T) {
	for _, c := range []struct {
		bar      string
		first, n int
		spare    int // the limit minus the number of VMAs
		want     string
	}{
		{"----", 1, 2, 0, "----"},
		{"----", 1, 2, 1, "-|---"},
		{"----", 0, 2, 0, "----"},
		{"----", 2, 2, 0, "----"},
		{"--.----", 0, 5, 0, "AA.----"},
		{"--.--.----", 0, 8, 0, "AA.AA.----"},
		{"--.----", 1, 4, 1, "-|A.----"},
		{"--.r---", 1, 4, 1, "-|A.a|---"},
		{"----AA", 2, 2, 0, "----|AA"},
	} {
		limit := map[string]func(k *fixture){
			"max_map_count": func(k *fixture) {
				k.do(func(t *machine.Task) {
					t.Process.MM.MmapLock.DownRead(t.Task)
					t.Process.MM.MaxMapCount = t.Process.MM.MapCount(t.Task) + c.spare
					t.Process.MM.MmapLock.UpRead(t.Task)
				})
			},
			"allocation": func(*fixture) {},
		}
		for how, set := range limit {
			t.Run(c.bar+" "+how, func(t *testing.T) {
				only2015(t, func(k *fixture) {
					k.uffd('A', 0)
					k.lay(c.bar)
					set(k)
					arg := missing(c.first, c.n)
					arg.Ioctls = 77
					splits := 0
					k.do(func(t *machine.Task) {
						if how == "allocation" {
							t.InjectFaults(func(site string) bool {
								if site == "split_vma" {
									splits++
								}
								return site == "split_vma" && splits > c.spare
							})
						}
						k.Equal(errno.ENOMEM, t.UffdRegister(k.fds['A'], &arg))
					})
					k.Equal(c.want, k.bar())
					k.EqualValues(77, arg.Ioctls, "no answer")
				})
			})
		}
	}
}

// REG-18: the limit on VMAs does not affect merges.
func TestRegisterMergesAtTheLimit(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA--")
		k.p.MM.MaxMapCount = 1
		k.NoError(k.register(k.fds['A'], 2, 1))
		k.Equal("AAA|-", k.bar())
	})
}

// REG-15: an allocation that fails in a merge only prevents the merge.
func TestRegisterMergeWithoutMemory(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA--")
		arg := missing(2, 2)
		k.do(func(t *machine.Task) {
			t.InjectFaults(func(site string) bool { return site == "vma_merge" })
			k.NoError(t.UffdRegister(k.fds['A'], &arg))
		})
		k.Equal("AA|AA", k.bar())
	})
}

// REG-19: a VMA that absorbed the next one (case 8 of vma_merge) still has its old flags.
// Register must store the new ones, or accesses to the VMA's own pages would not be
// delivered.
func TestRegisterStoresAfterMerge(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--AA")
		k.NoError(k.register(k.fds['A'], 0, 2))
		k.Equal("AAAA", k.bar())
		v := k.vma(0)
		k.NotZero(v.Flags & mm.VMUffdMissing)
		k.Same(k.ctxs['A'], v.Userfault)
		for i := range 4 {
			k.load(string(rune('0'+i)), pg(i))
			k.settle()
		}
		k.Equal("3 2 1 0 /", k.queues('A'))
	})
}

// REG-21: the answer. If it cannot be stored, the range stays registered.
func TestRegisterAnswer(t *testing.T) {
	for version, want := range map[string]uint64{"2015": 1 << 2, "2015+copy": 0x1c} {
		eachIn(t, version, func(k *fixture) {
			k.lay("----")
			fd := k.uffd('A', 0)
			arg := missing(0, 1)
			arg.Ioctls = ^uint64(0)
			answer, err := k.registerArg(fd, arg)
			k.NoError(err)
			arg.Ioctls = want
			k.Equal(arg, answer, "nothing else is written")

			// In read-only memory.
			arg = missing(1, 1)
			at := k.readOnlyArg(encode(&arg, abi.RegisterSize))
			k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_REGISTER, at))
			k.Equal("AA|--", k.bar())

			// In memory that ends before the field.
			arg = missing(2, 1)
			k.protect(at, 1, rw)
			k.poke(at+page-24, encode(&arg, abi.RegisterSize)[:24])
			k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_REGISTER, at+page-24))
			k.Equal("AAA|-", k.bar())

			// The answer is stored after mmap_lock has been dropped.
			arg = missing(3, 1)
			k.poke(at, encode(&arg, abi.RegisterSize))
			k.NoError(k.ioctlAt(fd, abi.UFFDIO_REGISTER, at))
			k.Equal("AAAA", k.bar())
		})
	}
}

// REG-22: pages that are present stay.
func TestRegisterKeepsPages(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("---")
		k.poke(pg(1), []byte{'x'})
		k.NoError(k.register(k.uffd('A', 0), 0, 3))
		k.True(k.present(1))
		k.Equal("'x'", k.peek(pg(1)))
		k.poke(pg(1), []byte{'y'})
		k.Equal("'y'", k.peek(pg(1)))
		f := k.load("f", pg(0))
		k.settle()
		k.Equal("asleep", f.String())
		k.Equal("f /", k.queues('A'))
	})
}

// REG-23, UNREG-5: the range is in the creator's memory, whichever process calls.
func TestRegisterFromAnotherProcess(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--")
		fd := k.uffd('A', 0)
		child := k.fork()
		k.doIn(child, func(t *machine.Task) {
			arg := missing(0, 2)
			k.NoError(t.UffdRegister(fd, &arg))
		})
		k.Equal("AA", k.bar())
		for _, m := range procfs.Maps(child.MM) {
			k.Nil(m.Ctx)
		}
		f := k.loadIn(child, "f", pg(0))
		k.settle()
		k.Equal("0", f.String())
		k.doIn(child, func(t *machine.Task) {
			k.NoError(t.UffdUnregister(fd, pages(1, 1)))
		})
		k.Equal("A|-", k.bar())
	})
}

func (k *fixture) fork() (child *machine.Process) {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		var err error
		child, err = t.Fork()
		k.NoError(err)
	})
	k.procs = append(k.procs, child)
	return child
}

// REG-24: a flag without a context, or a context without a flag, is a bug in every VMA
// that is visited, and in no other.
func TestRegistrationInvariant(t *testing.T) {
	breaks := map[string]func(k *fixture, v *mm.VMA){
		"missing without a context": func(_ *fixture, v *mm.VMA) { v.Flags |= mm.VMUffdMissing },
		"wp without a context":      func(_ *fixture, v *mm.VMA) { v.Flags |= mm.VMUffdWP },
		"context without a flag":    func(k *fixture, v *mm.VMA) { v.Userfault = k.ctxs['A'] },
	}
	calls := map[string]func(k *fixture, t *machine.Task) error{
		"register": func(k *fixture, t *machine.Task) error {
			arg := missing(0, 3)
			return t.UffdRegister(k.fds['A'], &arg)
		},
		"unregister": func(k *fixture, t *machine.Task) error {
			arg := pages(0, 3)
			return t.UffdUnregister(k.fds['A'], arg)
		},
		"close": func(k *fixture, t *machine.Task) error { return t.Close(k.fds['A']) },
	}
	for how, breakIt := range breaks {
		for name, call := range calls {
			t.Run(how+" "+name, func(t *testing.T) {
				only2015(t, func(k *fixture) {
					k.uffd('A', 0)
					k.lay("-.-")
					k.edit(2, func(v *mm.VMA) { breakIt(k, v) })
					k.start("c", func(t *machine.Task) string { return result(call(k, t)) })
					k.Equal(sim.BugAssert, k.bug().Kind)
					k.procs, k.ctxs = nil, nil
				})
			})
		}
	}
	t.Run("not visited", func(t *testing.T) {
		only2015(t, func(k *fixture) {
			fd := k.uffd('A', 0)
			k.lay("-.-")
			k.edit(2, func(v *mm.VMA) { v.Flags |= mm.VMUffdMissing })
			k.NoError(k.register(fd, 0, 2))
			k.procs, k.ctxs = nil, nil
		})
	})
}
