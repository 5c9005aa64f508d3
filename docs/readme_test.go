package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/uffd"
)

// The functions that fs/userfaultfd.c of early 2015 defines.
var functionsOf2015 = strings.Fields(`
	userfaultfd_wake_function userfaultfd_ctx_get userfaultfd_ctx_put msg_init userfault_msg
	userfaultfd_must_wait handle_userfault userfaultfd_release find_userfault userfaultfd_poll
	userfaultfd_ctx_read userfaultfd_read __wake_userfault wake_userfault validate_range
	userfaultfd_register userfaultfd_unregister userfaultfd_wake userfaultfd_api userfaultfd_ioctl
	userfaultfd_show_fdinfo init_once_userfaultfd_ctx userfaultfd_file_create sys_userfaultfd`)

// Every function of the 2015 code has a Go function (its initcall apart, which only makes
// the slab), and the README's table is the one that the code declares.
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
