package explore

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// toys are programs in the words of generated ones. Each shows a mistake that the search
// could make, and is about the smallest that does. RARE stands for words after which the
// last value is 4 in few interleavings, so that the random walks before the search hardly
// see it, and WRITES for those of the task that makes it possible.
var toys = []struct {
	options string // as in [toy]
	tasks   string // separated by bars
	about   string
}{
	// Words of memory.
	{"", "store0 load1 | store1 load0", "a load conflicts with a store"},
	{"", "cas0 | cas0 | load0", "a cmpxchg conflicts with another"},
	{"", "poke0 touch1 | poke1 touch0", "so do accesses of user mode"},
	{"", "touch0 | remap0 | poke0", "and the memory that a word maps changes"},
	{"", "store0 load0 | load0 store1 | load1 load0", "three tasks, two words"},
	{"", "store0 store1 | store1 store0", "which word has which value"},
	{"", "load1 load0 | load1 store0", "an access that comes later"},
	{"alike=2", "cas0 load1 load1", "a failed cmpxchg finds the value that it would have stored"},

	// Reference counts.
	{"", "count0 | get0", "a load of a count conflicts with a get"},
	{"refs=2", "count0 | put0", "and with a put"},
	{"", "get0 | count0", "a get with a load"},
	{"refs=2", "put0 | count0", "a put with a load"},
	{"", "getnz0 | setcount0", "a get with a store"},
	{"refs=2", "put0 load0 | setcount0 store0", "a put with a store"},
	{"", "getnz0 | put0", "a get conflicts with the last put"},
	{"", "put0 | getnz0", "the last put with a get"},
	{"", "put0 | get0", "and with one that no put follows"},
	{"refs=2", "put0 loadx0 | put0", "two puts, if one may be the last"},
	{"refs=2", "put0 | put0 loadx0", "the same, the other way round"},
	{"refs=2", "getnz0 | put0 put0", "the second put of a task is the last"},
	{"refs=2", "getnz0 | put0 | put0", "each task drops a reference"},
	{"refs=2", "put0 | put0 | getnz0", "the same, in another order"},
	{"refs=2", "load0 put0 | load0 put0 loadx0 | store0", "puts in sleep sets"},
	{"", "loadx0 | put0", "an access conflicts with a free"},
	{"", "put0 | loadx0", "a free with an access"},
	{"", "load0 loadx0 | put0 store0", "a free makes the difference after other steps"},
	{"", "get1 loadx0 | put0", "the last reference on another structure protects nothing"},
	{"", "loadx0 | get0 put0 load1 put0 | store1", "nor one that another task can drop"},
	{"", "get0 loadx0 load1 put0 | put0 store1", "a reference protects"},
	{"", "get0 loadx0 put0 | drop0 storex0", "a put that was not the last excludes nothing"},
	{"", "load1 get0 loadx0 put0 | drop0 storex0 | store1", "the same, found later"},
	{"", "loadx0 load1 loadx0 | get0 storex0", "a get acquires nothing"},
	{"", "loadx0 | get0 put0 load1 get0 storex0 | store1", "the same, while that task has a choice"},
	{"", "loadx0 put1 | put0 load1 | store1", "the first structure is held by the second"},
	{"refs=2", "put1 loadx0 | put1 | put0 put0", "the last reference drops another one"},

	// Locks.
	{"", "spin0 writespin0 release | spin0 readspin0 release | spin0 writespin0 release", "critical sections conflict"},
	{"guards", "spin0 writespin0 release | spin0 readspin0 release | spin0 writespin0 release", "and the lock says what it guards"},
	{"", "spin1 load0 release | spin0 store0 release", "another lock excludes nothing"},
	{"", "down_read0 load0 release | down_read0 store0 release", "readers do not exclude readers"},
	{"", "down_read0 load0 release | down_write0 store0 release", "readers exclude writers"},
	{"", "down_write0 writesem0 release | down_read0 readsem0 release | down_write0 writesem0 release", "writers exclude both"},
	{"", "down_write0 load1 release | down_write0 writesem0 release | down_write0 writesem0 release | store1", "the first to wait gets it first"},
	{"", "down_read0 load0 load0 release | down_write0 store0 release | down_read0 release", "a writer waits for each reader"},
	{"guards", "down_read0 load1 readsem0 release | down_write0 writesem0 release | down_read0 store1 release | down_write0 writesem0 release",
		"a queue of readers and writers"},
	{"", "load0 | spin0 store0 release", "a lock that nobody holds excludes nothing"},
	{"", "load0 | spin0 load1 release spin0 store0 release", "nor one that another task holds"},
	{"", "load0 | spin0 load1 release spin0 store0 release | store1", "while that task has a choice, too"},
	{"", "spin0 release load0 | spin0 store0 release", "nor one that the task has released"},
	{"", "spin0 load0 load0 release | load1 if0 storeunder0 if3 storeunder1 | atonce1", "one path to a store is under the lock, one is not"},
	{"", "spin0 load0 load0 release | load1 if3 store0 if0 storeunder0 | atonce1", "one path is under no lock"},
	{"", "spin0 load0 load0 release | load1 if0 storeunder0 if3 store0 | atonce1", "the same, the other way round"},
	{"", "spin0 store2 load0 load0 release | load2 if1 storeunder1 if0 storeunder0", "two paths, each under a lock of its own"},
	{"", "load1 either0 | spin0 store0 release | atonce1", "a point that is reached with a lock or without"},
	{"", "load1 either0 | load2 spin0 store0 release | atonce1", "the same, and the task that needs the lock does not wait for it yet"},
	{"", "spin0 load1 release | spin0 store0 release | load0", "a task waits for a lock"},
	{"", "load0 | spin0 writespin0 load1 release | spin0 store0 readspin0 release | store1", "whose holder has a choice"},
	{"", "down_read0 load1 release | down_write0 store0 release | load0", "or for a semaphore"},
	{"", "down_read0 load1 release | down_write0 release store1 | down_read0 load0 release store0", "readers queue behind a writer"},
	{"", "down_write0 writesem0 release down_write0 readsem0 release | down_write0 writesem0 release down_write0 writesem0 release",
		"a task waits twice"},
	{"guards forgets-since", "down_write0 down_read1 release release | down_write1 release", "a task waits that has forgotten what it found under a lock"},
	{"guards forgets", "spin0 load1 readspin0 release | spin0 writespin0 release | store1", "a task reads what it has forgotten"},
	{"", "seqwrite | seqread store2 | load2", "a task waits for a sequence count"},
	{"", "seqwrite | seqread", "a reader of a sequence count conflicts with the writer"},
	{"", "down_write0 spin0 storeheld release release | spin0 peekheld release store0 | load0", "nested locks"},
	{"forgets", "spin0 writespin0 release load1 | spin0 writespin0 release | store1",
		"two tasks with equal histories write different values under a lock"},
	{"forgets", "poke0 load1 | poke0 load1 | store1 touch0",
		"two tasks with equal histories write different bytes"},

	// Sleep, wake-ups, signals.
	{"", "wait0 | store0 wake0", "a store, and a wake-up"},
	{"", "wait0 | wake0 store0", "a lost wake-up"},
	{"", "sleep | wake0 | wake0", "only one wake-up wakes"},
	{"", "sleep store0 | wake0 | load0", "a sleeper goes on after a wake-up"},
	{"", "load0 | sleep store0 | wake1", "the same, in another order"},
	{"", "sleep sleep | wake0 wake0", "two sleeps"},
	{"", "waitkill0 | signal0 | wake0 store0", "a signal does not end a killable sleep"},
	{"", "waitkill0 | kill0 | wake0", "a fatal one does"},
	{"", "sleep | signal0 | wake0", "a signal ends a sleep, and then there is nothing to wake"},
	{"", "load1 announce store0 schedule | signal0 store1 load0 wake0", "the same, if the signal was first"},
	{"", "sleep sleep | signal0 wake0", "a pending signal ends each sleep"},
	{"", "pending pending | signal0", "a signal conflicts with the test"},
	{"", "take pending | signal0 store0 | load0", "and with taking it"},
	{"", "take pending | signal0 | kill0", "and two kinds of signals are pending"},
	{"", "announce load0 | wake0 store0", "a task that has announced a sleep, and goes on"},
	{"", "announce | wake0", "or ends"},
	{"forgets", "announce wake1 wake1 wake1 running | announce wake0 running", "two tasks wake each other before they sleep"},
	{"forgets", "announce wake1 wake1 wake1 | announce wake0", "the same, and they end in a sleeping state"},
	{"", "queue0 | wakequeue", "a wait queue"},
	{"", "queue1 | wakequeue active", "whose entries the waker removes"},
	{"", "queue1 queue1 | wakequeue", "and that are used again"},
	{"alike=2", "queue0 | wakewalk", "with two entries"},
	{"guards forgets", "queue1 | queue0", "in either order"},

	// Structures and handles.
	{"", "publish | follow", "a structure is published"},
	{"", "publish withdraw | follow", "and freed"},
	{"", "publish store0 | load0 withdraw | overwrite follow", "by another task"},
	{"", "spin0 publish release | spin0 withdraw release | spin0 follow release", "under a lock"},
	{"forgets", "scratch scratch load0 | store0", "a structure that nobody else sees"},
	{"alike=2", "sethandle gethandle | gethandle nohandle", "handles refer to tasks"},
	{"alike=2 forgets", "storeown loadpeer sethandle gethandle", "tasks that are alike have structures of their own"},
	{"alike=3 forgets", "sethandle gethandle loadown", "three of them"},

	// What random walks hardly find.
	{"", "RARE store1 | WRITES | load1", "an access that is found late"},
	{"", "RARE put0 | WRITES | loadx0", "a put that is found late"},
	{"refs=2", "RARE put0 | WRITES | put0 loadx0", "and is not the first"},
	{"", "RARE put0 | WRITES | getnz0", "and conflicts with a get"},
	{"", "RARE put0 | WRITES | get1 loadx0 count0", "and with what a reference protects"},
	{"", "RARE signal2 | WRITES | sleep load1 | wake2", "a signal that is found late"},
	{"", "RARE wake2 | WRITES | sleep load1", "a wake-up that is found late"},
	{"", "RARE storeunder0 | WRITES | spin1 load0 release", "a lock that is found late"},
	{"alike=2", "storeown loadpeer | RARE wake0", "tasks that are alike, and an edge that is found late"},

	// Store buffers.
	{"tso", "store0 load1 | store1 load0", "store buffering"},
	{"tso", "store0 mb load1 | store1 mb load0", "barriers"},
	{"tso", "store0 store1 | load1 load0", "stores stay in order"},
	{"tso", "store0 clear0 load0 | load0 load0", "a task sees its own stores"},
	{"tso", "store0 | store0 load0 | load0", "two stores to a word are pending"},
	{"tso", "store0 spin0 readspin0 release load1 | store1 spin0 writespin0 release load0", "a lock drains"},
	{"tso", "store0 cas1 load1 | store1 cas0 load0", "a cmpxchg drains"},
	{"tso", "store0 get0 load1 | store1 get0 load0", "a count drains"},
	{"tso", "wait0 | store0 wake0", "a sleep announced in order"},
	{"tso", "unordered load0 sleep | store0 wake0", "and one that is not"},
	{"tso", "sethandle gethandle | gethandle store0 | nohandle", "handles are buffered"},
	{"tso", "store0 | fetch0 copy1 forget load2 | load1", "the value of a buffered store"},
	{"tso forgets", "fetch0 copy1 forget load2 | store0 | load1", "which the task has forgotten"},
	{"tso", "spin0 writespin0 release | spin0 writespin0 release spin0 writespin0 release | spin0 writespin0 release",
		"a lock's content is what its holder left, not what the holder did until the buffer was empty"},
	{"tso guards forgets", "fetch0 spin0 copyspin0 release forget load1 | store0",
		"a release in a store buffer has the content that the holder has left"},
}

