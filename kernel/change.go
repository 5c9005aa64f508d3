package kernel

import "slices"

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

// In reports whether the release of that name has the change. It panics if the name is
// not that of a release.
func (c *Change) In(name string) bool { return c.in(parse(name)) }

// in reports whether the release r has the change: r is not older than the change's
// mainline release, or not older than a backport in r's own stable series.
func (c *Change) in(r release) bool {
	if !r.before(parse(c.Release)) {
		return true
	}
	_, ok := c.backport(r)
	return ok
}

// backport returns the stable release of r's series that brought the change, if r is not
// older than that.
func (c *Change) backport(r release) (name string, ok bool) {
	for _, name := range c.Backports {
		if b := parse(name); b.mainline() == r.mainline() && !r.before(b) {
			return name, true
		}
	}
	return "", false
}
