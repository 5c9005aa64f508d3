package properties

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain makes the garbage collector run less often. The tests create and drop
// thousands of small machines, of which few exist at the same time; without this a third
// of the time goes into the collector.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
