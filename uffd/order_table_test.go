package uffd_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// callOps maps a call to its operation, by the called expression and the arguments after
// the task. The first matching row counts; an operation of "" hides the call. $1 is the
// match of the parentheses, in the kernel's spelling; $arg is the last argument, also in
// the kernel's spelling.
var callOps = []struct{ call, args, op string }{
	// Wait queues and their locks.
	{queue + `(?:\.Lock)?\.Lock`, ``, "lock $1"},
	{`.*\.lockQueues`, ``, "lock fault_pending_wqh"},
	{queue + `(?:\.Lock)?\.Unlock`, ``, "unlock $1"},
	{queue + `(?:\.Lock)?\.AssertHeld`, ``, "assert_held $1"},
	{`.*\.enqueue`, ``, "add fault_pending_wqh"},
	{queue + `\.[Aa]dd`, ``, "add $1"},
	{queue + `\.Del`, `&uwq.*`, "del entry"},
	{queue + `\.Del`, ``, "remove $1"},
	{`(?:uwq\.del|q\.Del)`, ``, "del entry"},
	{`(?:uwq\.delInit|q\.DelInit)`, ``, "del_init entry"},
	{`.*\.ListEmptyCareful`, ``, "look entry"},
	{queue + `\.Active`, ``, "look $1"},
	{queue + `\.Tail`, ``, "tail $1"},
	{queue + `\.Len`, ``, "count $1"},
	{queue + `\.[Ii]nit`, ``, "init $1"},
	{queue + `\.(?:WakeUp(?:Locked)?Key|wakeUpLocked)`, ``, "wake $1"},
	{`.*\.WakeUpState`, ``, "wake task"},
	{`.*\bPollWait`, ``, "poll_wait fd_wqh"},

	// The task.
	{`t\.SetState`, `sim\..*`, "set_state $arg"},
	{`t\.SetState`, ``, "set_state *"},
	{`t\.SetRunning`, ``, "set_state RUNNING"},
	{`t\.Schedule`, ``, "schedule"},
	{`t\.SmpMb`, ``, "mb"},
	{`t\.SignalPending`, ``, "test signal"},
	{`t\.FatalSignalPending`, ``, "test fatal_signal"},

	// mmap_lock, and the mm.
	{`.*\.MmapLock\.DownRead`, ``, "down_read mmap_lock"},
	{`.*\.MmapLock\.UpRead`, ``, "up_read mmap_lock"},
	{`.*\.MmapLock\.DownWrite`, ``, "down_write mmap_lock"},
	{`.*\.MmapLock\.UpWrite`, ``, "up_write mmap_lock"},
	{`.*\.MmapLock\.AssertHeld`, ``, "assert_held mmap_lock"},
	{`.*\.mm\.GetNotZero`, ``, "get_not_zero mm"},
	{`.*\.mm\.Get`, ``, "get mm"},
	{`.*\.mm\.Grab`, ``, "grab mm"},
	{`.*\.mm\.Put`, ``, "put mm"},
	{`.*\.mm\.Drop`, ``, "drop mm"},
	{`.*\bFindVMAPrev`, ``, "find_vma_prev"},
	{`.*\bFindVMA`, ``, "find_vma"},
	{`.*\bVMAMerge`, ``, "vma_merge"},
	{`.*\bSplitVMA`, `.*true`, "split_vma below"},
	{`.*\bSplitVMA`, `.*false`, "split_vma above"},

	// The context.
	{`.*\.refcount\.IncNotZero`, ``, "inc_not_zero refcount"},
	{`.*\.refcount\.Dec`, ``, "dec refcount"},
	{`.*\.(released|waken)\.Load`, ``, "test $1"},
	{`.*\.(released|waken)\.Store`, ``, "set $1"},
	{`.*\.loadState`, ``, "load state"},
	{`.*\.hasFeature`, ``, ""},
	{`.*\.(state|features)\.(?:Load|Peek)`, ``, "load $1"},
	{`.*\.(state|features)\.Store`, ``, "store $1"},
	{`.*\.(state|features)\.(?:CompareAndSwap|Cmpxchg)`, ``, "cmpxchg $1"},
	{`c\.(refcount|state|released)\.Init`, ``, "init $1"},
	{`.*\.refileSeq\.WriteBegin`, ``, "write_begin refile_seq"},
	{`.*\.refileSeq\.WriteEnd`, ``, "write_end refile_seq"},
	{`.*\.refileSeq\.ReadBegin`, ``, "read_begin refile_seq"},
	{`.*\.refileSeq\.ReadRetry`, ``, "read_retry refile_seq"},
	{`.*\bShouldFail`, `"userfaultfd_ctx"`, "alloc ctx"},
	{`.*\bShouldFail`, `"anon_inode_getfile"`, "create file"},
	{`sim\.Kfree`, `c`, "free ctx"},
	{`sim\.BugOn`, `.*(faultPendingWqh|faultWqh|fdWqh).*`, "bug_on $1"},
	{`sim\.BugOn`, ``, "bug_on"},

	// User memory, and descriptors.
	{`.*\bCopyFromUser`, ``, "copy_from_user"},
	{`.*\bCopyToUser`, ``, "copy_to_user"},
	{`.*\bPutUser64`, ``, "put_user"},
	{`f\.Flags`, ``, "load f_flags"},
	{`.*\.GetUnusedFd`, ``, "reserve fd"},
	{`.*\.PutUnusedFd`, ``, "unreserve fd"},
	{`.*\.FdInstall`, ``, "install fd"},

	// Filling pages, and the page table.
	{`.*\.anonVMAPrepare`, ``, "anon_vma_prepare"},
	{`.*\.pmdAlloc`, ``, "pmd_alloc"},
	{`.*\.pteAlloc`, ``, "pte_alloc"},
	{`.*\bcopyFromUserInatomic`, ``, "copy_from_user_inatomic"},
	{`.*\bShouldFail`, `"alloc_page"`, "alloc page"},
	{`(?:page|frame|f)\.[Pp]ut`, ``, "put page"},
	{`pte\.(?:lock\.)?Lock`, ``, "lock pte"},
	{`pte\.(?:lock\.)?Unlock`, ``, "unlock pte"},
	{`(pmd|pte)\b.*\.(?:Peek|PeekHeld|[Ll]oad)`, ``, "load $1"},
	{`(?:pgd|pud)\b.*\.[Ll]oad`, ``, "load upper"},
	{`tb\b.*\.[Ll]oad`, ``, "load *"},
	{`.*\bsetPTE`, ``, "set pte"},
}

