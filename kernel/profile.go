package kernel

import (
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Profile is a kernel as the packages below know it.
type Profile struct {
	Name string
	UFFD uffd.Facts
	MM   mm.Facts
}

// Running is the stable release that the profile "6.18" stands for: the kernel that the
// conformance suite was run on.
const Running = "6.18.44"

// names are the profiles, the oldest first. Each is a mainline release, but for the one whose
// series [Running] is of: that stands for Running itself.
var names = []string{
	"2015", "2015+copy",
	"4.3", "4.4", "4.7", "4.10", "4.11", "4.13", "4.14", "4.16", "4.17", "4.20",
	"5.0", "5.2", "5.7", "5.9", "5.11", "5.13", "5.14", "5.15", "5.16", "5.17", "5.18", "5.19",
	"6.0", "6.1", "6.3", "6.4", "6.6", "6.7", "6.8", "6.9", "6.10", "6.15", "6.16", "6.17", "6.18",
}

var profiles, byName = func() (all []Profile, index map[string]int) {
	index = map[string]int{}
	for _, name := range names {
		r := parse(name)
		if strings.HasPrefix(Running, name+".") {
			r = parse(Running)
		}
		p := start()
		for i := range history {
			if history[i].in(r) {
				history[i].Apply(&p)
			}
		}
		p.Name = name
		index[name] = len(all)
		all = append(all, p)
	}
	return all, index
}()

// start returns the code of 2015, which every other profile is changes to.
func start() Profile {
	var p Profile
	p.UFFD.APIIoctls = abi.MaskAPI | abi.MaskRegister | abi.MaskUnregister
	p.UFFD.RangeIoctls = abi.MaskWake
	p.UFFD.Flags = abi.OCloexec | abi.ONonblock
	return p
}

// Profiles returns all profiles, the oldest first. The slice is the caller's own.
func Profiles() []Profile { return slices.Clone(profiles) }

// Newest returns the newest profile.
func Newest() Profile { return profiles[len(profiles)-1] }

// Lookup returns the profile of that name, and whether there is one.
func Lookup(name string) (Profile, bool) {
	i, ok := byName[name]
	if !ok {
		return Profile{}, false
	}
	return profiles[i], true
}
