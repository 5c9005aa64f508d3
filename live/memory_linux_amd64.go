package live

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lend puts bytes where the task sees them, at the very end of a pane, and returns their
// address there.
func (t *task) lend(pane int, b []byte) uint64 {
	p := t.arena.pane(t.index, pane)
	at := p[len(p)-len(b):]
	copy(at, b)
	return uint64(address(p)) + uint64(len(p)-len(b))
}

// lent are the bytes as they are now.
func (t *task) lent(pane, n int) []byte {
	p := t.arena.pane(t.index, pane)
	return p[len(p)-n:]
}

func (a *sigaction) bytes() []byte {
	var b []byte
	for _, w := range []uint64{a.handler, a.flags, a.restorer, a.mask} {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// region is a line of /proc/PID/smaps.
type region struct {
	start, end uint64
	perms      string
	name       string
	vmFlags    []string
}

func (r *region) contains(addr uint64) bool { return r.start <= addr && addr < r.end }

// readMaps reads /proc/PID/maps.
func readMaps(pid int) ([]region, error) {
	return readRegions(fmt.Sprintf("/proc/%d/maps", pid), ^uint64(0))
}

// readSmaps reads /proc/PID/smaps, with the flags, up to the address. What lies beyond the
// kernel does not even look at: it makes the text as it is read.
func readSmaps(pid int, limit uint64) ([]region, error) {
	return readRegions(fmt.Sprintf("/proc/%d/smaps", pid), limit)
}

func readRegions(path string, limit uint64) ([]region, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	var regions []region
	var text []byte
	for buf := make([]byte, 4096); ; {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		text = append(text, buf[:n]...)
		for {
			line, rest, whole := bytes.Cut(text, []byte("\n"))
			if !whole {
				break
			}
			text = rest
			if regions, err = addLine(regions, line); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if last := len(regions) - 1; last >= 0 && regions[last].start >= limit {
				return regions[:last], nil
			}
		}
		if n == 0 {
			return regions, nil
		}
	}
}

// addLine takes a line of maps or smaps: a region, its flags, or something else about it.
func addLine(regions []region, line []byte) ([]region, error) {
	switch head, rest, _ := strings.Cut(string(line), " "); {
	case head == "VmFlags:":
		regions[len(regions)-1].vmFlags = strings.Fields(rest)
	case !strings.HasSuffix(head, ":"):
		from, to, _ := strings.Cut(head, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		fields := strings.Fields(rest)
		if err1 != nil || err2 != nil || len(fields) < 4 {
			return nil, fmt.Errorf("no mapping: %q", line)
		}
		r := region{start: start, end: end, perms: fields[0]}
		if len(fields) > 4 {
			r.name = fields[4]
		}
		regions = append(regions, r)
	}
	return regions, nil
}
