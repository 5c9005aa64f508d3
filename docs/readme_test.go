package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd"
)

// The functions that fs/userfaultfd.c of early 2015 defines.
var functionsOf2015 = strings.Fields(`
	userfaultfd_wake_function userfaultfd_ctx_get userfaultfd_ctx_put msg_init userfault_msg
	userfaultfd_must_wait handle_userfault userfaultfd_release find_userfault userfaultfd_poll
	userfaultfd_ctx_read userfaultfd_read __wake_userfault wake_userfault validate_range
	userfaultfd_register userfaultfd_unregister userfaultfd_wake userfaultfd_api userfaultfd_ioctl
	userfaultfd_show_fdinfo init_once_userfaultfd_ctx userfaultfd_file_create sys_userfaultfd`)

// Every function of the 2015 code has a Go function (except its initcall, which only
// creates the slab), and the README's table is the one that the code declares.
func TestEveryFunctionOf2015IsMapped(t *testing.T) {
	mapped := map[string]bool{}
	table := "| kernel | here |\n|---|---|\n"
	for _, f := range uffd.KernelFuncs() {
		mapped[f.Name] = true
		table += fmt.Sprintf("| `%s` | `%s` |\n", f.Name, f.GoName())
	}
	for _, name := range functionsOf2015 {
		require.True(t, mapped[name], "%s has no Go function", name)
	}
	const begin, end = "<!-- functions -->\n", "<!-- end functions -->"
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(readme), begin)
	require.True(t, ok)
	old, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile("../README.md", []byte(head+begin+table+end+tail), 0o644))
		return
	}
	same(t, table, old, "UPDATE=1 go test ./docs")
}

// The first scenario of the README runs as it says, and so does its version with a
// wake-up instead of a page.
func TestFirstScenario(t *testing.T) {
	block := regexp.MustCompile("`first.uffd`:\n\n((?:    .*\n|\n)+)").FindStringSubmatch(readDocument(t, "README.md"))
	require.NotNil(t, block)
	first := regexp.MustCompile("(?m)^    ").ReplaceAllString(block[1], "")
	report := runScenario(t, first)
	require.True(t, report.OK(), "%v", report.Failures())
	require.Greater(t, report.Checked(), 6)

	woken := regexp.MustCompile(`(?m)^ioctl\(fd, UFFDIO_COPY.*$`).ReplaceAllString(first, "ioctl(fd, UFFDIO_WAKE, {start=0x101000, len=1p}) = 0")
	require.NotEqual(t, first, woken)
	report = runScenario(t, woken)
	require.Len(t, report.Failures(), 1)
	require.Equal(t, "blocked", report.Failures()[0].Answer)
}

// runScenario runs a scenario on the newest profile.
func runScenario(t *testing.T, text string) *scenario.Report {
	file, err := syntax.Parse("first.uffd", []byte(text))
	require.NoError(t, err)
	s, err := scenario.NewSession(file, scenario.Options{Kernel: "6.18", Seed: 1})
	require.NoError(t, err)
	defer s.Close()
	report, err := s.Run(nil)
	require.NoError(t, err)
	return report
}

// The README is short, its table of functions apart.
func TestReadmeIsShort(t *testing.T) {
	head, rest, _ := strings.Cut(readDocument(t, "README.md"), "<!-- functions -->")
	_, tail, ok := strings.Cut(rest, "<!-- end functions -->")
	require.True(t, ok)
	require.Less(t, strings.Count(head+tail, "\n"), 200)
}

// Examples use the installed program: go run turns exit status 2 into 1. Only the README,
// which says so, and the recipes of CONTRIBUTING.md run the program from its sources.
func TestExamplesUseTheInstalledProgram(t *testing.T) {
	for _, name := range markdown(t) {
		if name != "README.md" && name != "CONTRIBUTING.md" {
			require.NotContains(t, readDocument(t, name), "go run ./cmd/uffdsim", name)
		}
	}
}
