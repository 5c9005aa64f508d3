package scenario_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// registered is a page that is registered with fd.
const registered = `fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa})
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})
`

func parsed(t *testing.T, src string) *syntax.File {
	t.Helper()
	file, err := syntax.Parse("x", []byte(src))
	require.NoError(t, err)
	return file
}

// A run of a scenario with a parallel block is one interleaving of it, which the seed
// chooses.
func TestRunOfParallelBlock(t *testing.T) {
	file := parsed(t, registered+`parallel {
    t1: load(0x100000)
    t2: first = store(0x100000, 'B')
    monitor: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'}) = 0 ...
}
exists (t1 = loaded 'A')
~exists (t1 = loaded 'B')
forall (t2 = stored)
`)
	byLoad := map[string]*scenario.Report{}
	for seed := range uint64(30) {
		report, err := scenario.Run(file, scenario.Options{Seed: seed, Check: true})
		require.NoError(t, err)
		block := report.Results[4]
		require.Equal(t, "parallel", block.Op)
		require.Len(t, block.Block, 3)
		require.Equal(t, "t2: first = store(0x100000, 'B') = stored", block.Block[1])
		byLoad[block.Block[0]] = report

		again, err := scenario.Run(file, scenario.Options{Seed: seed, Check: true})
		require.NoError(t, err)
		require.Equal(t, report, again)
	}
	a, b := byLoad["t1: load(0x100000) = loaded 'A'"], byLoad["t1: load(0x100000) = loaded 'B'"]
	require.Len(t, byLoad, 2)
	require.True(t, a.OK())
	require.Equal(t, "true in this run", a.Results[5].Answer)
	require.Equal(t, "~exists (t1 = loaded 'B') = false in this run", a.Results[6].String())

	require.Len(t, b.Failures(), 1)
	require.Equal(t, "x:11: ~exists (t1 = loaded 'B')\n  the proposition is true in this run\n", b.Failures()[0].Diff())
	require.Equal(t, "false in this run", b.Results[5].Answer, "a run cannot contradict exists")
	require.True(t, b.Results[5].OK)
	text := string(b.Update(file))
	require.Contains(t, text, "fd = userfaultfd(O_NONBLOCK) = 3\n")
	require.Equal(t, blockOf(string(file.Rewrite(nil))), blockOf(text), "the block and the conditions stay")
}

func blockOf(text string) string { return text[strings.Index(text, "parallel"):] }

// An operation of the block with an expected result must have it in this run, too. One
// that sleeps is blocked, and those behind it are not run.
func TestExpectationsOfParallelBlock(t *testing.T) {
	file := parsed(t, registered+`parallel {
    t1: load(0x100000) = loaded ...
    t1: close(fd) = 0
    t2: load(0x101000) = blocked
    kill: kill(t1, SIGKILL)
}
exists (t1 = killed)
`)
	for _, free := range []bool{false, true} {
		report, err := scenario.Run(file, scenario.Options{Free: free, Check: true})
		require.NoError(t, err)
		require.Len(t, report.Failures(), 1)
		require.Equal(t, "x:6: t1: load(0x100000)\n  want = loaded ...\n  got  = killed\n"+
			"x:7: t1: close(fd)\n  want = 0\n  got  = not run\n", report.Failures()[0].Diff())
		require.Equal(t, []string{"t1: load(0x100000) = killed", "t1: close(fd) = not run", "t2: load(0x101000) = blocked",
			"kill: kill(t1, SIGKILL) = 0"}, report.Results[4].Block)
		require.Equal(t, "true in this run", report.Results[5].Answer)
	}
}

