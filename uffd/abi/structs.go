package abi

import "encoding/binary"

// Sizes of the structs, in bytes.
const (
	APISize      = 24
	RangeSize    = 16
	RegisterSize = 32
	CopySize     = 40
	ZeropageSize = 32
	MsgSize      = 32

	MoveSize         = 40 // struct uffdio_move: dst, src, len, mode, move
	WriteprotectSize = 24 // struct uffdio_writeprotect: range, mode
	ContinueSize     = 32 // struct uffdio_continue: range, mode, mapped
	PoisonSize       = 32 // struct uffdio_poison: range, mode, updated
)

// Offsets of the fields that only the kernel writes, in bytes.
const (
	RegisterIoctlsOffset   = 24
	CopyCopyOffset         = 32
	ZeropageZeropageOffset = 24
)

var le = binary.LittleEndian

// API is struct uffdio_api.
type API struct{ API, Features, Ioctls uint64 }

// Encode stores the struct at the start of b, which has APISize bytes.
func (a *API) Encode(b []byte) {
	le.PutUint64(b[0:], a.API)
	le.PutUint64(b[8:], a.Features)
	le.PutUint64(b[16:], a.Ioctls)
}

// Decode reads the struct from the start of b.
func (a *API) Decode(b []byte) {
	a.API, a.Features, a.Ioctls = le.Uint64(b[0:]), le.Uint64(b[8:]), le.Uint64(b[16:])
}

// Range is struct uffdio_range: a range of user memory, in bytes.
type Range struct{ Start, Len uint64 }

// Encode stores the struct at the start of b, which has RangeSize bytes.
func (r *Range) Encode(b []byte) {
	le.PutUint64(b[0:], r.Start)
	le.PutUint64(b[8:], r.Len)
}

// Decode reads the struct from the start of b.
func (r *Range) Decode(b []byte) { r.Start, r.Len = le.Uint64(b[0:]), le.Uint64(b[8:]) }

// Register is struct uffdio_register.
type Register struct {
	Range  Range
	Mode   uint64 // RegisterMode bits
	Ioctls uint64 // out: the ioctls that the range supports, as Mask bits
}

// Encode stores the struct at the start of b, which has RegisterSize bytes.
func (r *Register) Encode(b []byte) {
	r.Range.Encode(b)
	le.PutUint64(b[16:], r.Mode)
	le.PutUint64(b[RegisterIoctlsOffset:], r.Ioctls)
}

// Decode reads the struct from the start of b.
func (r *Register) Decode(b []byte) {
	r.Range.Decode(b)
	r.Mode, r.Ioctls = le.Uint64(b[16:]), le.Uint64(b[RegisterIoctlsOffset:])
}

// Copy is struct uffdio_copy.
type Copy struct {
	Dst, Src, Len uint64 // in bytes
	Mode          uint64 // CopyMode bits
	Copy          int64  // out: bytes copied, or a negative errno
}

// Encode stores the struct at the start of b, which has CopySize bytes.
func (c *Copy) Encode(b []byte) {
	le.PutUint64(b[0:], c.Dst)
	le.PutUint64(b[8:], c.Src)
	le.PutUint64(b[16:], c.Len)
	le.PutUint64(b[24:], c.Mode)
	le.PutUint64(b[CopyCopyOffset:], uint64(c.Copy))
}

// Decode reads the struct from the start of b.
func (c *Copy) Decode(b []byte) {
	c.Dst, c.Src, c.Len, c.Mode = le.Uint64(b[0:]), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:])
	c.Copy = int64(le.Uint64(b[CopyCopyOffset:]))
}

// Zeropage is struct uffdio_zeropage.
type Zeropage struct {
	Range    Range
	Mode     uint64 // ZeropageMode bits
	Zeropage int64  // out: bytes mapped, or a negative errno
}

// Encode stores the struct at the start of b, which has ZeropageSize bytes.
func (z *Zeropage) Encode(b []byte) {
	z.Range.Encode(b)
	le.PutUint64(b[16:], z.Mode)
	le.PutUint64(b[ZeropageZeropageOffset:], uint64(z.Zeropage))
}

// Decode reads the struct from the start of b.
func (z *Zeropage) Decode(b []byte) {
	z.Range.Decode(b)
	z.Mode, z.Zeropage = le.Uint64(b[16:]), int64(le.Uint64(b[ZeropageZeropageOffset:]))
}

// Msg is struct uffd_msg for a page fault.
type Msg struct {
	Event   uint8  // EventPagefault
	Ptid    uint32 // the faulting task's number if the handshake asked for THREAD_ID, else 0
	Flags   uint64 // PagefaultFlag bits
	Address uint64 // of the access, in bytes
}

// Encode stores the message at the start of b, which has MsgSize bytes, and zeroes the
// padding between the fields.
func (m *Msg) Encode(b []byte) {
	clear(b[:MsgSize])
	b[0] = m.Event
	le.PutUint64(b[8:], m.Flags)
	le.PutUint64(b[16:], m.Address)
	le.PutUint32(b[24:], m.Ptid)
}

// Decode reads the message from the start of b.
func (m *Msg) Decode(b []byte) {
	m.Event, m.Flags, m.Address, m.Ptid = b[0], le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint32(b[24:])
}
