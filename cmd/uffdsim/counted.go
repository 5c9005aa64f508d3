package main

import "fmt"

// counted returns the number with the noun, whose plural ends in s: "1 statement",
// "2 statements".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
