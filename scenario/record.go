package scenario

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/uffd/abi"
)

// layout is the struct of an ioctl, which a scenario writes as {name=value, ...}. Every
// field of these structs has 8 bytes.
type layout struct {
	command string
	cmd     uint32
	fields  []field
}

// field is a word of a struct.
type field struct {
	name     string
	role     role
	domain   *domain // names for its value
	optional bool    // may be left out, and is 0 then, as in C
	signed   bool    // printed as a signed number
}

// role says whether the program or the kernel writes a field.
type role uint8

const (
	in    role = iota // the program
	out               // the kernel
	inOut             // both
)

var (
	registerModes = &domain{what: "a mode of UFFDIO_REGISTER", prefix: "UFFDIO_REGISTER_MODE_",
		names: []constant{{"MISSING", abi.RegisterModeMissing}, {"WP", abi.RegisterModeWP},
			{"MINOR", abi.RegisterModeMinor}}}
	copyModes = &domain{what: "a mode of UFFDIO_COPY", prefix: "UFFDIO_COPY_MODE_",
		names: []constant{{"DONTWAKE", abi.CopyModeDontwake}, {"WP", abi.CopyModeWP}}}
	zeropageModes = &domain{what: "a mode of UFFDIO_ZEROPAGE", prefix: "UFFDIO_ZEROPAGE_MODE_",
		names: []constant{{"DONTWAKE", abi.ZeropageModeDontwake}}}
	writeprotectModes = &domain{what: "a mode of UFFDIO_WRITEPROTECT", prefix: "UFFDIO_WRITEPROTECT_MODE_",
		names: []constant{{"WP", 1 << 0}, {"DONTWAKE", 1 << 1}}}
	continueModes = &domain{what: "a mode of UFFDIO_CONTINUE", prefix: "UFFDIO_CONTINUE_MODE_",
		names: []constant{{"DONTWAKE", 1 << 0}, {"WP", 1 << 1}}}
	poisonModes = &domain{what: "a mode of UFFDIO_POISON", prefix: "UFFDIO_POISON_MODE_",
		names: []constant{{"DONTWAKE", 1 << 0}}}
	moveModes = &domain{what: "a mode of UFFDIO_MOVE", prefix: "UFFDIO_MOVE_MODE_",
		names: []constant{{"DONTWAKE", 1 << 0}, {"ALLOW_SRC_HOLES", 1 << 1}}}
	versionNumber = &domain{what: "a version of the interface", names: []constant{{"UFFD_API", abi.APIVersion}}}
	featureNames  = &domain{what: "a feature", names: []constant{
		{"PAGEFAULT_FLAG_WP", abi.FeaturePagefaultFlagWP}, {"EVENT_FORK", abi.FeatureEventFork},
		{"EVENT_REMAP", abi.FeatureEventRemap}, {"EVENT_REMOVE", abi.FeatureEventRemove},
		{"MISSING_HUGETLBFS", abi.FeatureMissingHugetlbfs}, {"MISSING_SHMEM", abi.FeatureMissingShmem},
		{"EVENT_UNMAP", abi.FeatureEventUnmap}, {"SIGBUS", abi.FeatureSIGBUS}, {"THREAD_ID", abi.FeatureThreadID},
		{"MINOR_HUGETLBFS", abi.FeatureMinorHugetlbfs}, {"MINOR_SHMEM", abi.FeatureMinorShmem},
		{"EXACT_ADDRESS", abi.FeatureExactAddress}, {"WP_HUGETLBFS_SHMEM", abi.FeatureWPHugetlbfsShmem},
		{"WP_UNPOPULATED", abi.FeatureWPUnpopulated}, {"POISON", abi.FeaturePoison},
		{"WP_ASYNC", abi.FeatureWPAsync}, {"MOVE", abi.FeatureMove},
	}}
	ioctlMask = &domain{what: "an ioctl", names: []constant{
		{"API", abi.MaskAPI}, {"REGISTER", abi.MaskRegister}, {"UNREGISTER", abi.MaskUnregister},
		{"WAKE", abi.MaskWake}, {"COPY", abi.MaskCopy}, {"ZEROPAGE", abi.MaskZeropage},
		{"MOVE", abi.MaskMove}, {"WRITEPROTECT", abi.MaskWriteprotect}, {"CONTINUE", abi.MaskContinue}, {"POISON", abi.MaskPoison},
	}}
)