const queue = `.*\.(faultPendingWqh|faultWqh|fdWqh)`

// assignOps maps an assignment to its operation. $1 is the match of the parentheses, in
// the kernel's spelling.
var assignOps = []struct{ text, op string }{
	{`vma\.Flags = .*`, "set vma_flags"},
	{`vma\.Userfault = .*`, "set vma_ctx"},
	{`prev = vma`, "set prev"},
	{`vma = merged`, "set vma"},
	{`start = max\(start, vma\.Start\)`, "max start"},
	{`start = vma\.End`, "advance start"},
	{`vma = vma\.Next\(\)`, "next vma"},
	{`attrs\.Pgoff \+= .*`, "advance pgoff"},
	{`c\.freed = true`, "free ctx"},
	{`c\.refileSeq\.Absent = !c\.facts\.CountsRefiles`, "init refile_seq"},
	{`noWait = true`, "set no_wait"},
	{`msg\.(Event|Address|Ptid) = .*`, "set $1"},
	{`msg\.Address &= mm\.PageMask`, "mask address"},
	{`msg\.Flags \|= abi\.PagefaultFlagWrite`, "set WRITE"},
	{`msg\.Flags \|= abi\.PagefaultFlagWP`, "set WP"},
	{`\*msg = uwq\.msg`, "copy msg"},
	{`(done|buf|count) [+-]= abi\.MsgSize`, "advance $1"},
	{`copied \+= PageSize`, "advance copied"},
	{`\*page = frame`, "set *page"},
	{`\*page = nil`, "clear *page"},
	{`bits = .*`, "mkwrite bits"},
}

// resultOps matches an expression that is returned or assigned and is a result.
var resultOps = regexp.MustCompile(`^(?:errno\.(E[A-Z0-9]+)|(?:mm\.)?VMFault(SIGBUS|NoPage|Retry|Major)|\w+\.Poll(Err|In|Hup))$`)

