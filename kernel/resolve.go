package kernel

import (
	"fmt"
	"strings"
)

// Accepted says which names [Resolve] accepts.
const Accepted = "2015, 2015+copy, or a Linux release since 4.3, such as 6.12.117"

// first is the release that brought userfaultfd.
var first = release{4, 3, 0}

// lastMinor is the last mainline release of each major version that has ended.
var lastMinor = map[int]int{4: 20, 5: 19, 6: 19}

// Resolve returns the profile of any release since 4.3, mainline or stable: the sum of
// the changes that the release has, with the backports of its series. It is named as the
// release, without a v in front. "2015" and "2015+copy" are accepted too. The name of
// [Running]'s series stands for Running.
//
// A release newer than all known changes has all of them; [Describe] reports that it is.
// The error says why there is no such release, or what is accepted.
func Resolve(name string) (Profile, error) {
	if p, ok := Lookup(name); ok {
		return p, nil
	}
	r, name, err := resolve(name)
	if err != nil {
		return Profile{}, err
	}
	if p, ok := Lookup(name); ok {
		return p, nil
	}
	return sum(r, name), nil
}

// resolve returns the release with the given name, and its name without a v in front.
func resolve(name string) (release, string, error) {
	r, ok := parseRelease(name)
	switch {
	case !ok && len(name) > 40:
		return r, "", fmt.Errorf("no kernel %q...: accepted are %s", name[:40], Accepted)
	case !ok:
		return r, "", fmt.Errorf("no kernel %q: accepted are %s", name, Accepted)
	case name == "2015", name == "2015+copy":
		return r, name, nil
	case r.before(first):
		return r, "", fmt.Errorf("no kernel %q: userfaultfd came with Linux 4.3", name)
	}
	if last, ended := lastMinor[r[0]]; ended && r[1] > last {
		return r, "", fmt.Errorf("no kernel %q: Linux %d.%d was followed by %d.0", name, r[0], last, r[0]+1)
	}
	return r, strings.TrimPrefix(name, "v"), nil
}

// Describe returns a line that says what [Resolve] makes of a name, such as "5.10: as
// 5.9, nothing changed since" or "6.12.86: mainline 6.12 with backports low-addresses
// (6.12.86)". The error is that of Resolve.
func Describe(name string) (string, error) {
	r, name, err := resolve(name)
	if err != nil {
		return "", err
	}
	running := parse(Running)
	switch {
	case name == "2015":
		return name + ": fs/userfaultfd.c of early 2015, before it was merged", nil
	case name == "2015+copy":
		return name + ": 2015 with UFFDIO_COPY and UFFDIO_ZEROPAGE of the same series", nil
	case strings.HasPrefix(Running, name+"."):
		return fmt.Sprintf("%s: %s, on which the conformance suite was run: %s", name, Running, describe(running, name)), nil
	case r == running:
		return fmt.Sprintf("%s: on which the conformance suite was run: %s", name, describe(r, name)), nil
	case running.before(r):
		text := strings.Replace(describe(r, name), "nothing changed", "no change known", 1)
		if newest := history[len(history)-1].Release; parse(newest).before(r) {
			text = fmt.Sprintf("as %s, the last release with a known change", newest)
		}
		return fmt.Sprintf("%s: %s (%s is the newest that was compared with a running kernel)", name, text, Running), nil
	}
	return name + ": " + describe(r, name), nil
}

// describe says which mainline release and backports make up the release r.
func describe(r release, name string) string {
	last := "4.3" // the newest release up to r in which something changed
	var backports []string
	for i := range history {
		c := &history[i]
		if since := parse(c.Release); !r.before(since) {
			if !since.before(first) {
				last = c.Release
			}
		} else if b, ok := c.backport(r); ok {
			backports = append(backports, fmt.Sprintf("%s (%s)", c.Name, b))
		}
	}
	series := fmt.Sprintf("%d.%d", r[0], r[1])
	switch {
	case backports != nil:
		return fmt.Sprintf("mainline %s with backports %s", series, strings.Join(backports, ", "))
	case last != series:
		return fmt.Sprintf("as %s, nothing changed since", last)
	case name != series:
		return fmt.Sprintf("mainline %s, no backports known", series)
	}
	return "mainline " + series
}
