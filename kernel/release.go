package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// release is a mainline or stable release: "4.3" is {4, 3, 0}.
type release [3]int

// parseRelease returns the release with the given name: x.y or x.y.z, with or without a v
// in front. "2015" and "2015+copy" sort before all others. It allocates nothing.
func parseRelease(name string) (r release, ok bool) {
	switch name {
	case "2015":
		return release{}, true
	case "2015+copy":
		return release{0, 0, 1}, true
	}
	rest := strings.TrimPrefix(name, "v")
	for i, more := 0, true; more; i++ {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		if i == len(r) {
			return release{}, false
		}
		if r[i], ok = parseNumber(part); !ok {
			return release{}, false
		}
		if i == 0 && !more {
			return release{}, false
		}
	}
	return r, true
}

// parseNumber returns a decimal number of at most four digits, without leading zeros.
func parseNumber(text string) (n int, ok bool) {
	if text == "" || len(text) > 4 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// parse is parseRelease for a name that is known to be right. It panics if it is
// malformed.
func parse(name string) release {
	r, ok := parseRelease(name)
	if !ok {
		panic(fmt.Sprintf("%q is not a release", name))
	}
	return r
}

// mainline returns the mainline release that r's stable series began with.
func (r release) mainline() release { return release{r[0], r[1], 0} }

// before reports whether r is older than s.
func (r release) before(s release) bool { return slices.Compare(r[:], s[:]) < 0 }
