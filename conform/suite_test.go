package conform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// thisKernel opens the running kernel, or skips the test with the reason.
func thisKernel(t testing.TB) Target {
	t.Helper()
	target, err := OpenLive()
	if err != nil {
		t.Skipf("SKIPPED: nothing was compared with a kernel: %v", err)
	}
	t.Cleanup(target.Close)
	return target
}

func TestSuiteOnTheModel(t *testing.T) {
	files, err := Suite()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 150)
	for _, file := range files {
		report, err := scenario.Run(file, scenario.Options{Check: true})
		require.NoError(t, err, file.Name)
		for _, f := range report.Failures() {
			t.Error(f.Diff())
		}
		require.Positive(t, report.Checked(), file.Name)
	}
}

func TestSuiteOnThisKernel(t *testing.T) {
	pair := Against(thisKernel(t), scenario.Options{Kernel: "6.18", Check: true})
	files, err := Suite()
	require.NoError(t, err)
	for _, file := range files {
		o, err := Run(pair, file)
		require.NoError(t, err, file.Name)
		require.NoError(t, o.Ended, file.Name)
		if o.Diverge != nil {
			t.Error(o.Diverge)
		}
	}
}

func TestMadeUpScenariosOnThisKernel(t *testing.T) {
	pair := Against(thisKernel(t), scenario.Options{Kernel: "6.18", Check: true})
	operations := 0
	for seed := uint64(1); operations < 10_000; seed++ {
		effort, found, err := FuzzOne(pair, seed)
		require.NoError(t, err)
		if found != nil {
			t.Fatal(Shrink(pair, found).Scenario("6.18"))
		}
		operations += effort.Operations
	}
}

// The same seed makes the same scenario.
func TestMadeUpScenariosAreRepeatable(t *testing.T) {
	lines := func() []string {
		ours, err := NewModel(scenario.Options{Kernel: "6.18"})
		require.NoError(t, err)
		theirs, err := NewModel(scenario.Options{Kernel: "4.3"}) // differs soon
		require.NoError(t, err)
		_, found, err := FuzzOne(func() (Doer, Doer, error) { return ours, theirs, nil }, 7)
		require.NoError(t, err)
		require.NotNil(t, found)
		return found.Lines
	}
	require.Equal(t, lines(), lines())
}

// Shrink makes a divergence as short as possible, and Scenario prints one that runs.
func TestShrink(t *testing.T) {
	pair := func() (Doer, Doer, error) {
		ours, err := NewModel(scenario.Options{Kernel: "6.18"})
		require.NoError(t, err)
		theirs, err := NewModel(scenario.Options{Kernel: "2015+copy"})
		return ours, theirs, err
	}
	found, err := Replay(pair, []string{
		"fd = userfaultfd(O_NONBLOCK)",
		"mmap(0x10000000, 4p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)",
		"ioctl(fd, UFFDIO_API, {api=0xab, features=0})",
		"maps()",
		"ioctl(fd, UFFDIO_API, {api=0xaa, features=0})",
		"poll(fd)",
	})
	require.NoError(t, err)
	require.NotNil(t, found)
	short := Shrink(pair, found)
	require.Equal(t, []string{"fd = userfaultfd(O_NONBLOCK)", "ioctl(fd, UFFDIO_API, {api=0xaa, features=0})"}, short.Lines)
	text := short.Scenario("2015+copy")
	file, err := syntax.Parse("found", []byte(text))
	require.NoError(t, err, text)
	report, err := scenario.Run(file, scenario.Options{})
	require.NoError(t, err)
	require.True(t, report.OK(), "it is what the target answers")
}

func TestVectors(t *testing.T) {
	files, err := Suite()
	require.NoError(t, err)
	written := 0
	for _, file := range files {
		text, err := Vector(file, "4.3")
		if err != nil {
			continue
		}
		written++
		again, err := syntax.Parse(file.Name, text)
		require.NoError(t, err)
		report, err := scenario.Run(again, scenario.Options{Kernel: "4.3"})
		require.NoError(t, err)
		require.True(t, report.OK(), file.Name)
	}
	require.Greater(t, written, 100)
}

