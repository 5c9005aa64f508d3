package scenario_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

func TestMistakesFoundBeforeTheRun(t *testing.T) {
	tests := map[string]string{
		"#! kernle: 2015\nmaps()":                `1:1: unknown directive "kernle" (did you mean "kernel"?)`,
		"fd = userfaultfd(0) == -1":              `1:1: a single = precedes the expected result: = "-1"`,
		"#! kernel: 2014\nmaps()":                `1:1: no kernel "2014": accepted are ` + kernel.Accepted + ` (did you mean "2015"?)`,
		"mnap(0, 1p, 0, 0)":                      `1:1: unknown operation "mnap" (did you mean "mmap"?)`,
		"x = mnap(0)\nload(x)":                   `1:5: unknown operation "mnap" (did you mean "mmap"?)`,
		"frobnicate()":                           `1:1: unknown operation "frobnicate"`,
		"userfaultfd(O_NONBLOKC)":                `1:13: "O_NONBLOKC" is not an O_ flag (did you mean "O_NONBLOCK"?)`,
		"userfaultfd(O_CLOEXEC|O_NONBLCK)":       `1:23: "O_NONBLCK" is not an O_ flag (did you mean "O_NONBLOCK"?)`,
		"fd = userfaultfd(0)\nclose(fdd)":        `2:7: no earlier statement defines "fdd": fd must be a descriptor (did you mean "fd"?)`,
		"fd = userfaultfd(0)\nload(fd)":          `2:6: addr must be an address, and fd is a descriptor`,
		"c = fork()\nclose(c)":                   `2:7: fd must be a descriptor, and c is a process`,
		"close(fd)\nfd = userfaultfd(0)":         `1:7: no earlier statement defines "fd": fd must be a descriptor`,
		"load()":                                 `1:1: too few arguments: it is load(addr [, n=1])`,
		"load(1, 2, 3)":                          `1:12: too many arguments: it is load(addr [, n=1])`,
		"load(1, n=2, n=3)":                      `1:14: n is given twice`,
		"load(1, m=2)":                           `1:9: unknown argument of load "m" (did you mean "n"?)`,
		"load(addr=1)":                           "1:6: unknown argument of load \"addr\": there is only n\n1:1: too few arguments: it is load(addr [, n=1])",
		"load(\"x\")":                            `1:6: addr must be an address, not a string`,
		"load(1, 0)":                             `1:9: n must be 1 to 65536`,
		"load(1, O_RDWR)":                        `1:9: n must be a number, not a name`,
		"load(...)":                              `1:6: addr: ... is only for expected answers, where it stands for anything`,
		"store(1, 65)":                           `1:10: data must be a character or a string, not a number`,
		"store(1, \"\")":                         `1:10: data must be a character or a string, not a string`,
		"poll(1, timeout=1000)":                  `1:17: timeout must be 0 (do not wait) or -1 (wait): there is no clock`,
		"fcntl(1, F_GETFD)":                      `1:10: F_GETFD is not a command of fcntl (did you mean "F_GETFL"?)`,
		"kill(t1, SIGKILL)":                      `1:6: unknown task "t1": there is only main`,
		"kill(main, SIGTERM)":                    `1:12: SIGTERM is not a signal (did you mean "SIGUSR1"?)`,
		"t1 = loaded 'A'":                        `1:1: no task "t1" has done anything yet`,
		"t11: maps()\nt1":                        `2:1: no task "t1" has done anything yet (did you mean "t11"?)`,
		"child.t1: maps()":                       `1:1: unknown process "child": there is only main`,
		"fd = userfaultfd(0)\nfd: maps()":        `2:1: fd is a descriptor, not a task`,
		"t1: maps()\nt1 = userfaultfd(0)":        `2:1: t1 is already the name of a task`,
		"x = close(1)":                           `1:1: close returns no value, so it cannot have a name`,
		"a.b = userfaultfd(0)":                   `1:1: a name with a dot is a task of a process`,
		"fork()":                                 `1:1: the child needs a name: child = fork()`,
		"sysctl(vm.max_map_cuont=3)":             `1:8: unknown setting "vm.max_map_cuont" (did you mean "vm.max_map_count"?)`,
		"sysctl(3)":                              `1:1: wrong arguments: it is sysctl(name=value)`,
		"sysctl(thp=alwys)":                      `1:12: "alwys" is not a mode of transparent huge pages (did you mean "always"?)`,
		"sysctl(thp=7)":                          `1:12: thp must be at most 2`,
		"fail_nth(split_vmo, 1)":                 `1:10: split_vmo is not an allocation site (did you mean "split_vma"?)`,
		"fail_nth(fork, 0)":                      `1:16: n must be 1 or more`,
		"ioctl(3, UFFDIO_COPPY, {dst=1})":        `1:10: "UFFDIO_COPPY" is not an ioctl (did you mean "UFFDIO_COPY"?)`,
		"ioctl(3, 7, {dst=1})":                   `1:13: the struct of this command is unknown: give an address, or the bytes as a string`,
		"ioctl(3, UFFDIO_WAKE, 'A')":             `1:23: arg must be a struct, an address or a string, not a character`,
		"ioctl(3, UFFDIO_WAKE, {start=1})":       `1:23: UFFDIO_WAKE lacks the field len`,
		"ioctl(3, UFFDIO_WAKE, {1, 2})":          "1:24: a field of UFFDIO_WAKE is name=value: it has start, len\n1:27: a field of UFFDIO_WAKE is name=value: it has start, len",
		"ioctl(3, UFFDIO_WAKE, {strat=1})":       `1:24: UFFDIO_WAKE has no field "strat" (did you mean "start"?)`,
		"ioctl(3, UFFDIO_COPY, {dst=1, len=1p})": `1:23: UFFDIO_COPY needs a source: src=ADDRESS, or byte='A'`,
		"ioctl(3, UFFDIO_COPY, {dst=1, len=1p, src=1, byte='A'})":              `1:23: src and byte exclude each other`,
		"ioctl(3, UFFDIO_COPY, {dst=1, len=1g, byte='A'})":                     `1:23: byte stands for at most 16777216 bytes: copy them from src`,
		"ioctl(3, UFFDIO_COPY, {dst=1, len=1p, byte=65})":                      `1:44: byte is one character: byte='A'`,
		"ioctl(3, UFFDIO_REGISTER, {start=1, len=1p, mode=MISING})":            `1:50: "MISING" is not a mode of UFFDIO_REGISTER (did you mean "MISSING"?)`,
		"ioctl(3, UFFDIO_REGISTER, {start=1, start=2, len=1p, mode=MISSING})":  `1:37: start is given twice`,
		"laod(1)\nmaps()\nclose(1, 2)\nmmap(NULL, 1p, PROT_REED, MAP_PRIVATE)": "1:1: unknown operation \"laod\" (did you mean \"load\"?)\n3:10: too many arguments: it is close(fd)\n4:16: \"PROT_REED\" is not a protection (did you mean \"PROT_READ\"?)",
	}
	for src, want := range tests {
		file, err := syntax.Parse("f", []byte(src))
		require.NoError(t, err, src)
		_, err = scenario.NewSession(file, scenario.Options{})
		want = "f:" + strings.ReplaceAll(want, "\n", "\nf:")
		require.EqualError(t, err, want, src)
		var mistakes syntax.Errors
		require.ErrorAs(t, err, &mistakes)
	}
}

// The examples of most operations begin in this state: t1 sleeps at 0x101000, and the
// page at 0x102000 is present.
const exampleSetUp = `fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})
t1: load(0x101000)
ioctl(fd, UFFDIO_COPY, {dst=0x102000, len=1p, byte='A'})
`

// On the default kernel, every operation's example has the result that it shows.
func TestExamples(t *testing.T) {
	setUps := map[string]string{
		"userfaultfd": "", // the first descriptor
		"mmap":        "", // at a free address
		"exit":        exampleSetUp + "child = fork()\n",
	}
	noResult := []string{"sysctl", "fail_nth"} // these return nothing
	for _, o := range scenario.Operations() {
		t.Run(o.Name, func(t *testing.T) {
			require.NotEmpty(t, o.Doc)
			require.Contains(t, o.Example, o.Name+"(")
			text, ok := setUps[o.Name]
			if !ok {
				text = exampleSetUp
			}
			report := run(t, text+o.Example+"\n", scenario.Options{})
			last := report.Results[len(report.Results)-1]
			require.Empty(t, last.Diff())
			require.Equal(t, !slices.Contains(noResult, o.Name), last.Wanted || last.BlockWanted, "the example has a result")
		})
	}
}
