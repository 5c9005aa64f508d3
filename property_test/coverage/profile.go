package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/uffdsim/uffdsim/"

// block is a sequence of statements that run together, with the line that it begins in:
// most often the line of the condition under which they run.
type block struct {
	file       string
	line       int
	text       string
	statements int
	reached    bool
}

// readProfile reads a profile written by go test, which has a line for each block and
// test binary, and returns the blocks of all files that are not generated, by file and
// line.
func readProfile(name string) ([]block, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	byPosition := map[string]*block{}
	sources := map[string]*source{}
	for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		fields := strings.Fields(l) // file:line.column,line.column statements count
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q is not a block", name, l)
		}
		b := byPosition[fields[0]]
		if b == nil {
			if b, err = parseBlock(fields, sources); err != nil {
				return nil, err
			}
			if b == nil {
				continue
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

// source is a file that a profile names.
type source struct {
	lines     []string
	generated bool // it has the line that marks a generated file for Go's tools
}

var generatedLine = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

func readSource(file string) (*source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	return &source{lines: lines, generated: slices.ContainsFunc(lines, generatedLine.MatchString)}, nil
}

// parseBlock returns the block of one line of a profile, or nil if its file is generated.
func parseBlock(fields []string, sources map[string]*source) (*block, error) {
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
		if sources[file], err = readSource(file); err != nil {
			return nil, err
		}
	}
	if sources[file].generated {
		return nil, nil
	}
	text := strings.TrimSpace(sources[file].lines[line-1])
	return &block{file: file, line: line, text: text, statements: statements}, nil
}

// excuse is a place that a run need not reach: the blocks of a file that begin in a line
// with the text.
type excuse struct {
	file, text string
	line       int  // its line in the list
	used       bool // the place exists
	needed     bool // and a part of it is unreached
}

// readExcuses reads the part of the list that is for a run.
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
			return nil, fmt.Errorf("unreached.txt:%d: want a file, a text and the reason, separated by tabs", n+1)
		}
		list = append(list, &excuse{file: parts[0], text: parts[1], line: n + 1})
	}
	return list, nil
}