// toy parses a program. The options are words: "tso", "guards" (locks say what they
// guard), "forgets" (tasks replace their history by their live state), "forgets-since"
// (the same, since a bookmark), "refs=N", "alike=N" (the first task is one of N
// that are alike).
func toy(t *testing.T, options, tasks string) generated {
	g := generated{refs: 1}
	for _, o := range strings.Fields(options) {
		key, value, _ := strings.Cut(o, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "tso":
			g.tso = true
		case "guards":
			g.guards = true
		case "forgets":
			g.abstract = replaceAll
		case "forgets-since":
			g.abstract = replaceSinceTop
		case "refs":
			g.refs = uint64(n)
		case "alike":
			g.symmetry = n
		default:
			t.Fatalf("option %q", o)
		}
	}
	tasks = strings.NewReplacer("RARE", "load0 if1 load0 if2 load0 if3 load0 if4", "WRITES", "write1 write2 write3 write4").Replace(tasks)
	for task := range strings.SplitSeq(tasks, "|") {
		g.tasks = append(g.tasks, strings.Fields(task))
	}
	for range g.symmetry - 1 {
		g.tasks = slices.Insert(g.tasks, 0, g.tasks[0])
	}
	require.True(t, g.valid(), "%v", g)
	return g
}

// The reductions keep every outcome of the toys, fingerprints determine what follows, and
// permuted runs reach permuted states.
func TestReductionsOnToyTable(t *testing.T) {
	for _, tc := range toys {
		t.Run(tc.options+" "+tc.tasks, func(t *testing.T) {
			g := toy(t, tc.options, tc.tasks)
			d, ok := g.compare(50_000)
			require.True(t, ok, "too many interleavings")
			require.Empty(t, d, "%s\n%v", tc.about, g)
			g.followAndPermute(t, 400, 1)
		})
	}
}
