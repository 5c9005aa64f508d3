package trace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
)

// Space is an address space.
type Space struct {
	Name    string
	VMAs    []VMA // lowest first
	Entries map[Slot]Entry
	Gone    bool // it was destroyed
}

// VMA is a mapping of the half-open range [Start, End), in bytes.
type VMA struct {
	Start, End uint64
	Prot       string // "rw-p"
	Backing    string // "" for plain anonymous memory
	Owner      string // the name of the context that gets its faults, "" for none
	Modes      string // the modes of the registration
}

// Slot is the place of an entry in the page table: the level ("pte") and the first
// address that the entry maps.
type Slot struct {
	Level   string
	Address uint64
}

// Entry is an entry of the page table: its bits, and the bits in words.
type Entry struct {
	Word uint64
	Bits string
}

func (sp *Space) applyVMA(e *Event) {
	if e.Kind == "mm_exit" {
		sp.VMAs, sp.Gone = nil, true
		return
	}
	was := e.Addr("was")
	sp.VMAs = slices.DeleteFunc(sp.VMAs, func(v VMA) bool { return v.Start == was })
	if e.Kind == "vma_remove" {
		return
	}
	v := VMA{
		Start: e.Addr("start"), End: e.Addr("end"), Prot: e.Str("prot"), Backing: e.Str("backing"),
		Owner: e.Str("uffd"), Modes: e.Str("modes"),
	}
	at, _ := slices.BinarySearchFunc(sp.VMAs, v.Start, func(v VMA, start uint64) int {
		return int(min(max(int64(v.Start-start), -1), 1))
	})
	sp.VMAs = slices.Insert(sp.VMAs, at, v)
}

func (sp *Space) applyEntry(e *Event) {
	address, word := e.Addr("address"), e.Addr("entry")
	if e.Kind == "pmd_split" {
		step := e.Addr("step")
		for i := range uint64(512) {
			sp.set("pte", address+i*mm.PageSize, word+i*step, pgtable.Entry(word+i*step).String())
		}
		return
	}
	level, _, _ := strings.Cut(e.Kind, "_")
	sp.set(level, address, word, e.Str("bits"))
}

func (sp *Space) set(level string, address, word uint64, bits string) {
	if word == 0 {
		delete(sp.Entries, Slot{level, address})
		return
	}
	sp.Entries[Slot{level, address}] = Entry{word, bits}
}

// levels has the levels of the page table, and the number of bytes that an entry maps.
var levels = []struct {
	name  string
	shift uint
}{{"pgd", 39}, {"pud", 30}, {"pmd", 21}, {"pte", 12}}

// Walk follows the page table to an address, and returns a line for each level, as the
// operation pagewalk prints them.
func (sp *Space) Walk(address uint64) []string {
	var lines []string
	for _, l := range levels {
		entry, ok := sp.Entries[Slot{l.name, address &^ (1<<l.shift - 1)}]
		if !ok {
			entry.Bits = "none"
		}
		lines = append(lines, fmt.Sprintf("%s[%d] %s", l.name, address>>l.shift&511, entry.Bits))
		if !ok || strings.Contains(entry.Bits, "huge") {
			break
		}
	}
	return lines
}

// Present reports whether the page at an address is present.
func (sp *Space) Present(address uint64) bool {
	if _, ok := sp.Entries[Slot{"pte", address &^ (mm.PageSize - 1)}]; ok {
		return true
	}
	entry, ok := sp.Entries[Slot{"pmd", address &^ (mm.PMDSize - 1)}]
	return ok && strings.Contains(entry.Bits, "huge")
}

// Maps lists the mappings as the operation maps does. name returns the name of a context.
func (sp *Space) Maps(name func(ctx string) string) []string {
	var lines []string
	for _, v := range sp.VMAs {
		line := fmt.Sprintf("%x-%x %s", v.Start, v.End, v.Prot)
		if v.Owner != "" {
			line += " uffd=" + name(v.Owner) + ":" + v.Modes
		}
		if v.Backing != "" {
			line += " " + v.Backing
		}
		lines = append(lines, line)
	}
	return lines
}
