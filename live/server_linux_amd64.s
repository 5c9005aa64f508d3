#include "textflag.h"

// Offsets in a slot: see slot.
#define seq 0
#define taken 4
#define done 8
#define sig 12
#define nr 16
#define arg0 24
#define arg1 32
#define arg2 40
#define arg3 48
#define arg4 56
#define arg5 64
#define ret 72
#define newslot 80
#define at 88
#define parent 96
#define code 104

#define SYS_rt_sigreturn 15
#define SYS_clone 56
#define SYS_getppid 110
#define SYS_prctl 157
#define SYS_futex 202
#define SYS_exit_group 231

// func startServer(flags, stack, slot uintptr) (pid int64)
//
// clone(2). The parent returns; the child continues at begin in the arena's copy of this
// code, and serves its slot until it is killed.
TEXT ·startServer(SB),NOSPLIT,$0-32
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	MOVQ slot+16(FP), R12
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $SYS_clone, AX
	SYSCALL
	TESTQ AX, AX
	JZ child
	MOVQ AX, pid+24(FP)
	RET
child:
	MOVQ code(R12), AX
	JMP AX

// The functions below jump to each other through a register: the linker would take a jump
// by name for a call, and a loop of calls for a stack that grows without bound. All
// addresses are relative to the instruction pointer, so that a copy of the code works
// unchanged.

// begin makes the new task end with the controller: it requests SIGKILL for the time when
// the controller ends (clone(2) does not inherit such a request), and then exits if the
// controller ended before. No other order is safe, and the controller cannot make these
// calls for a task, because the controller may end first.
TEXT ·begin(SB),NOSPLIT|NOFRAME,$0
	MOVL $1, DI         // PR_SET_PDEATHSIG
	MOVL $9, SI         // SIGKILL
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $SYS_prctl, AX
	SYSCALL
	MOVL $SYS_getppid, AX
	SYSCALL
	CMPL AX, parent(R12)
	JNE orphan
	LEAQ ·serve(SB), AX
	JMP AX
orphan:
	XORL DI, DI
	MOVL $SYS_exit_group, AX
	SYSCALL
	INT $3

// serve executes the commands of the slot in R12, one after the other. Nothing else runs
// in the process: serve uses neither a stack nor the Go runtime.
TEXT ·serve(SB),NOSPLIT|NOFRAME,$0
	MOVL done(R12), R13 // the last command done
wait:
	MOVL seq(R12), AX
	CMPL AX, R13
	JNE work
	MOVQ R12, DI
	XORL SI, SI         // FUTEX_WAIT, shared between processes
	MOVL R13, DX
	XORL R10, R10
	MOVL $SYS_futex, AX
	SYSCALL
	JMP wait
work:
	MOVL AX, R13
	MOVL R13, taken(R12)
	MOVQ nr(R12), AX
	CMPQ AX, $-1
	JEQ copy
	CMPQ AX, $-2
	JEQ spawn
	MOVQ arg0(R12), DI
	MOVQ arg1(R12), SI
	MOVQ arg2(R12), DX
	MOVQ arg3(R12), R10
	MOVQ arg4(R12), R8
	MOVQ arg5(R12), R9
	SYSCALL
	MOVQ AX, ret(R12)
	JMP finish
copy:
	MOVQ arg0(R12), DI
	MOVQ arg1(R12), SI
	MOVQ arg2(R12), CX
	CLD
	LEAQ ·touch(SB), AX
	JMP AX
spawn:
	MOVQ newslot(R12), R15
	MOVQ arg0(R12), DI
	MOVQ arg1(R12), SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $SYS_clone, AX
	SYSCALL
	TESTQ AX, AX
	JZ spawned
	MOVQ AX, ret(R12)
	JMP finish
spawned:
	MOVQ R15, R12
	LEAQ ·begin(SB), AX
	JMP AX
finish:
	LEAQ ·finish(SB), AX
	JMP AX

// touch accesses the program's memory by one instruction. The handler of a signal that
// ends the access continues at finish.
TEXT ·touch(SB),NOSPLIT|NOFRAME,$0
	REP; MOVSB
	MOVQ CX, ret(R12)
	LEAQ ·finish(SB), AX
	JMP AX

// finish marks the command as done and wakes the controller.
TEXT ·finish(SB),NOSPLIT|NOFRAME,$0
	MOVL R13, done(R12)
	LEAQ done(R12), DI
	MOVL $1, SI         // FUTEX_WAKE
	MOVL $1, DX
	MOVL $SYS_futex, AX
	SYSCALL
	LEAQ ·serve(SB), AX
	JMP AX

// onFault handles SIGSEGV and SIGBUS: it ends the touch and records the signal's number
// and the address. It ignores a signal that another process sent, which is no fault:
// si_code is 0 or negative. 72 and 168 are the offsets of R12 and RIP in the context, 8
// and 16 those of si_code and si_addr.
TEXT ·onFault(SB),NOSPLIT|NOFRAME,$0
	MOVL 8(SI), AX
	TESTL AX, AX
	JLE sent
	MOVQ 72(DX), AX
	MOVL DI, sig(AX)
	MOVQ 16(SI), CX
	MOVQ CX, at(AX)
	LEAQ ·finish(SB), CX
	MOVQ CX, 168(DX)
sent:
	RET

// onSignal handles SIGUSR1: it does nothing.
TEXT ·onSignal(SB),NOSPLIT|NOFRAME,$0
	RET

// restorer returns from a handler.
TEXT ·restorer(SB),NOSPLIT|NOFRAME,$0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	INT $3

// func entryPoints(to *[codeEntries]uintptr)
TEXT ·entryPoints(SB),NOSPLIT,$0-8
	MOVQ to+0(FP), CX
	LEAQ ·begin(SB), AX
	MOVQ AX, 0(CX)
	LEAQ ·onFault(SB), AX
	MOVQ AX, 8(CX)
	LEAQ ·onSignal(SB), AX
	MOVQ AX, 16(CX)
	LEAQ ·restorer(SB), AX
	MOVQ AX, 24(CX)
	LEAQ ·serve(SB), AX
	MOVQ AX, 32(CX)
	LEAQ ·touch(SB), AX
	MOVQ AX, 40(CX)
	LEAQ ·finish(SB), AX
	MOVQ AX, 48(CX)
	RET