// A mistake of a program is reported with the operation at which it happened, and no
// process of the program is left.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct{ name, script, want string }{
		{"hangs", `sleep 300 & echo $! >> ` + filepath.Join(dir, "pids") + `; wait`, "no answer within"},
		{"prints garbage", `while read line; do echo hello; done`, `"hello" is not an answer`},
		{"ends later", `read line; echo "= 3"; exit 0`, "at operation 2"},
		{"floods", `yes "$(printf '%070000d' 0)" | tr -d '\n'`, "it printed a line of more than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target := &Command{Args: []string{"sh", "-c", tc.script}, Timeout: 500 * time.Millisecond}
			file, err := syntax.Parse("test.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\npoll(fd)\n"))
			require.NoError(t, err)
			o, err := Run(Against(target, scenario.Options{Kernel: "6.18"}), file)
			require.NoError(t, err)
			require.NotNil(t, o.Diverge)
			require.ErrorContains(t, o.Diverge.Err, tc.want)
			require.ErrorContains(t, o.Diverge.Err, "operation")
		})
	}
	pids, err := os.ReadFile(filepath.Join(dir, "pids"))
	require.NoError(t, err)
	for pid := range strings.FieldsSeq(string(pids)) {
		require.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		}, 5*time.Second, 10*time.Millisecond, "process %s is still there", pid)
	}
	_, err = (&Command{Args: []string{"/nowhere"}}).New()
	require.ErrorContains(t, err, "/nowhere")
}

// A program that ends without any answer is a mistake of the user, and no divergence.
func TestProgramThatAnswersNothing(t *testing.T) {
	file, err := syntax.Parse("test.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\n"))
	require.NoError(t, err)
	for _, script := range []string{`exit 0`, `exit 3`, `read line; exit 0`} {
		target := &Command{Args: []string{"sh", "-c", script}, Timeout: 5 * time.Second}
		pair := Against(target, scenario.Options{Kernel: "6.18"})
		o, err := Run(pair, file)
		require.ErrorIs(t, err, errUnanswered, script)
		require.Nil(t, o.Diverge)
		_, found, err := FuzzOne(pair, 1)
		require.ErrorIs(t, err, errUnanswered, script)
		require.Nil(t, found)
	}
}

// A program that cannot be started is named, with the reason in plain words.
func TestNoSuchProgram(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"no-such-program": "target no-such-program: no such program in a directory of PATH",
		"/nowhere/x":      "target /nowhere/x: no such file or directory",
		dir:               "target " + dir + ": is a directory",
	} {
		_, err := (&Command{Args: []string{name}}).New()
		require.EqualError(t, err, want)
	}
}

// The example of docs/protocol.md: a program may leave most operations out.
func TestSmallestProgram(t *testing.T) {
	target := &Command{Args: []string{"sh", "-c", `while read -r line; do case "$line" in *userfaultfd\(*) echo "= 3";; *) echo "?";; esac; done`}, Timeout: 5 * time.Second}
	file, err := syntax.Parse("test.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\npoll(fd)\n"))
	require.NoError(t, err)
	o, err := Run(Against(target, scenario.Options{Kernel: "6.18"}), file)
	require.NoError(t, err)
	require.Nil(t, o.Diverge)
	require.Equal(t, 1, o.Same)
	require.Equal(t, 1, o.Skipped)
}

// Statements that the target cannot run are not counted as compared.
func TestProgramThatCanDoNothing(t *testing.T) {
	target := &Command{Args: []string{"sh", "-c", `while read -r line; do echo "?"; done`}, Timeout: 5 * time.Second}
	effort, found, err := FuzzOne(Against(target, scenario.Options{Kernel: "6.18"}), 1)
	require.NoError(t, err)
	require.Nil(t, found)
	require.GreaterOrEqual(t, effort.Operations, scenarioLength)
	require.Zero(t, effort.Same)
}

func TestNoProgramAfterClose(t *testing.T) {
	target := &Command{Args: []string{"cat"}, Timeout: 5 * time.Second}
	target.Close()
	_, err := target.New()
	require.ErrorIs(t, err, errClosed)
}

// Serve answers in the protocol that Command reads.
func TestServe(t *testing.T) {
	d, err := NewModel(scenario.Options{Kernel: "6.18"})
	require.NoError(t, err)
	defer d.Close()
	var out strings.Builder
	in := "fd = userfaultfd(O_NONBLOCK)\nmmap(0x10000000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)\nmaps()\nnonsense(\n"
	require.NoError(t, Serve(d, strings.NewReader(in), &out))
	require.Equal(t, "= 3\n= 0x10000000\n=\t10000000-10001000 r--p\n! conform:4:10: \")\" is missing\n", out.String())
}

func BenchmarkMadeUp(b *testing.B) {
	target := thisKernel(b)
	pair := Against(target, scenario.Options{Kernel: "6.18"})
	operations := 0
	for seed := uint64(1); b.Loop(); seed++ {
		effort, found, err := FuzzOne(pair, seed)
		if err != nil || found != nil {
			b.Fatal(err, found)
		}
		operations += effort.Operations
	}
	b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
}
