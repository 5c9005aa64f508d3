package litmus_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// registered are four pages that are registered with fd.
const registered = `fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa})
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})
`

func newTest(t testing.TB, name, src string, opts explore.Options) *litmus.Test {
	t.Helper()
	file, err := syntax.Parse(name, []byte(src))
	require.NoError(t, err)
	test, err := litmus.New(context.Background(), file, opts, scenario.Limits{})
	require.NoError(t, err)
	return test
}

func search(t testing.TB, src string, opts explore.Options) *litmus.Result {
	t.Helper()
	r, err := newTest(t, "x.uffd", src, opts).Search()
	require.NoError(t, err)
	return r
}

func outcomes(r *litmus.Result) (texts []string) {
	for _, o := range r.Outcomes {
		texts = append(texts, o.String())
	}
	slices.Sort(texts)
	return texts
}

// The outcomes show the result of each task, the results with names, and the memory that
// conditions ask for.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		opts explore.Options
		want []string
	}{
		"results": {
			src:  registered + "parallel {\n t1: a = store(0x100000, 'x')\n t1: load(0x100000)\n t2: ioctl(fd, UFFDIO_ZEROPAGE, {start=0x100000, len=1p})\n}",
			want: []string{`t1:a = stored /\ t1 = loaded 'x' /\ t2 = 0 {zeropage=4096}`},
		},
		"blocked": {
			src:  registered + "parallel {\n t1: load(0x100000)\n t1: load(0x101000)\n}\nexists (t1:op1 = blocked /\\ t1:op2 = not run)",
			want: []string{`t1:op1 = blocked /\ t1:op2 = not run /\ t1 = blocked`},
		},
		"memory": {
			src: registered + `ioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='B'})
parallel {
 t1: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'})
 t2: ioctl(fd, UFFDIO_ZEROPAGE, {start=0x100000, len=1p})
 t3: madvise(0x101000, 1p, MADV_DONTNEED)
}
exists ([0x100000] = zero)
exists ([0x100fff] = "A")
exists ([0x101000] = none /\ [0x102000] = none)`,
			want: []string{
				`t1 = -1 EEXIST {copy=-17} /\ t2 = 0 {zeropage=4096} /\ t3 = 0 /\ [0x100000] = zero /\ [0x100fff] = zero /\ [0x101000] = none /\ [0x102000] = none`,
				`t1 = 0 {copy=4096} /\ t2 = -1 EEXIST {zeropage=-17} /\ t3 = 0 /\ [0x100000] = 'A' /\ [0x100fff] = 'A' /\ [0x101000] = none /\ [0x102000] = none`,
			},
		},
		"descriptors and signals": {
			src: registered + "parallel {\n t1: copied = dup(fd)\n t1: close(copied)\n t1: read(fd, 32)\n t2: kill(t1, SIGKILL)\n}",
			want: []string{
				`t1:copied = 4 /\ t1 = -1 EAGAIN /\ t2 = 0`,
				`t1:copied = 4 /\ t1 = killed /\ t2 = 0`,
				`t1:copied = killed /\ t1 = killed /\ t2 = 0`,
			},
		},
		"another process": {
			src: registered + "child = fork()\nparallel {\n child: store(0x100000, 'c')\n child.t: load(0x100000)\n t1: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='p'})\n}\nforall (child:[0x100000] = 'c' /\\ [0x100000] = 'p')",
			want: []string{
				`child = stored /\ child.t = loaded '\0' /\ t1 = 0 {copy=4096} /\ child:[0x100000] = 'c' /\ [0x100000] = 'p'`,
				`child = stored /\ child.t = loaded 'c' /\ t1 = 0 {copy=4096} /\ child:[0x100000] = 'c' /\ [0x100000] = 'p'`,
			},
		},
		"a rule dropped": {
			src:  registered + "parallel {\n t1: load(0x100000)\n t2: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'})\n}",
			opts: explore.Without(rule(t, "recheck-after-enqueue")),
			want: []string{`t1 = blocked /\ t2 = 0 {copy=4096}`, `t1 = loaded 'A' /\ t2 = 0 {copy=4096}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := search(t, c.src, c.opts)
			require.Nil(t, r.Failure)
			require.True(t, r.Covered)
			require.Equal(t, c.want, outcomes(r))
			for _, v := range r.Verdicts {
				require.Equal(t, litmus.Yes, v.Holds, v.Text)
			}
		})
	}
}

// A condition holds or not, with an outcome that decides it. What was not explored may
// decide it, too.
func TestVerdicts(t *testing.T) {
	const src = registered + `parallel {
    t1: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'}) = 0 ...
    t2: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='B'})
}
exists ([0x100000] = 'B' /\ ~(t2 = EEXIST))
exists (t1 = blocked \/ [0x100000] = none)
~exists (t1 = EEXIST)
~exists ([0x100000] = zero)
forall ([0x100000] = 'A' \/ [0x100000] = 'B')
forall (t2 = EEXIST)
`
	want := []litmus.Truth{litmus.No, litmus.Yes, litmus.No, litmus.No, litmus.Yes, litmus.Yes, litmus.No}
	r := search(t, src, explore.Options{})
	require.True(t, r.Covered)
	require.Len(t, r.Outcomes, 2)
	require.False(t, r.OK())
	for i, v := range r.Verdicts {
		require.Equal(t, want[i], v.Holds, v.Text)
		decided := v.Holds == litmus.Yes == (v.Quantifier == syntax.Exists)
		require.Equal(t, decided, v.Witness >= 0, v.Text)
	}
	require.Equal(t, "t1: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'}) = 0 ...", r.Verdicts[0].Text)
	require.Equal(t, 6, r.Verdicts[0].Line)

	early := search(t, src, explore.Options{Budget: 1, Workers: 1})
	require.False(t, early.Covered)
	require.Equal(t, litmus.Unknown, early.Verdicts[2].Holds)
	require.Equal(t, litmus.Unknown, early.Verdicts[4].Holds)
}

// Each schedule leads to its outcome.
func TestSchedulesLeadToOutcomes(t *testing.T) {
	for _, s := range litmus.Scenarios() {
		test := newTest(t, s.Name, s.Source, explore.Options{})
		r, err := test.Search()
		require.NoError(t, err)
		for _, o := range r.Outcomes {
			outcome, failure, err := explore.Replay(test.Program, test.Options, o.Schedule, nil)
			require.NoError(t, err)
			require.NoError(t, failure)
			require.Equal(t, o.String(), outcome)
		}
	}
}

// Random runs, which use no reductions, reach no outcome that the search has not found.
func TestSampledOutcomes(t *testing.T) {
	sources := []string{
		registered + "parallel {\n t1: a = store(0x100000, 'x')\n t1: load(0x100000)\n t2: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'})\n t2: munmap(0x100000, 1p)\n t3: mprotect(0x100000, 1p, PROT_READ)\n}",
		registered + "parallel {\n t1: copied = dup(fd)\n t1: close(copied)\n t1: read(fd, 32)\n t2: kill(t1, SIGKILL)\n t2: close(3)\n t3: copy_from_user(0x100ffe, 4)\n}",
		registered + "child = fork()\nparallel {\n child: store(0x100000, 'c')\n t1: store(0x100000, 'p')\n t2: poll(fd)\n t2: ioctl(fd, UFFDIO_ZEROPAGE, {start=0x100000, len=1p})\n}",
	}
	for _, s := range litmus.Scenarios() {
		sources = append(sources, s.Source)
	}
	for i, src := range sources {
		for _, kernel := range []string{"2015+copy", "4.3", "6.18"} {
			t.Run(fmt.Sprint(i, " ", kernel), func(t *testing.T) {
				t.Parallel()
				found := search(t, src, explore.Options{Version: kernel})
				require.Nil(t, found.Failure)
				require.True(t, found.Covered)
				for _, depth := range []int{0, 3} {
					require.Subset(t, outcomes(found), outcomes(sample(t, src, kernel, depth)))
				}
			})
		}
	}
}

// sample makes 1024 random runs.
func sample(t *testing.T, src, kernel string, depth int) *litmus.Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	test := newTest(t, "x.uffd", src, explore.Options{Version: kernel, Context: ctx, Progress: func(explore.Stats) { cancel() }})
	r, err := test.Sample(1, depth)
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.Equal(t, 1024, r.Runs)
	return r
}

// A bug ends the search.
func TestFailure(t *testing.T) {
	r := search(t, registered+"parallel {\n t1: load(0x100000)\n t2: close(fd)\n}\n~exists (t1 = blocked)",
		explore.Without(rule(t, "reference-under-mmap-lock")))
	require.ErrorContains(t, r.Failure.Err, "use after free")
	require.False(t, r.OK())

	r = search(t, registered+"parallel {\n t1: ioctl(fd, UFFDIO_MOVE, {dst=0x100000, src=0x101000, len=1p})\n}", explore.Options{})
	require.True(t, scenario.IsNotModelled(r.Failure.Err))
}