var layouts = []layout{
	{"UFFDIO_API", abi.UFFDIO_API, []field{
		{name: "api", domain: versionNumber}, {name: "features", role: inOut, domain: featureNames, optional: true},
		{name: "ioctls", role: out, domain: ioctlMask}}},
	{"UFFDIO_REGISTER", abi.UFFDIO_REGISTER, []field{
		{name: "start"}, {name: "len"}, {name: "mode", domain: registerModes}, {name: "ioctls", role: out, domain: ioctlMask}}},
	{"UFFDIO_UNREGISTER", abi.UFFDIO_UNREGISTER, []field{{name: "start"}, {name: "len"}}},
	{"UFFDIO_WAKE", abi.UFFDIO_WAKE, []field{{name: "start"}, {name: "len"}}},
	{"UFFDIO_COPY", abi.UFFDIO_COPY, []field{
		{name: "dst"}, {name: "src"}, {name: "len"}, {name: "mode", domain: copyModes, optional: true},
		{name: "copy", role: out, signed: true}}},
	{"UFFDIO_ZEROPAGE", abi.UFFDIO_ZEROPAGE, []field{
		{name: "start"}, {name: "len"}, {name: "mode", domain: zeropageModes, optional: true},
		{name: "zeropage", role: out, signed: true}}},

	{"UFFDIO_WRITEPROTECT", abi.UFFDIO_WRITEPROTECT, []field{
		{name: "start"}, {name: "len"}, {name: "mode", domain: writeprotectModes, optional: true}}},
	{"UFFDIO_CONTINUE", abi.UFFDIO_CONTINUE, []field{
		{name: "start"}, {name: "len"}, {name: "mode", domain: continueModes, optional: true},
		{name: "mapped", role: out, signed: true}}},
	{"UFFDIO_POISON", abi.UFFDIO_POISON, []field{
		{name: "start"}, {name: "len"}, {name: "mode", domain: poisonModes, optional: true},
		{name: "updated", role: out, signed: true}}},
	{"UFFDIO_MOVE", abi.UFFDIO_MOVE, []field{
		{name: "dst"}, {name: "src"}, {name: "len"}, {name: "mode", domain: moveModes, optional: true},
		{name: "move", role: out, signed: true}}},
}

// layoutOf returns the struct of a command, nil if none.
func layoutOf(cmd uint32) *layout {
	i := slices.IndexFunc(layouts, func(l layout) bool { return l.cmd == cmd })
	if i < 0 {
		return nil
	}
	return &layouts[i]
}

// fieldNames returns the names of the fields that a scenario may write. UFFDIO_COPY also
// has byte, which stands for a source filled with that byte.
func (l *layout) fieldNames() []string {
	var names []string
	for _, f := range l.fields {
		names = append(names, f.name)
	}
	if l.cmd == abi.UFFDIO_COPY {
		names = append(names, fillField)
	}
	return names
}

const fillField = "byte"

// untouched is the value of an out field before the call, unless the scenario gives
// another. If the field has it after the call, the kernel has not written the field: the
// kernel never returns this value.
const untouched = 0xdead_beef_dead_beef

// record is a struct that is passed to the kernel: a value for each field.
type record struct {
	layout *layout
	words  []uint64
	source func() []byte // returns the memory that src shall point to; nil if src has an address
}

func (r *record) encode() []byte {
	b := make([]byte, 8*len(r.words))
	for i, w := range r.words {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return b
}

// set stores a field by name.
func (r *record) set(name string, word uint64) {
	i := slices.IndexFunc(r.layout.fields, func(f field) bool { return f.name == name })
	r.words[i] = word
}

// formatOut returns the fields that the kernel wrote into the struct's bytes: "
// {copy=4096}", "" if it wrote none. A failed handshake also overwrites fields of the
// program, and formatOut shows them then.
func (r *record) formatOut(b []byte, failed bool) string {
	wrote := false
	var parts []string
	for i, f := range r.layout.fields {
		word := binary.LittleEndian.Uint64(b[8*i:])
		changed := word != r.words[i]
		wrote = wrote || changed
		if f.role == in && !(failed && changed) || f.role == out && !changed {
			continue
		}
		parts = append(parts, f.name+"="+f.format(word))
	}
	if !wrote {
		return ""
	}
	return " {" + strings.Join(parts, ", ") + "}"
}

func (f *field) format(word uint64) string {
	switch {
	case f.signed:
		return fmt.Sprint(int64(word))
	case f.domain != nil:
		return f.domain.format(word)
	}
	return fmt.Sprintf("%#x", word)
}
