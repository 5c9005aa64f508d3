package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/uffdsim/uffdsim/"

// block is some statements that are run together, and the line that they begin in: most often that of
// the condition under which they are run.
type block struct {
	file       string
	line       int
	text       string
	statements int
	reached    bool
}

// readProfile reads what go test wrote: a line for each block and test binary.
func readProfile(name string) ([]block, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	byPosition := map[string]*block{}
	sources := map[string][]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		fields := strings.Fields(l) // file:line.column,line.column statements count
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q is no block", name, l)
		}
		b := byPosition[fields[0]]
		if b == nil {
			if b, err = parseBlock(fields, sources); err != nil {
				return nil, err
			}
			byPosition[fields[0]] = b
		}
		b.reached = b.reached || fields[2] != "0"
	}
	var blocks []block
	for _, b := range byPosition {
		if b.statements > 0 {
			blocks = append(blocks, *b)
		}
	}
	slices.SortFunc(blocks, func(a, b block) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return a.line - b.line
	})
	return blocks, nil
}

func parseBlock(fields []string, sources map[string][]string) (*block, error) {
	file, position, _ := strings.Cut(strings.TrimPrefix(fields[0], module), ":")
	first, _, _ := strings.Cut(position, ".")
	line, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	statements, err := strconv.Atoi(fields[1])
	if err != nil {
		return nil, err
	}
	if sources[file] == nil {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sources[file] = strings.Split(string(text), "\n")
	}
	return &block{file: file, line: line, text: strings.TrimSpace(sources[file][line-1]), statements: statements}, nil
}

// excuse is a place that a run need not reach.
type excuse struct {
	file, text string
	line       int // in the list
	used       bool
}

// readExcuses reads the part of the list that is for a run. What only a dropped rule does is excused by
// its own line.
func readExcuses(name string) ([]*excuse, error) {
	var list []*excuse
	section := ""
	for n, l := range strings.Split(strings.TrimRight(excused, "\n"), "\n") {
		if title, ok := strings.CutPrefix(l, "## "); ok {
			section = title
		}
		if strings.HasPrefix(l, "#") || l == "" || section != cmp.Or(name, "all") {
			continue
		}
		parts := strings.Split(l, "\t")
		if len(parts) != 3 {
			return nil, fmt.Errorf("unreached.txt:%d: a file, a text and the reason, with tabs between them", n+1)
		}
		list = append(list, &excuse{file: parts[0], text: parts[1], line: n + 1})
	}
	return list, nil
}
