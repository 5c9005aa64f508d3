package scenario

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
)

// The operations that show the machine's state and change nothing. Most print lines.
var viewOperations = []Operation{
	{
		Name: "maps", view: true,
		Doc:     "lists the mappings, or those in [start, end): /proc/PID/maps, with the registrations.",
		Example: "maps()\n    100000-104000 rw-p uffd=fd:missing",
		params:  []param{{name: "start", kind: kindAddress, optional: true, standard: "0"}, {name: "end", kind: kindAddress, optional: true}},
		look: func(c *call) (answer, error) {
			maps, err := mapLines(c.process, c.numberOr(0, 0), c.numberOr(1, ^uint64(0)))
			return lines(maps, "nothing is mapped"), err
		},
	},
	{
		Name: "present", view: true,
		Doc:     "shows which of n pages the page table has: + for a page that it has, - for one that it has not.",
		Example: "present(0x100000, 4) = --+-",
		params:  []param{{name: "addr", kind: kindAddress}, {name: "n", kind: kindLength}},
		look:    lookPresent,
	},
	{
		Name: "fdinfo", view: true,
		Doc:     "shows /proc/PID/fdinfo/FD: the number of pending faults and of all faults, and the interface.",
		Example: "fdinfo(fd)\n    pending: 1\n    total: 1\n    API: aa:80000000:80000000000001ff",
		params:  []param{{name: "fd", kind: kindFD}},
		look:    lookFdinfo,
	},
	{
		Name: "pagewalk", view: true, modelOnly: true,
		Doc:     "follows the page table to an address, and prints a line for each level that exists.",
		Example: "pagewalk(0x102000)\n    pgd[0] ...\n    ...\n    pte[258] pfn=...",
		params:  []param{{name: "addr", kind: kindAddress}},
		look: func(c *call) (answer, error) {
			p, err := c.modelProcess()
			if err != nil {
				return answer{}, err
			}
			return lines(walkLines(p, c.number(0)), ""), nil
		},
	},
	{
		Name: "queues", view: true, modelOnly: true,
		Doc:     "shows the faults that wait: those whose message is unread, and those whose message was read, newest first.",
		Example: "queues(fd)\n    pending: t1@0x101000\n    read: none",
		params:  []param{{name: "fd", kind: kindFD}},
		look:    lookQueues,
	},
	{
		Name: "users", view: true, modelOnly: true,
		Doc:     "returns the number of users of the process's memory: the process, and before 4.7 each context created in it.",
		Example: "users() = 1",
		look: func(c *call) (answer, error) {
			p, err := c.modelProcess()
			if err != nil {
				return answer{}, err
			}
			return result(p.MM.Users(), nil, "%d"), nil
		},
	},
}

func lines(block []string, empty string) answer {
	if len(block) == 0 {
		block = []string{empty}
	}
	return answer{block: block}
}

func lookPresent(c *call) (answer, error) {
	there, err := c.process.Present(c.number(0)&mm.PageMask, int(c.number(1)))
	if err != nil {
		return answer{}, err
	}
	bar := bytes.Repeat([]byte("-"), len(there))
	for i, is := range there {
		if is {
			bar[i] = '+'
		}
	}
	return answer{text: string(bar)}, nil
}

func lookFdinfo(c *call) (answer, error) {
	info, err := c.process.Fdinfo(c.fd(0))
	switch {
	case Incomparable(err):
		return answer{}, err
	case err != nil:
		return failure(err), nil
	}
	return lines(strings.Split(strings.TrimSpace(strings.ReplaceAll(info, "\t", " ")), "\n"), ""), nil
}

func lookQueues(c *call) (answer, error) {
	p, err := c.modelProcess()
	if err != nil {
		return answer{}, err
	}
	ctx := p.Ctx(c.fd(0))
	if ctx == nil {
		return answer{}, fmt.Errorf("queues: descriptor %d is not an open userfaultfd", c.fd(0))
	}
	return lines(queueLines(ctx), ""), nil
}

// mapLines returns a line for each mapping that has a part in [start, end).
func mapLines(p Process, start, end uint64) ([]string, error) {
	maps, err := p.Maps()
	var out []string
	for _, m := range maps {
		if m.End > start && m.Start < end {
			out = append(out, mapLine(m))
		}
	}
	return out, err
}

func mapLine(m Mapping) string {
	line := fmt.Sprintf("%x-%x %s", m.Start, m.End, m.Prot)
	if m.Context != "" {
		line += " uffd=" + m.Context + ":" + m.Modes
	}
	if m.Kind != "" {
		line += " " + m.Kind
	}
	return line
}

func queueLines(ctx *uffd.Ctx) []string {
	pending, read := ctx.Queues()
	return []string{"pending: " + waiters(pending), "read: " + waiters(read)}
}

func waiters(ws []uffd.Waiter) string {
	if len(ws) == 0 {
		return "none"
	}
	var names []string
	for _, w := range ws {
		names = append(names, fmt.Sprintf("%s@%#x", w.Task, w.Address))
	}
	return strings.Join(names, " ")
}

// model returns the model. The error is ErrModelOnly if the session runs on another host.
func (c *call) model() (*model, error) {
	if c.session.model == nil {
		return nil, ErrModelOnly
	}
	return c.session.model, nil
}

// modelProcess returns the process in the model. The error is ErrModelOnly if the session
// runs on another host.
func (c *call) modelProcess() (*modelProcess, error) {
	p, ok := c.process.Process.(*modelProcess)
	if !ok {
		return nil, ErrModelOnly
	}
	return p, nil
}

func walkLines(p *modelProcess, addr uint64) []string {
	var out []string
	for _, l := range p.MM.PageWalk(addr) {
		out = append(out, strings.ReplaceAll(l.String(), "\t", " "))
	}
	return out
}
