package tracetest

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/trace"
)

// short is a scenario with every part of a fault, and events of most kinds.
const short = `fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
mmap(0x100000, 2p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=1p, mode=MISSING})
t1: load(0x100000)
read(fd, 32)
ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A', mode=0})
t1
close(fd)
`

// kinds are the kinds of events that pictures use, and one unknown kind.
var kinds = strings.Fields(`run_begin run_end op_begin op_end task_new task_exit set_current_state schedule
	try_to_wake_up send_signal syscall_enter syscall_exit fault_begin fault_end spin_lock spin_unlock
	spin_lock_wait down_read up_read down_read_wait down_write up_write down_write_wait ctx_new ctx_state
	ctx_released ctx_free ref_get ref_put queue_add queue_del queue_del_init msg_read must_wait wake
	vma_insert vma_change vma_remove vma_split vma_merge mm_exit pgd_set pud_set pmd_set pte_set pgd_clear
	pud_clear pmd_clear pte_clear pmd_split table_free pte_odd __proto__ __defineGetter__`)

// odd are events that no run has.
var odd = []string{
	`{"kind":"run_end","args":{"finding":"no steps"}}`,
	`{"kind":"run_end","args":{"finding":"a \"quote\" \\ &lt; \u0000\u0007\u007f\u0085\u2028\n;#%"}}`,
	`{"seq":9,"task":"t1","kind":"schedule"}` + "\n" + `{"seq":3,"task":"t1","kind":"schedule","object":"X"}` + "\n" + `{"seq":-5,"task":"t1","kind":"spin_lock_wait"}`,
	`{"task":"t1","kind":"queue_add","object":"fault_pending_wqh"}` + "\n" + `{"task":"t1","kind":"fault_begin"}` + "\n" + `{"task":"t1","kind":"fault_end"}`,
	`{"task":"a b","kind":"spin_lock","object":"x y"}` + "\n" + `{"task":"a@b","kind":"down_read_wait","object":"x y"}`,
	`{"task":"main","kind":"send_signal","object":"x"}` + "\n" + `{"kind":"run_begin","args":{"source":"uffdsim explore x"}}` + "\n" + `{"task":"main","kind":"send_signal","object":"x"}`,
	`{"kind":"ctx_new","args":{"\u0000\u0007\ud83d\ude00\"":"x","event":1,"event":2,"event 2":3,"mm":["a"],"count":"x"}}`,
	`{"kind":"vma_insert","args":{"mm":"a b","start":"0xffffffffffffffffff","end":"zz","uffd":"ctx1"}}` + "\n" + `{"kind":"pte_set","args":{"mm":"a b","address":"0x1000","entry":"0x1"}}`,
	`{"kind":"vma_change","args":{"start":"0x2000","end":"0x1000"}}` + "\n" + `{"kind":"pmd_split","args":{"entry":"1","step":"ffffffffffffffff","address":"fffffffffffff000"}}`,
	`{"kind":"odd","args":{"mm":"","start":"x","address":"y"}}`,
	`{"kind":"ctx_new","object":"constructor"}` + "\n" + `{"kind":"ctx_new","object":"__proto__","rule":"constructor"}`,
	"{}",
}

// Odd returns streams that no run produces, but that [trace.ReadJSON] accepts: very short
// ones, events that lack details of their kind, and texts with the syntax of a format.
func Odd(t testing.TB) map[string]trace.Stream {
	t.Helper()
	streams := map[string]trace.Stream{}
	for name, text := range oddTexts() {
		s, err := trace.ReadJSON(strings.NewReader(text))
		require.NoError(t, err, text)
		streams[name] = s
	}
	return streams
}

func oddTexts() map[string]string {
	texts := map[string]string{"empty": ""}
	for i, text := range odd {
		texts[fmt.Sprintf("odd %d", i)] = text
	}
	all := ""
	for _, kind := range kinds {
		bare := fmt.Sprintf(`{"kind":%q}`, kind) + "\n"
		named := fmt.Sprintf(`{"seq":1,"task":"t1","object":"x","kind":%q,"args":{"finding":"x","woken":true,"waiter":"t1","mm":"x"}}`, kind) + "\n"
		texts["bare "+kind], texts["named "+kind] = bare, named
		all += bare + named
	}
	texts["all kinds"], texts["all kinds, twice"] = all, all+all
	return texts
}

// Fuzz calls check with streams that [trace.ReadJSON] accepts: odd ones, those of real
// runs, and the variations that fuzzing derives from them.
func Fuzz(f *testing.F, check func(t *testing.T, s trace.Stream)) {
	for _, text := range oddTexts() {
		f.Add([]byte(text))
	}
	for _, source := range []string{short, Names} {
		var b bytes.Buffer
		require.NoError(f, Scenario(f, "seed", source).WriteJSON(&b))
		f.Add(b.Bytes())
		lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
		for ; len(lines) > 8; lines = lines[8:] { // pieces, which are faster to change
			f.Add(bytes.Join(lines[:8], nil))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := trace.ReadJSON(bytes.NewReader(text)); err == nil {
			check(t, s)
		}
	})
}

// Names is a scenario with contexts whose names are easily confused: a number, the name
// that the trace gives to another context, a name of two contexts, and the name of a call
// that failed before.
//
//go:embed names.uffd
var Names string
