package kernel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Change is a difference between the kernels before and since a release. Immutable.
type Change struct {
	// Name is unique.
	Name string
	// Doc describes, in a sentence, the behaviour since the change.
	Doc string
	// Release is the mainline release that introduced the change, or "2015+copy".
	Release string
	// Backports are the stable releases that are known to have the change, each with all
	// later releases of its series. The list need not be complete.
	Backports []string
	// Commit is the change's mainline commit, "" if that was not looked up.
	Commit string
	// Src is the oldest of the source trees that were read and have the change. It is ""
	// if the change was found only in the commit history; then Release is the release of
	// Commit.
	Src string
	// Live is the running kernel on which the behaviour was observed, "" if none.
	Live string
	// Scenario is the path, from the root of the repository, of a scenario whose
	// transcript the change alters. If no scenario can show the change, Scenario is ""
	// and Program names a program of package explore, or of this package's tests, whose
	// set of outcomes it alters.
	Scenario, Program string

	assign func(p *Profile)
}

// Apply applies the change to a profile.
func (c *Change) Apply(p *Profile) { c.assign(p) }

// Changes returns all changes in the order of their mainline releases. The slices are the
// caller's own.
func Changes() []Change {
	all := slices.Clone(history)
	for i := range all {
		all[i].Backports = slices.Clone(all[i].Backports)
	}
	return all
}

// release is a mainline or stable release: "4.3" is {4, 3, 0}.
type release [3]int

// parse returns the release with the given name. "2015" and "2015+copy" sort before all
// others. It panics if the name is malformed.
func parse(name string) release {
	switch name {
	case "2015":
		return release{}
	case "2015+copy":
		return release{0, 0, 1}
	}
	var r release
	parts := strings.Split(name, ".")
	if len(parts) < 2 || len(parts) > len(r) {
		panic(fmt.Sprintf("%q is not a release", name))
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			panic(fmt.Sprintf("%q is not a release", name))
		}
		r[i] = n
	}
	return r
}

// In reports whether the release of that name has the change. It panics if the name is
// not that of a release.
func (c *Change) In(name string) bool { return c.in(parse(name)) }

// in reports whether the release r has the change: r is not older than the change's
// mainline release, or not older than a backport in r's own stable series.
func (c *Change) in(r release) bool {
	if since := parse(c.Release); slices.Compare(since[:], r[:]) <= 0 {
		return true
	}
	return slices.ContainsFunc(c.Backports, func(name string) bool {
		b := parse(name)
		return b[0] == r[0] && b[1] == r[1] && b[2] <= r[2]
	})
}
