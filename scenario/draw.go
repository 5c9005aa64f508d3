package scenario

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
)

// place is an address in a process.
type place struct {
	process *process
	addr    uint64
}

// barPages is the maximal number of pages of a mapping that Draw shows page by page.
const barPages = 64

// Draw returns a picture of the modelled machine in lines of text: the mappings of every
// process with their pages, the queues of every context, and the page table at the
// address of the last memory access or ioctl.
func (s *Session) Draw() string {
	var b strings.Builder
	if s.model == nil {
		return ""
	}
	for _, p := range s.processes {
		s.drawMemory(&b, p)
	}
	for _, c := range s.model.contexts.known {
		if c.Freed() {
			continue
		}
		fmt.Fprintf(&b, "queues of %s\n", c.name)
		for _, l := range queueLines(c.Ctx) {
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	if s.focus != nil {
		fmt.Fprintf(&b, "page table at %#x\n", s.focus.addr)
		for _, l := range walkLines(s.focus.process.Process.(*modelProcess), s.focus.addr) {
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	return b.String()
}

// Legend explains the marks of Draw's pages.
const Legend = ". no page   w no page, and a task waits for it   z the zero page   # a page"

func (s *Session) drawMemory(b *strings.Builder, p *process) {
	title := "memory"
	if p.name != mainName {
		title += " of " + p.name
	}
	fmt.Fprintln(b, title)
	inModel := p.Process.(*modelProcess)
	maps, _ := p.Maps() // the model always knows
	if len(maps) == 0 {
		fmt.Fprintln(b, "    nothing is mapped")
	}
	for _, m := range maps {
		bar := ""
		if pages := (m.End - m.Start) / mm.PageSize; pages <= barPages {
			bar = "  [" + s.pages(inModel, m.Start, m.End) + "]"
		}
		fmt.Fprintf(b, "    %s%s\n", mapLine(m), bar)
	}
}

// pages returns a mark for every page in [start, end).
func (s *Session) pages(p *modelProcess, start, end uint64) string {
	waited := map[uint64]bool{}
	for _, c := range s.model.contexts.known {
		if c.MM() != p.MM {
			continue
		}
		pending, read := c.Queues()
		for _, w := range append(pending, read...) {
			waited[w.Address&mm.PageMask] = true
		}
	}
	var bar []byte
	for addr := start; addr < end; addr += mm.PageSize {
		bar = append(bar, pageMark(p, addr, waited[addr]))
	}
	return string(bar)
}

func pageMark(p *modelProcess, addr uint64, waited bool) byte {
	walk := p.MM.PageWalk(addr)
	last := walk[len(walk)-1]
	entry := last.Entry.String()
	leaf := last.Level == "pte" || strings.Contains(entry, "huge")
	switch {
	case leaf && strings.Contains(entry, "zero-page"):
		return 'z'
	case leaf && last.Entry != 0:
		return '#'
	case waited:
		return 'w'
	}
	return '.'
}
