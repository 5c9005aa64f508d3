package properties

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the collector run less often: the tests make and drop thousands of small machines, of which
// few are there at the same time, and a third of their time went into looking for those few.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
