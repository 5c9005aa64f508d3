package uffd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// Each change to the code that testdata/order_mutants.diff lists makes its function
// differ from the kernel's, and no other one.
func TestOrderOfMutants(t *testing.T) {
	text, err := os.ReadFile("testdata/order_mutants.diff")
	require.NoError(t, err)
	mutants, err := rule.ParseDiffs("order_mutants.diff", string(text))
	require.NoError(t, err)
	original := newProgram()
	_, err = original.Import(modulePath + "/uffd")
	require.NoError(t, err)
	for _, m := range mutants {
		t.Run(m.Name, func(t *testing.T) {
			texts := map[string]string{}
			for _, h := range m.Hunks {
				file := filepath.ToSlash(filepath.Join("..", h.File))
				if texts[file] == "" {
					text, err := os.ReadFile(file)
					require.NoError(t, err)
					texts[file] = string(text)
				}
				edits, err := h.Locate(texts[file])
				require.NoError(t, err)
				texts[file] = rule.Apply(texts[file], edits)
			}
			var names []string
			wrong := wrongOrders(t, original.with(texts))
			for _, text := range wrong {
				name, _, _ := strings.Cut(text, ":")
				names = append(names, name)
			}
			require.Equal(t, strings.Fields(m.Fields["lists"]), names, strings.Join(wrong, "\n"))
		})
	}
}