func TestParallelMistakes(t *testing.T) {
	const block = "parallel {\n    t1: r = load(0x100000)\n    t1: load(0x100000)\n    t2: load(0x101000)\n}\n"
	many := strings.Repeat("    t1: load(0x100000)\n", scenario.MaxParallelOps)
	for src, want := range map[string]string{
		"parallel {\nt1: lod(1)\n}":                         `x:6:5: unknown operation "lod" (did you mean "load"?)`,
		"parallel {\nt1: maps()\n}":                         `x:6:5: maps cannot be in a parallel block: it looks at the machine, or changes it, between two operations`,
		"parallel {\nt1: fail_nth(fork, 1)\n}":              `x:6:5: fail_nth cannot be in a parallel block: it looks at the machine, or changes it, between two operations`,
		"parallel {\nt1: c = fork()\n}":                     `x:6:9: fork cannot be in a parallel block: put it before the block`,
		"parallel {\nt1: load(1)\nt2: exit()\n}":            `x:7:5: exit in a parallel block must be the last operation of the only task of its process`,
		"parallel {\nt1: load(1)\nmain.buffer: load(1)\n}":  `x:7:1: the name of a task in a parallel block must not end in .buffer, as in main.buffer: schedules call store buffers so`,
		"parallel {\nt1: exit()\nt1: load(1)\n}":            `x:6:5: exit in a parallel block must be the last operation of the only task of its process`,
		"parallel {\nt1: kill(t3, SIGKILL)\nt2: load(1)\n}": `x:6:10: unknown task of the parallel block "t3" (did you mean "t1"?)`,
		"parallel {\nt1: a = dup(fd)\nt2: close(a)\n}":      `x:7:11: no earlier statement defines "a": fd must be a descriptor`,
		"parallel {\nt1: a = load(1)\nt1: a = load(2)\n}":   `x:7:1: t1 has a result a already`,
		"parallel {\nt1: t2 = load(1)\nt2: load(2)\n}":      `x:6:1: t2 is already the name of a task`,
		"parallel {\nt1: a.b = load(1)\n}":                  `x:6:1: the name of a result has no dot`,
		"parallel {\nt1: load(1) == 1\n}":                   `x:6:1: a single = precedes the expected result: = "1"`,
		"parallel {\n" + many + "    t1: load(1)\n}":        `x:38:5: a parallel block has at most 32 operations`,
		"parallel {\na: load(1)\nb: load(1)\nc: load(1)\nd: load(1)\ne: load(1)\nf: load(1)\ng: load(1)\nh: load(1)\ni: load(1)\n}": `x:14:1: a parallel block has at most 8 tasks`,
		block + "exists (t3 = 1)":            `x:10:9: unknown task of the parallel block "t3" (did you mean "t1"?)`,
		block + "exists (t1:s = 1)":          `x:10:9: unknown result of t1 "s" (did you mean "r"?)`,
		block + "exists (c:[0x1000] = none)": `x:10:9: unknown process "c": there is only main`,
		block + "exists ([ad] = none)":       `x:10:10: no earlier statement defines "ad": the address must be an address`,
		block + "exists ([0x1000] = zreo)":   `x:10:9: memory is none, present, zero, 'A' or "bytes", not "zreo" (did you mean "zero"?)`,
		block + `exists ([0x1000] = "")`:     `x:10:9: a condition asks for 1 to 64 bytes of memory`,
	} {
		_, err := scenario.NewSession(parsed(t, registered+src), scenario.Options{})
		require.EqualError(t, err, want, src)
	}
}

// What a single run finds only at the block.
func TestParallelCannotBegin(t *testing.T) {
	for before, want := range map[string]string{
		"t1: load(0x100000)":     "x:7: t1 is still blocked in load(0x100000) of line 5",
		"fail_nth(pte_alloc, 1)": "x:7: fail_nth does not apply to a parallel block: put an operation between them",
	} {
		_, err := scenario.Run(parsed(t, registered+before+"\nparallel {\nt1: load(0x101000)\n}"), scenario.Options{})
		require.ErrorContains(t, err, strings.TrimPrefix(want, "x:7: "), before)
	}
}

// The errors of a scenario that cannot be explored.
func TestNotExplorable(t *testing.T) {
	begin := func(src string) error {
		_, err := scenario.NewParallel(context.Background(), parsed(t, src), scenario.Options{})
		return err
	}
	const block = "parallel {\n    t1: load(0x100000)\n}\n"
	require.EqualError(t, begin(registered), "x:1:1: the scenario has no parallel block to explore: parallel { ... }")
	require.EqualError(t, begin(registered+"t2: load(0x101000)\n"+block),
		"x:5:1: t2 still sleeps in load(0x101000) when the parallel block begins: move it into the block")
	err := begin(registered + "close(9) = 0\nclose(9) = -1 EBADF\nclose(8) = 0\n" + block)
	require.EqualError(t, err, "the scenario fails before its parallel block\n"+
		"x:5: close(9)\n  want = 0\n  got  = -1 EBADF (Bad file descriptor)\n"+
		"x:7: close(8)\n  want = 0\n  got  = -1 EBADF (Bad file descriptor)")
	err = begin("mmap(0x100000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB)\n" + block)
	require.True(t, scenario.IsNotModelled(err), "%v", err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = scenario.NewParallel(ctx, parsed(t, registered+block), scenario.Options{})
	require.ErrorIs(t, err, context.Canceled)
}
