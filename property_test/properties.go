package properties

import (
	"slices"
	"testing"

	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// Implementation is what the properties are held against.
type Implementation struct {
	// Kernel is the version whose answers it gives.
	Kernel string
	// New makes it anew. Where it is free to choose between interleavings the seed says which.
	New func(seed uint64) (conform.Doer, error)
	// Starves says that it knows fail_nth, which has allocations fail.
	Starves bool
	// Skip names properties that it cannot be asked for.
	Skip []string
}

// profile is the kernel that the implementation answers like.
func (i *Implementation) profile(t *rapid.T) kernel.Profile {
	v, ok := kernel.Lookup(i.Kernel)
	if !ok {
		t.Fatalf("no kernel %q", i.Kernel)
	}
	return v
}

// Property is something that is always true.
type Property struct {
	// Name is a word for it, Says the sentence.
	Name, Says string
	// Check tries to break it once.
	Check func(t *rapid.T, i *Implementation)
	// holds reports whether a version promises it; nil is all of them.
	holds func(v *kernel.Profile) bool
}

// Properties returns all that are asked for by operations alone. The slice is the caller's own.
func Properties() []Property { return slices.Clone(all) }

var all = []Property{
	{
		Name: "MemoryIsPages",
		Says: "Whatever is done to memory and registrations, each page is mapped, protected, registered, present and " +
			"filled as an oracle says that knows pages and no VMAs; a touch of it blocks exactly if it is registered and not " +
			"there, and loads the byte that was copied or stored last.",
		Check: memoryIsPages,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "FaultsWaitInOrder",
		Says: "Faults wait in the order in which they came: read returns the oldest that nobody has read, each once " +
			"and none twice; a wake-up lets go exactly those in its range, read or not; who is let go finds the page, or, " +
			"where it is not there, gets SIGBUS before 5.7 and waits anew since; who is killed leaves; and fdinfo counts them.",
		Check: faultsWaitInOrder,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "ArgumentsAreChecked",
		Says: "An ioctl whose argument is wrong answers with the one errno that the order of the checks gives, and has done " +
			"nothing; one whose answer cannot be stored answers EFAULT, and has done all.",
		Check: argumentsAreChecked,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "NeighboursDiffer",
		Says: "Memory that was never written merges whenever it can: two mappings that touch differ in their rights or in " +
			"whom their faults go to.",
		Check: neighboursDiffer,
		holds: func(v *kernel.Profile) bool { return v.MM.ReturnsCharge && v.UFFD.Register.OffsetOfRange },
	},
	{
		Name: "WrittenNeighboursStayApart",
		Says: "Where a registration ends its memory becomes one with the neighbours, unless both were written while they " +
			"differed, or, before 6.16, it alone was; with neighbours that cannot become one it joins the lower.",
		Check: writtenNeighboursStayApart,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) && v.UFFD.Register.OffsetOfRange },
	},
	{
		Name:  "UnregisterUndoesRegister",
		Says:  "A registration that is taken back leaves the mappings as they were, and to take it back again changes nothing.",
		Check: unregisterUndoesRegister,
	},
	{
		Name:  "FailedCallsChangeNothing",
		Says:  "A registration, or its end, that is refused has changed no mapping.",
		Check: failedCallsChangeNothing,
	},
	{
		Name:  "MapLimitLeavesAPrefix",
		Says:  "With one VMA too few a registration, or its end, covers the first part of its range and nothing else.",
		Check: mapLimitLeavesAPrefix,
	},
	{
		Name: "ContextsLastAsLongAsDescriptors",
		Says: "A registration, and the sleep of those who fault in it, lasts until the last descriptor of its context has " +
			"been closed, whatever process has it; and until then, before 4.7, the context holds the memory.",
		Check: contextsLastAsLongAsDescriptors,
	},
	{
		Name: "HandshakeComesFirst",
		Says: "Until a handshake has been made whose answer could be stored, read is EINVAL and poll POLLERR, and, since 4.3, " +
			"so is every other ioctl EINVAL; it is made once; and a version or feature that there is not is EINVAL, and may be " +
			"followed by another try.",
		Check: handshakeComesFirst,
	},
}

// Check holds all properties that its version promises against an implementation.
func Check(t *testing.T, i Implementation) {
	for _, p := range all {
		if v, ok := kernel.Lookup(i.Kernel); ok && p.holds != nil && !p.holds(&v) || slices.Contains(i.Skip, p.Name) {
			continue
		}
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) { p.Check(t, &i) }))
	}
}
