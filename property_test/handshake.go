package properties

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// handshake is a script about a descriptor whose handshake may not have been made.
type handshake struct {
	*script
	v    kernel.Profile
	made bool
}

// handshakeComesFirst: API-1 to API-7, READ-1, POLL-1, POLL-2, §15.1.
func handshakeComesFirst(t *rapid.T, i *Implementation) {
	h := &handshake{script: newScript(t, i), v: i.profile(t)}
	defer h.close()
	h.do("fd = userfaultfd(O_NONBLOCK)")
	h.do("mmap(%#x, 2p, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, protWrite)
	// The first two words of the argument are readable there, but the answer cannot be
	// stored.
	h.do(`store(%#x, "%s")`, address(1), hex([]byte{0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
	h.do("mprotect(%#x, 1p, PROT_READ)", address(1))
	t.Repeat(h.set(map[string]func(){
		"api": h.api, "nowhere": h.nowhere, "read-only": h.readOnly, "read": h.read, "poll": h.poll, "ioctl": h.ioctl,
	}))
}

func (h *handshake) begins(want, format string, args ...any) {
	if got := h.do(format, args...); !strings.HasPrefix(got, want) {
		h.fail("the answer is %q, and not %q", got, want)
	}
}

// api tries to make the handshake.
func (h *handshake) api() {
	version := rapid.SampledFrom([]uint64{0xaa, 0xaa, 0xab}).Draw(h.t, "api")
	feature := rapid.SampledFrom([]uint64{0, 0, abi.FeatureThreadID, abi.FeatureWPAsync, 1 << 62}).Draw(h.t, "features")
	if version != 0xaa || feature&^h.v.UFFD.Features != 0 || h.made {
		h.begins(failure(errno.EINVAL), "ioctl(fd, UFFDIO_API, {api=%#x, features=%#x})", version, feature)
		return
	}
	h.begins("0 {", "ioctl(fd, UFFDIO_API, {api=%#x, features=%#x})", version, feature)
	h.made = true
}

// nowhere passes the address of an argument that is not mapped.
func (h *handshake) nowhere() {
	want := errno.EFAULT
	if h.made && h.v.UFFD.Handshake != uffd.HandshakeCompareExchange {
		want = errno.EINVAL
	}
	h.expect(failure(want), "ioctl(fd, UFFDIO_API, %#x)", nowhere)
}

// readOnly passes an argument into which the answer cannot be stored: no handshake is
// made.
func (h *handshake) readOnly() {
	want := errno.EFAULT
	if h.made && h.v.UFFD.Handshake != uffd.HandshakeCompareExchange {
		want = errno.EINVAL
	}
	h.expect(failure(want), "ioctl(fd, UFFDIO_API, %#x)", address(1))
}

func (h *handshake) read() {
	want := errno.EINVAL
	if h.made {
		want = errno.EAGAIN
	}
	h.expect(failure(want), "read(fd, 32)")
}

func (h *handshake) poll() {
	want := "POLLERR"
	if h.made {
		want = "0"
	}
	h.expect(want, "poll(fd)")
}

// ioctl issues ioctls that need the handshake since 4.3, and unknown ones.
func (h *handshake) ioctl() {
	want := "0"
	if !h.made && h.v.UFFD.Handshake != uffd.HandshakeOpen {
		want = failure(errno.EINVAL)
	}
	h.expect(want, "ioctl(fd, UFFDIO_UNREGISTER, {start=%#x, len=1p})", arena)
	h.expect(want, "ioctl(fd, UFFDIO_WAKE, {start=%#x, len=1p})", arena)
	h.expect(failure(errno.EINVAL), "ioctl(fd, %s, 0)", fmt.Sprint(abi.UFFDIO_WAKE+0x20))
}
