package abi_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// §3: the numbers of the ioctls, including size and direction.
func TestIoctlNumbers(t *testing.T) {
	want := map[string]uint32{
		"UFFDIO_API":        0xc018aa3f,
		"UFFDIO_REGISTER":   0xc020aa00,
		"UFFDIO_UNREGISTER": 0x8010aa01,
		"UFFDIO_WAKE":       0x8010aa02,
		"UFFDIO_COPY":       0xc028aa03,
		"UFFDIO_ZEROPAGE":   0xc020aa04,

		"UFFDIO_MOVE":         0xc028aa05,
		"UFFDIO_WRITEPROTECT": 0xc018aa06,
		"UFFDIO_CONTINUE":     0xc020aa07,
		"UFFDIO_POISON":       0xc020aa08,
	}
	require.Len(t, abi.Ioctls(), len(want))
	for _, i := range abi.Ioctls() {
		require.Equal(t, want[i.Name], i.Cmd, i.Name)
		require.EqualValues(t, i.Cmd>>16&0x3fff, i.Size, "%s: the size in the number is the struct's", i.Name)
		require.Equal(t, uint64(1)<<(i.Cmd&0xff), i.Mask, i.Name)
	}
}

// Each field has the offset of the kernel's header.
func TestLayouts(t *testing.T) {
	const a, b, c, d, e = 0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444, 0x5555555555555555
	words := func(b []byte) []uint64 {
		w := make([]uint64, len(b)/8)
		for i := range w {
			w[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		return w
	}
	var buf [40]byte
	(&abi.API{API: a, Features: b, Ioctls: c}).Encode(buf[:])
	require.Equal(t, []uint64{a, b, c}, words(buf[:abi.APISize]))
	(&abi.Range{Start: a, Len: b}).Encode(buf[:])
	require.Equal(t, []uint64{a, b}, words(buf[:abi.RangeSize]))
	(&abi.Register{Range: abi.Range{Start: a, Len: b}, Mode: c, Ioctls: d}).Encode(buf[:])
	require.Equal(t, []uint64{a, b, c, d}, words(buf[:abi.RegisterSize]))
	require.EqualValues(t, d, binary.LittleEndian.Uint64(buf[abi.RegisterIoctlsOffset:]))
	(&abi.Copy{Dst: a, Src: b, Len: c, Mode: d, Copy: e}).Encode(buf[:])
	require.Equal(t, []uint64{a, b, c, d, e}, words(buf[:abi.CopySize]))
	require.EqualValues(t, e, binary.LittleEndian.Uint64(buf[abi.CopyCopyOffset:]))
	(&abi.Zeropage{Range: abi.Range{Start: a, Len: b}, Mode: c, Zeropage: d}).Encode(buf[:])
	require.Equal(t, []uint64{a, b, c, d}, words(buf[:abi.ZeropageSize]))
	require.EqualValues(t, d, binary.LittleEndian.Uint64(buf[abi.ZeropageZeropageOffset:]))
}

// FAULT-7: the event is at byte 0, the flags at 8, the address at 16. Encode zeroes all
// other bytes of the buffer.
func TestMessageLayout(t *testing.T) {
	buf := [abi.MsgSize]byte{}
	for i := range buf {
		buf[i] = 0xff
	}
	(&abi.Msg{Event: abi.EventPagefault, Flags: abi.PagefaultFlagWrite, Address: 0x123456789abc}).Encode(buf[:])
	want := [abi.MsgSize]byte{0: 0x12, 8: 1, 16: 0xbc, 17: 0x9a, 18: 0x78, 19: 0x56, 20: 0x34, 21: 0x12}
	require.Equal(t, want, buf)
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := func(name string) uint64 { return rapid.Uint64().Draw(t, name) }
		var buf [40]byte
		api := abi.API{API: u("api"), Features: u("features"), Ioctls: u("ioctls")}
		reg := abi.Register{Range: abi.Range{Start: u("start"), Len: u("len")}, Mode: u("mode"), Ioctls: u("ioctls")}
		cp := abi.Copy{Dst: u("dst"), Src: u("src"), Len: u("len"), Mode: u("mode"), Copy: int64(u("copy"))}
		zero := abi.Zeropage{Range: reg.Range, Mode: u("mode"), Zeropage: int64(u("zeropage"))}
		msg := abi.Msg{Event: byte(u("event")), Flags: u("flags"), Address: u("address")}
		var api2 abi.API
		api.Encode(buf[:])
		api2.Decode(buf[:])
		require.Equal(t, api, api2)
		var reg2 abi.Register
		reg.Encode(buf[:])
		reg2.Decode(buf[:])
		require.Equal(t, reg, reg2)
		var cp2 abi.Copy
		cp.Encode(buf[:])
		cp2.Decode(buf[:])
		require.Equal(t, cp, cp2)
		var zero2 abi.Zeropage
		zero.Encode(buf[:])
		zero2.Decode(buf[:])
		require.Equal(t, zero, zero2)
		var msg2 abi.Msg
		msg.Encode(buf[:])
		msg2.Decode(buf[:])
		require.Equal(t, msg, msg2)
	})
}

// Encode and Decode must not allocate: every ioctl and every read calls them.
func TestEncodingDoesNotAllocate(t *testing.T) {
	var buf [abi.CopySize]byte
	var api abi.API
	var reg abi.Register
	var cp abi.Copy
	var zero abi.Zeropage
	var msg abi.Msg
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for _, s := range []interface{ Encode([]byte) }{&api, &reg.Range, &reg, &cp, &zero, &msg} {
			s.Encode(buf[:])
		}
		for _, s := range []interface{ Decode([]byte) }{&api, &reg.Range, &reg, &cp, &zero, &msg} {
			s.Decode(buf[:])
		}
	}))
}

// A monitor decodes the message that it read from the descriptor.
func ExampleMsg_Decode() {
	read := [abi.MsgSize]byte{0: 0x12, 8: abi.PagefaultFlagWrite, 17: 0x10, 18: 0x10}
	var m abi.Msg
	m.Decode(read[:])
	fmt.Println(m.Event == abi.EventPagefault, m.Flags&abi.PagefaultFlagWrite != 0)
	fmt.Printf("%#x\n", m.Address)
	// Output:
	// true true
	// 0x101000
}
