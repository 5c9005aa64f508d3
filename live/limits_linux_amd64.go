package live

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"golang.org/x/sys/unix"
)

// notRefusedByHost panics with giveUp if a call failed because of a limit of this machine
// that the model does not have: overcommit, or a resource limit. total is by how much the
// call extends the address space, and charged by how much the commit charge, in bytes.
func (t *thread) notRefusedByHost(err error, total, charged uint64) {
	if err == nil {
		return
	}
	reason := ""
	switch err {
	case errno.ENOMEM:
		reason = t.exceeded(roundUp(total), roundUp(charged))
	case errno.EAGAIN, errno.EPERM: // the model locks memory without a limit
		limit := t.rlimit(unix.RLIMIT_MEMLOCK)
		if limit == 0 || err == errno.EAGAIN && limit != unix.RLIM_INFINITY {
			reason = fmt.Sprintf("RLIMIT_MEMLOCK is %d bytes", limit)
		}
	}
	if reason != "" {
		noRoom("%v: %s", err, reason)
	}
}

// exceeded returns which limit the call exceeds, "" for none.
func (t *thread) exceeded(total, charged uint64) string {
	if max(total, charged) >= mm.DefaultMmapBase { // refused whatever the limits
		return ""
	}
	if reason := exceedsCommit(charged); reason != "" {
		return reason
	}
	status := procFields(fmt.Sprintf("/proc/%d/status", t.pid))
	for _, l := range []struct {
		name     string
		resource int
		used     uint64
		more     uint64
	}{
		{"RLIMIT_AS", unix.RLIMIT_AS, status["VmSize"], total},
		{"RLIMIT_DATA", unix.RLIMIT_DATA, status["VmData"], charged},
	} {
		if limit := t.rlimit(l.resource); limit != unix.RLIM_INFINITY && l.used+l.more > limit {
			return fmt.Sprintf("%s is %d bytes", l.name, limit)
		}
	}
	return ""
}

func (t *thread) rlimit(resource int) uint64 {
	var limit unix.Rlimit
	if unix.Prlimit(t.pid, resource, nil, &limit) != nil {
		return unix.RLIM_INFINITY
	}
	return limit.Cur
}

// exceedsCommit returns why the kernel's accounting refuses so many bytes, "" if it does
// not: __vm_enough_memory.
func exceedsCommit(charged uint64) string {
	const heuristic, strict, reserve = "0", "2", 256 << 20 // more than is reserved for users and root
	mode := strings.TrimSpace(readFile("/proc/sys/vm/overcommit_memory"))
	memory := procFields("/proc/meminfo")
	switch mode {
	case heuristic:
		if most := memory["MemTotal"] + memory["SwapTotal"]; charged > most {
			return fmt.Sprintf("vm.overcommit_memory is 0, and the memory and swap of this machine are %d bytes", most)
		}
	case strict:
		limit := memory["CommitLimit"]
		if memory["Committed_AS"]+charged > limit-min(limit, reserve+limit/16) {
			return fmt.Sprintf("vm.overcommit_memory is 2, and CommitLimit is %d bytes", limit)
		}
	}
	return ""
}

// mayTrace reports whether the task has CAP_SYS_PTRACE.
func (t *thread) mayTrace() bool {
	const ptrace = 19
	for line := range strings.Lines(readFile(fmt.Sprintf("/proc/%d/status", t.pid))) {
		if text, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return caps>>ptrace&1 != 0
		}
	}
	return false
}

// minAddr returns vm.mmap_min_addr, in bytes.
func minAddr() uint64 {
	n, _ := strconv.ParseUint(strings.TrimSpace(readFile("/proc/sys/vm/mmap_min_addr")), 10, 64)
	return n
}

// procFields returns the sizes of a file of /proc by name, in bytes: "VmSize:  3892 kB".
func procFields(path string) map[string]uint64 {
	fields := map[string]uint64{}
	for line := range strings.Lines(readFile(path)) {
		name, value, _ := strings.Cut(line, ":")
		if kib, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			n, _ := strconv.ParseUint(kib, 10, 64)
			fields[name] = n << 10
		}
	}
	return fields
}

// readFile returns the text of a file of /proc, "" if it cannot be read.
func readFile(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
