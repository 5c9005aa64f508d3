package main

import (
	"regexp"
	"slices"
	"strings"
)

// mask is a field of an answer whose value is names of bits, such as
// "ioctls=WAKE|COPY". 0 is a mask without names.
var mask = regexp.MustCompile(`\b([a-z_]+)=((?:[A-Z][A-Z0-9_]*)(?:\|[A-Z][A-Z0-9_]*)*|0)([,} ]|$)`)

// maskDifference describes how an answer differs from another: ", and features A|B" or
// ", without ioctls C". ok is false if they differ in anything but masks, or if a mask
// has names that the other lacks in both directions.
func maskDifference(from, to string) (text string, ok bool) {
	if from == to || mask.ReplaceAllString(from, "$1=$3") != mask.ReplaceAllString(to, "$1=$3") {
		return "", false
	}
	old, now := mask.FindAllStringSubmatch(from, -1), mask.FindAllStringSubmatch(to, -1)
	for i := range old {
		more, fewer := lacking(now[i][2], old[i][2]), lacking(old[i][2], now[i][2])
		switch {
		case more != "" && fewer != "":
			return "", false
		case more != "":
			text += ", and " + now[i][1] + " " + more
		case fewer != "":
			text += ", without " + now[i][1] + " " + fewer
		}
	}
	return text, text != ""
}

// lacking returns the names of a mask that the other mask does not have.
func lacking(names, other string) string {
	has := strings.Split(other, "|")
	return strings.Join(slices.DeleteFunc(strings.Split(names, "|"), func(name string) bool {
		return name == "0" || slices.Contains(has, name)
	}), "|")
}
