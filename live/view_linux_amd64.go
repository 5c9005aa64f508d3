package live

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// NameContext implements [scenario.Process].
func (p *process) NameContext(fd int, name string) { p.contexts[fd] = context{name, p} }

func (p *process) forget(fd int) { delete(p.contexts, fd) }

// Maps implements [scenario.Process].
func (p *process) Maps() ([]scenario.Mapping, error) {
	a := p.host.kernel.arena
	limit := a.lowest()
	if p.host.high.Load() {
		limit = taskSize
	}
	regions, err := readSmaps(p.keeper.pid, limit)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	var maps []scenario.Mapping
	for _, r := range regions {
		if a.overlaps(r.start, r.end) {
			continue
		}
		m := scenario.Mapping{Start: r.start, End: r.end, Prot: r.perms, Kind: r.kind(), Modes: r.modes()}
		if m.Modes != "" {
			if m.Context, err = p.contextOf(r.start, r.end); err != nil {
				return nil, err
			}
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// kind returns the name of what is mapped, "" for anonymous memory. The kernel shows
// "[heap]" and "[stack]" for anonymous memory where the Go program had its own when the
// task was made.
func (r *region) kind() string {
	if r.name == "[heap]" || r.name == "[stack]" {
		return ""
	}
	return r.name
}

// modes returns the faults that are tracked in the region, according to VmFlags.
func (r *region) modes() string {
	var modes []string
	for _, f := range r.vmFlags {
		if mode, ok := map[string]string{"um": "missing", "uw": "wp", "ui": "minor"}[f]; ok {
			modes = append(modes, mode)
		}
	}
	return strings.Join(modes, "+")
}

// contextOf returns the name of the context that owns a region, "?" if no descriptor of
// it is open. The kernel does not expose the owner: it is the context that may register
// the region once more, which changes nothing; for any other context that is EBUSY. Only
// contexts that handle this memory are tried, in every process with a descriptor: another
// context would register its own memory.
func (p *process) contextOf(start, end uint64) (string, error) {
	r := abi.Register{Range: abi.Range{Start: start, Len: end - start}, Mode: abi.RegisterModeMissing}
	var b [abi.RegisterSize]byte
	r.Encode(b[:])
	for _, q := range p.host.processes {
		for fd, c := range q.contexts {
			if c.of != p || q.ended {
				continue
			}
			ret, err := q.keeper.command(unix.SYS_IOCTL, uint64(fd), uint64(abi.UFFDIO_REGISTER), q.keeper.lend(0, b[:]))
			if err != nil && err != errDead {
				return "", err
			}
			if err == nil && ret == 0 {
				return c.name, nil
			}
		}
	}
	return "?", nil
}

// Present implements [scenario.Process].
func (p *process) Present(addr uint64, n int) ([]bool, error) {
	const size, present, swapped = 8, 1 << 63, 1 << 62
	if end := addr + uint64(n)*pageSize; p.host.kernel.arena.overlaps(addr, end) {
		return nil, fmt.Errorf("%w: %#x-%#x contains memory of the harness", scenario.ErrNoRoom, addr, end)
	}
	b := make([]byte, n*size)
	got, err := readAt(fmt.Sprintf("/proc/%d/pagemap", p.keeper.pid), b, int64(addr/pageSize*size))
	if err := p.check(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("pagemap: %w", err)
	}
	there := make([]bool, n)
	for i := range got / size {
		there[i] = binary.LittleEndian.Uint64(b[i*size:])&(present|swapped) != 0
	}
	return there, nil
}

func readAt(path string, b []byte, offset int64) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return unix.Pread(fd, b, offset)
}

// Fdinfo implements [scenario.Process].
func (p *process) Fdinfo(fd int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", p.keeper.pid, fd))
	if err := p.check(); err != nil {
		return "", err
	}
	if err != nil {
		return "", errno.ENOENT
	}
	_, own, _ := strings.Cut(string(text), "ino:") // the last line that all files have
	_, own, _ = strings.Cut(own, "\n")
	return own, nil
}

// region is a line of /proc/PID/smaps.
type region struct {
	start, end uint64
	perms      string
	name       string
	vmFlags    []string
}

// readMaps reads /proc/PID/maps.
func readMaps(pid int) ([]region, error) {
	return readRegions(fmt.Sprintf("/proc/%d/maps", pid), ^uint64(0))
}

// readSmaps reads the regions of /proc/PID/smaps below the limit, with their flags. The
// kernel makes the text while it is read, so that the regions above cost no time.
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

// addLine parses a line of maps or smaps: a new region, the flags of the last one, or
// something else about it.
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
			return nil, fmt.Errorf("%q is not a mapping", line)
		}
		r := region{start: start, end: end, perms: fields[0]}
		if len(fields) > 4 {
			r.name = fields[4]
		}
		regions = append(regions, r)
	}
	return regions, nil
}