// kernelSpelling has the names that the kernel spells differently.
var kernelSpelling = map[string]string{
	"faultPendingWqh": "fault_pending_wqh", "faultWqh": "fault_wqh", "fdWqh": "fd_wqh",
	"Event": "event", "Address": "address", "Ptid": "ptid",
	"sim.Interruptible": "INTERRUPTIBLE", "sim.Killable": "KILLABLE", "sim.Uninterruptible": "UNINTERRUPTIBLE",
	"NoPage": "NOPAGE", "Retry": "RETRY", "Major": "MAJOR",
	"Err": "POLLERR", "In": "POLLIN", "Hup": "POLLHUP",
}

var (
	// ignored calls serve the model and have no counterpart in the kernel.
	ignored = regexp.MustCompile(`(?:^|\.)(?:trace\w*|use|look|AbstractSince|Bookmark|Label|Guards|sumUp\w*)$`)

	// droppedRule is the condition of a function's dispatch line, which leads to the
	// variants without some of its rules.
	droppedRule = regexp.MustCompile(`(?i)\bdropped\.Any\b`)

	// collapsed operations count once if they are consecutive, unless they have a
	// condition.
	collapsed = regexp.MustCompile(`^(?:\+ )?(?:return|bug_on|free|load upper)\b[^:]*$`)

	// asserted operations are part of the assertion that has them as an argument.
	asserted = regexp.MustCompile(`^(?:look|count|test|load) `)

	// conversion matches the functions whose argument stays a result.
	conversion = regexp.MustCompile(`^(?:error|u?int\d*|State|bool)$`)
)

// spell returns a Go name in the kernel's spelling.
func spell(name string) string {
	if k, ok := kernelSpelling[name]; ok {
		return k
	}
	return name
}

// callOp returns the operation of a call, and reports whether the table has it.
func callOp(name string, args []ast.Expr) (op string, known bool) {
	var texts []string
	for _, a := range args {
		if text := types.ExprString(a); text != "t" {
			texts = append(texts, text)
		}
	}
	all := strings.Join(texts, ", ")
	for _, row := range callOps {
		m := matches(row.call, name)
		if m == nil {
			continue
		}
		a := matches(row.args, all)
		if a == nil {
			continue
		}
		op := row.op
		if m = append(m[1:], a[1:]...); len(m) > 0 {
			op = strings.ReplaceAll(op, "$1", spell(m[0]))
		}
		if len(texts) > 0 {
			op = strings.ReplaceAll(op, "$arg", spell(texts[len(texts)-1]))
		}
		return op, true
	}
	return "", false
}

// assignOp returns the operation of an assignment, "" if none.
func assignOp(text string) string {
	for _, row := range assignOps {
		if m := matches(row.text, text); m != nil {
			if len(m) > 1 {
				return strings.ReplaceAll(row.op, "$1", spell(m[1]))
			}
			return row.op
		}
	}
	return ""
}

// matches returns the match of the pattern with the whole text, nil if none. An empty
// pattern matches every text.
func matches(pattern, text string) []string {
	if pattern == "" {
		return []string{text}
	}
	re := patterns[pattern]
	if re == nil {
		re = regexp.MustCompile(`^(?:` + pattern + `)$`)
		patterns[pattern] = re
	}
	return re.FindStringSubmatch(text)
}

var patterns = map[string]*regexp.Regexp{}

// resultOp returns the operation of a result, "" if none.
func resultOp(text string) string {
	m := resultOps.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return "return " + spell(m[1]+m[2]+m[3])
}

// literalOp returns the operation of a composite literal, "" if none.
func literalOp(e *ast.CompositeLit) string {
	if len(e.Elts) == 0 && types.ExprString(e.Type) == "abi.Msg" {
		return "zero msg"
	}
	return ""
}

// startsRetry reports whether the statement defines the variable that holds a fault's
// result. Returning that variable is not an operation: every fault that waited ends with
// it.
func startsRetry(s *ast.AssignStmt) bool {
	return s.Tok == token.DEFINE && len(s.Rhs) == 1 && types.ExprString(s.Rhs[0]) == "mm.VMFaultRetry"
}
