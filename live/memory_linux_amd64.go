package live

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
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
func readMaps(pid int) ([]region, error) { return readRegions(fmt.Sprintf("/proc/%d/maps", pid)) }

// readSmaps reads /proc/PID/smaps, with the flags.
func readSmaps(pid int) ([]region, error) { return readRegions(fmt.Sprintf("/proc/%d/smaps", pid)) }

func readRegions(path string) ([]region, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var regions []region
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0:
		case fields[0] == "VmFlags:":
			regions[len(regions)-1].vmFlags = fields[1:]
		case !strings.HasSuffix(fields[0], ":"):
			var r region
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &r.start, &r.end); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
			}
			r.perms = fields[1]
			if len(fields) > 5 {
				r.name = fields[5]
			}
			regions = append(regions, r)
		}
	}
	return regions, nil
}
