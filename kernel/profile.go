package kernel

import (
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Profile is a modelled kernel: a name and the facts that hold for it.
type Profile struct {
	Name string // "2015", "2015+copy", or a release: "6.18", "6.12.117"
	UFFD uffd.Facts
	MM   mm.Facts
}

// Running is the stable release that the profile "6.18" models: the kernel on which the
// conformance suite was run.
const Running = "6.18.44"

// Default is the version that a program models if it names none: the newest one that was
// compared with a running kernel.
const Default = "6.18"

// names are the names of the profiles, the oldest first. All are mainline releases,
// except that the one of the series of [Running] models that stable release.
var names = []string{
	"2015", "2015+copy",
	"4.3", "4.4", "4.7", "4.10", "4.11", "4.13", "4.14", "4.16", "4.17", "4.20",
	"5.0", "5.2", "5.7", "5.9", "5.11", "5.13", "5.14", "5.15", "5.16", "5.17", "5.18", "5.19",
	"6.0", "6.1", "6.3", "6.4", "6.6", "6.7", "6.8", "6.9", "6.10", "6.15", "6.16", "6.17", "6.18",
}

// profiles are the kernels in the order of names, and byName their indices. Immutable.
var profiles, byName = func() (all []Profile, index map[string]int) {
	index = map[string]int{}
	for _, name := range names {
		r := parse(name)
		if strings.HasPrefix(Running, name+".") {
			r = parse(Running)
		}
		index[name] = len(all)
		all = append(all, sum(r, name))
	}
	return all, index
}()

// sum returns the profile of a release: the sum of the changes that it has.
func sum(r release, name string) Profile {
	p := start()
	for i := range history {
		if history[i].in(r) {
			history[i].Apply(&p)
		}
	}
	p.Name = name
	return p
}

// start returns the facts of the 2015 code, to which the changes are applied.
func start() Profile {
	var p Profile
	p.UFFD.APIIoctls = abi.MaskAPI | abi.MaskRegister | abi.MaskUnregister
	p.UFFD.RangeIoctls = abi.MaskWake
	p.UFFD.Flags = abi.OCloexec | abi.ONonblock
	return p
}

// Profiles returns the profile of each release at which something changes, the oldest
// first. The slice is the caller's own. [Resolve] returns those of the releases in
// between.
func Profiles() []Profile { return slices.Clone(profiles) }

// Newest returns the profile of the newest kernel.
func Newest() Profile { return profiles[len(profiles)-1] }

// Lookup returns the one of [Profiles] with the given name, and reports whether it
// exists.
func Lookup(name string) (Profile, bool) {
	i, ok := byName[name]
	if !ok {
		return Profile{}, false
	}
	return profiles[i], true
}

// Before returns the name of the newest profile without the change of that name: the one
// before the change's release. "" if there is no such change, or no older profile.
func Before(change string) string {
	for i := range history {
		if at, ok := byName[history[i].Release]; ok && at > 0 && history[i].Name == change {
			return profiles[at-1].Name
		}
	}
	return ""
}
