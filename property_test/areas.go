package properties

import (
	"fmt"
	"strings"
)

// area is a line of maps(), in pages.
type area struct {
	from, to int
	prot     string
	shared   bool
	owner    string
}

// rights are the rights that a mapping can have here.
var rights = map[string]string{"---": protNone, "r--": protRead, "rw-": protWrite}

// maps returns the mappings, as the implementation lists them.
func (s *script) maps() (areas []area) {
	text := s.do("maps()")
	if text == "nothing is mapped" {
		return nil
	}
	for line := range strings.Lines(text) {
		a, err := parseArea(line)
		if err != nil {
			s.fail("%q: %v", line, err)
		}
		areas = append(areas, a)
	}
	return areas
}

func parseArea(line string) (a area, err error) {
	var start, end uint64
	var flags string
	if _, err := fmt.Sscanf(line, "%x-%x %4s", &start, &end, &flags); err != nil {
		return a, err
	}
	a.from, a.to = int((start-arena)/pageSize), int((end-arena)/pageSize)
	if a.from < 0 || a.to > arenaPages {
		return a, fmt.Errorf("a mapping lies outside the arena")
	}
	a.prot, a.shared = rights[flags[:3]], flags[3] == 's'
	for _, word := range strings.Fields(line)[2:] {
		if owner, ok := strings.CutPrefix(word, "uffd="); ok {
			// A reused name has a number behind it.
			a.owner = owner[:strings.IndexAny(owner, "#:")]
		}
	}
	return a, nil
}

// sameKind reports whether two areas have the same rights and the same owner.
func (a area) sameKind(b area) bool {
	return a.prot == b.prot && a.shared == b.shared && a.owner == b.owner
}
