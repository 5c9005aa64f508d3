package conform

import "fmt"

// events are the features with which operations sleep until a program reads the event.
const events = 1<<1 | 1<<2 | 1<<3 | 1<<6

func (g *generator) features() string {
	switch g.rng.IntN(12) {
	case 0:
		return "SIGBUS"
	case 1, 2:
		return "EXACT_ADDRESS"
	case 4, 5:
		return g.oneOf("THREAD_ID", "THREAD_ID|EXACT_ADDRESS")
	case 3:
		return fmt.Sprintf("%#x", uint64(1)<<g.rng.IntN(40)&^events)
	}
	return "0"
}

func (g *generator) register() string {
	start, length := g.span()
	if g.locked.pages > 0 && g.chance(15) {
		start, length = fmt.Sprintf("%#x", g.locked.start), fmt.Sprintf("%dp", g.locked.pages)
	}
	mode := "MISSING"
	if g.chance(2) {
		mode = g.oneOf("0", "0x8", "0x10")
	}
	return fmt.Sprintf("ioctl(%s, UFFDIO_REGISTER, {start=%s, len=%s, mode=%s})", g.fd(), start, length, mode)
}

func (g *generator) unregister() string {
	start, length := g.span()
	return fmt.Sprintf("ioctl(%s, UFFDIO_UNREGISTER, {start=%s, len=%s})", g.fd(), start, length)
}

// wake returns "" if more than one task sleeps: several tasks that are woken without
// their pages would race for the first place in the queue.
func (g *generator) wake() string {
	if len(g.blocked()) > 1 {
		return ""
	}
	start, length := g.span()
	return fmt.Sprintf("ioctl(%s, UFFDIO_WAKE, {start=%s, len=%s})", g.fd(), start, length)
}

func (g *generator) mode() string {
	switch {
	case g.chance(3):
		return g.oneOf("0x2", "0x3", "0x4", "0x8")
	case g.chance(20):
		return "DONTWAKE"
	}
	return "0"
}

func (g *generator) copy() string {
	start, length := g.few()
	source := fmt.Sprintf("byte='%c'", 'A'+rune(g.rng.IntN(26)))
	if g.chance(5) {
		source = "src=" + g.oneOf("0", "0x7ffffffff000", "0xffffffffffffe000", fmt.Sprintf("%#x", uint64(low-4*pageSize)))
	}
	return fmt.Sprintf("ioctl(%s, UFFDIO_COPY, {dst=%s, len=%s, %s, mode=%s})", g.fd(), start, length, source, g.mode())
}

func (g *generator) zeropage() string {
	start, length := g.few()
	return fmt.Sprintf("ioctl(%s, UFFDIO_ZEROPAGE, {start=%s, len=%s, mode=%s})", g.fd(), start, length, g.mode())
}

func (g *generator) read() string {
	return fmt.Sprintf("read(%s, %s)", g.fd(), g.oneOf("32", "32", "64", "96", "31", "0", "33"))
}

func (g *generator) poll() string { return "poll(" + g.fd() + ")" }

func (g *generator) open() string {
	if len(g.fds) >= 3 {
		return ""
	}
	return fmt.Sprintf("%s = userfaultfd(%s)", g.newName(), g.oneOf("O_NONBLOCK", "O_NONBLOCK", "O_NONBLOCK|O_CLOEXEC", "0x4", "O_NONBLOCK|0x2"))
}

func (g *generator) close() string { return "close(" + g.fd() + ")" }

func (g *generator) handshake() string {
	return fmt.Sprintf("ioctl(%s, UFFDIO_API, {api=%s, features=%s})", g.fd(), g.oneOf("0xaa", "0xaa", "0xaa", "0xab"), g.features())
}

// oddities returns a call that a userfaultfd refuses.
func (g *generator) oddities() string {
	switch fd := g.fd(); g.rng.IntN(6) {
	case 0:
		return fmt.Sprintf("write(%s, %#x, 8)", fd, g.page())
	case 1:
		return fmt.Sprintf("lseek(%s, 0, %s)", fd, g.oneOf("SEEK_SET", "SEEK_CUR", "9"))
	case 2:
		return fmt.Sprintf("fcntl(%s, F_GETFL)", fd)
	case 3:
		return fmt.Sprintf("ioctl(%s, %#x, %#x)", fd, 0xaa00+uint32(g.rng.IntN(64)), nowhere)
	case 4:
		return fmt.Sprintf("ioctl(%s, UFFDIO_REGISTER, %#x)", fd, nowhere)
	default:
		return fmt.Sprintf("read(%s, 32, buf=%s)", fd, g.oneOf("0", "0xffff900000000000", "0x7ffffffff000"))
	}
}
