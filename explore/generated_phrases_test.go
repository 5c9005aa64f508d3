package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// phrases are what a task's words are drawn from, by the primitive that a program is
// about. "@" is replaced by 0 or 1, and "#" by a task that the task may name.
var phrases = map[string][]string{
	"words":  {"load@", "load2", "store@", "store@", "atonce@", "cas@", "mb", "fetch@", "copy@", "forget", "clear@"},
	"memory": {"touch@", "poke@", "touch@", "poke@", "remap@", "store@", "load@"},
	"cells": {
		"loadown", "loadpeer", "storeown", "setpeer", "sethandle", "gethandle", "gethandle", "nohandle", "load@", "store@", "wake#",
	},
	"spinlocks": {
		"load@", "store@", "spin0 readspin0 release", "spin0 writespin0 release", "spin1 writespin1 load@ release",
		"spin0 store@ release", "spin0 readspin0 spin1 readspin1 release release", "spin0 writespin0 spin1 writespin1 release release",
		"spin0 storeheld release", "spin0 peekheld release", "fetch@", "spin0 copyspin0 release forget",
		"storeunder@", "either@",
	},
	"semaphores": {
		"load@", "store@", "down_read0 readsem0 release", "down_write0 writesem0 release", "down_read1 load@ release",
		"down_write1 writesem1 store@ release", "down_read0 readsem0 down_write1 writesem1 release release",
		"down_write0 down_read1 readsem1 release release", "down_read0 spin1 readspin1 release release",
		"fetch@", "down_write0 copysem0 release forget",
	},
	"structures": {
		"publish", "follow", "overwrite", "withdraw", "spin0 publish release", "spin0 follow release", "spin0 withdraw release",
		"down_read0 follow release", "down_write0 withdraw release", "scratch", "load@",
	},
	"references": {
		"get0", "put@", "put0", "getnz@", "loadx@", "storex@", "count0", "load@", "store@", "spin0 put0 release",
		"down_read0 loadx0 release", "down_write0 put0 release", "getnz0 put0", "get1 put1", "loadx0 put1", "drop0", "setcount0",
	},
	"sleeping": {
		"wait@", "waitkill@", "sleep", "wake#", "store@ wake#", "wake#", "store@", "load@", "announce", "unordered", "clear@",
		"announce load@ running", "announce load@ schedule", "announce wake# running",
	},
	"signals": {"wait@", "waitkill@", "sleep", "signal#", "signal#", "kill#", "pending", "take", "wake#"},
	"queues":  {"queue@", "queue@", "wakequeue", "wakewalk", "active", "wake#", "store2", "queue1"},
	"sequence counts": {
		"seqwrite", "seqread", "seqread", "load@", "store@", "spin0 writespin0 release",
	},
}

// steps returns about how many visible steps the words take.
func steps(words []string) (n int) {
	for _, w := range words {
		n += verbs[strings.TrimRight(w, "0123456789")].steps
	}
	return n
}

// generate draws a program.
func generate(rng *rand.Rand) generated {
	g := generated{guards: rng.IntN(2) == 0, refs: 1 + rng.Uint64N(2), tso: rng.IntN(4) == 0}
	if rng.IntN(2) == 0 {
		g.abstract = replaceAll + abstract(rng.IntN(2))
	}
	tasks := 2 + rng.IntN(2)
	if !g.tso && rng.IntN(3) == 0 { // with store buffers the search exploits no symmetry
		g.symmetry = tasks - rng.IntN(tasks-1)
	}
	kinds := slices.Sorted(maps.Keys(phrases))
	kind := kinds[rng.IntN(len(kinds))]
	pick := func() []string {
		if rng.IntN(5) == 0 {
			return phrases[kinds[rng.IntN(len(kinds))]]
		}
		return phrases[kind]
	}
	total := 11 - rng.IntN(4)
	for i := range tasks {
		if i > 0 && i < g.symmetry {
			g.tasks = append(g.tasks, g.tasks[0])
			continue
		}
		g.tasks = append(g.tasks, g.draw(rng, i, tasks, 1+(total+rng.IntN(tasks))/tasks, pick))
	}
	return g
}

// draw draws the words of task i, with about as many steps as given.
func (g generated) draw(rng *rand.Rand, i, tasks, most int, pick func() []string) (all []string) {
	for range 20 {
		from := pick()
		phrase := strings.ReplaceAll(from[rng.IntN(len(from))], "@", strconv.Itoa(rng.IntN(2)))
		phrase = strings.ReplaceAll(phrase, "#", strconv.Itoa(g.namable(rng, i, tasks)))
		words := strings.Fields(phrase)
		if rng.IntN(6) == 0 {
			words = append(words, fmt.Sprint("if", rng.IntN(3)), fmt.Sprint("store", rng.IntN(2)))
		}
		if len(all) == 0 || steps(all)+steps(words) <= most {
			all = append(all, words...)
		}
	}
	return all
}

// namable returns the number of a task that task i may name: another one, 9 for its peer,
// or one that is like no other.
func (g generated) namable(rng *rand.Rand, i, tasks int) int {
	switch {
	case g.symmetry == 0:
		return (i + 1 + rng.IntN(tasks-1)) % tasks
	case g.symmetry < tasks && i < g.symmetry && rng.IntN(2) == 0:
		return g.symmetry + rng.IntN(tasks-g.symmetry)
	}
	return 9
}

// valid reports whether each task releases exactly the locks that it takes, accesses what
// they protect only under them, and skips no word about locks.
func (g generated) valid() bool {
	for _, words := range g.tasks {
		var held []string
		for at, word := range words {
			verb := strings.TrimRight(word, "0123456789")
			needs := ""
			switch verb {
			case "spin", "down_read", "down_write":
				held = append(held, word)
			case "release":
				if len(held) == 0 {
					return false
				}
				held = held[:len(held)-1]
			case "readspin", "writespin", "copyspin":
				needs = "spin" + word[len(verb):]
			case "peekheld", "storeheld":
				needs = "spin0"
			case "writesem", "copysem":
				needs = "down_write" + word[len(verb):]
			case "readsem":
				if needs = "down_read" + word[len(verb):]; !slices.Contains(held, needs) {
					needs = "down_write" + word[len(verb):]
				}
			case "if":
				if at+1 == len(words) || aboutLocks(words[at+1]) {
					return false
				}
			}
			if needs != "" && !slices.Contains(held, needs) {
				return false
			}
		}
		if len(held) > 0 {
			return false
		}
	}
	return true
}

// aboutLocks reports whether a word takes or releases a lock, or needs one.
func aboutLocks(word string) bool {
	switch strings.TrimRight(word, "0123456789") {
	case "spin", "down_read", "down_write", "release", "readspin", "writespin", "copyspin",
		"readsem", "writesem", "copysem", "storeheld", "peekheld", "if":
		return true
	}
	return false
}
