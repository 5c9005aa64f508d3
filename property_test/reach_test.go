package properties

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/scenario"
	"pgregory.net/rapid"
)

var (
	ioctlName = regexp.MustCompile(`UFFDIO_(\w+)`)
	errnoName = regexp.MustCompile(`^-1 (E\w+)`)
)

// counting is the model, with counts of its events.
type counting struct {
	conform.Doer
	seen map[string]int
}

func (c counting) Do(line string) (*scenario.Result, error) {
	r, err := c.Doer.Do(line)
	if r != nil {
		if call, no := ioctlName.FindStringSubmatch(r.Op), errnoName.FindStringSubmatch(r.Answer); call != nil && no != nil {
			c.seen[call[1]+" "+no[1]]++
		}
		for _, e := range r.Events {
			switch {
			case e.Kind == "vma_merge":
				c.seen[fmt.Sprintf("merge case %v", e.Args[0].Value)]++
			case e.Object == "fault_pending_wqh" || e.Object == "fault_wqh":
				c.seen[e.Kind+" "+e.Object]++
			}
		}
	}
	return r, err
}

// The generators of the properties reach every case of a merge, every way into and out of
// the queues, and every error of the ioctls. (The program in coverage checks that they
// reach every line with such an error.)
func TestPropertiesReachAllCases(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: rapid makes too few cases to reach all of these")
	}
	t.Parallel()
	seen := map[string]int{}
	i := &Implementation{Kernel: "6.18", Starves: true, New: func(seed uint64) (conform.Doer, error) {
		model, err := conform.NewModel(scenario.Options{Kernel: "6.18", Seed: seed, Trace: true})
		return counting{model, seen}, err
	}}
	rapid.Check(t, func(t *rapid.T) {
		memoryIsPages(t, i)
		faultsWaitInOrder(t, i)
		neighboursDiffer(t, i)
		argumentsAreChecked(t, i)
		handshakeComesFirst(t, i)
		contextsLastAsLongAsDescriptors(t, i)
	})
	t.Log("what came how often:", seen)
	for n := 1; n <= 8; n++ {
		require.NotZero(t, seen[fmt.Sprintf("merge case %d", n)], "no merge was of case %d: %v", n, seen)
	}
	for _, transition := range []string{
		"queue_add fault_pending_wqh",      // a fault
		"queue_del fault_pending_wqh",      // its message is read, or it is killed before that
		"queue_add fault_wqh",              // the message has been read
		"queue_del fault_wqh",              // it is killed after that
		"queue_del_init fault_pending_wqh", // woken, unread
		"queue_del_init fault_wqh",         // woken, read
	} {
		require.NotZero(t, seen[transition], "%s never happened: %v", transition, seen)
	}
	for call, errors := range map[string]string{
		"API": "EFAULT EINVAL", "REGISTER": "EFAULT EINVAL ENOMEM EBUSY", "UNREGISTER": "EFAULT EINVAL ENOMEM", "WAKE": "EFAULT EINVAL",
		"COPY": "EFAULT EINVAL ENOENT EEXIST ENOMEM EAGAIN ESRCH", "ZEROPAGE": "EFAULT EINVAL ENOENT EEXIST ENOMEM EAGAIN ESRCH",
	} {
		for no := range strings.FieldsSeq(errors) {
			require.NotZero(t, seen[call+" "+no], "%s never failed with %s: %v", call, no, seen)
		}
	}
}
