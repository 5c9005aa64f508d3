package kernel

import (
	"fmt"
	"slices"
)

// Change is something that kernels answer differently from a release on.
type Change struct {
	// Name is unique.
	Name string
	// Doc says in a sentence what holds since.
	Doc string
	// Release is the mainline release that introduced it, or "2015+copy".
	Release string
	// Backports are the stable releases that are known to have taken it over, each with all
	// later ones of its series. The list need not be complete.
	Backports []string
	// Commit is its mainline commit, "" if that was not looked up.
	Commit string
	// Src is the oldest source tree that was read and has it, "" if it was found in the
	// history only: then Release is that of Commit.
	Src string
	// Live is the running kernel that was seen to answer so, "" if none was.
	Live string
	// Scenario is the file of a scenario whose transcript the change alters, from the root of the
	// repository. If no scenario can show it, Program is a program of package explore, or
	// of this package's tests, whose set of outcomes it alters.
	Scenario, Program string

	assign func(p *Profile)
}

// Apply makes the change to a profile.
func (c *Change) Apply(p *Profile) { c.assign(p) }

// Changes returns the history, the oldest change first. The slices are the caller's own.
func Changes() []Change {
	all := slices.Clone(history)
	for i := range all {
		all[i].Backports = slices.Clone(all[i].Backports)
	}
	return all
}

// release is a mainline or stable release: "4.3" is {4, 3, 0}.
type release [3]int

// parse returns the release of that name. The two profiles of 2015 come before all others.
func parse(name string) release {
	switch name {
	case "2015":
		return release{}
	case "2015+copy":
		return release{0, 0, 1}
	}
	var r release
	if n, _ := fmt.Sscanf(name, "%d.%d.%d", &r[0], &r[1], &r[2]); n < 2 {
		panic(fmt.Sprintf("%q is no release", name))
	}
	return r
}

// In reports whether the release of that name has the change. It panics if the name is none of a
// release.
func (c *Change) In(name string) bool { return c.in(parse(name)) }

// in reports whether a release has the change: from its mainline release, or in a series of stable
// releases that has taken it over.
func (c *Change) in(r release) bool {
	if since := parse(c.Release); slices.Compare(since[:], r[:]) <= 0 {
		return true
	}
	return slices.ContainsFunc(c.Backports, func(name string) bool {
		b := parse(name)
		return b[0] == r[0] && b[1] == r[1] && b[2] <= r[2]
	})
}
