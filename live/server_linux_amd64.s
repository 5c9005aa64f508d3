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

#define SYS_rt_sigreturn 15
#define SYS_clone 56
#define SYS_getppid 110
#define SYS_prctl 157
#define SYS_futex 202
#define SYS_exit_group 231

// func startServer(flags, stack, slot uintptr) (pid int64)
//
// clone(2). The parent returns; the child serves its slot for ever.
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
	LEAQ ·begin(SB), AX
	JMP AX

// The jumps between these are not by name, or the linker would take them for calls that grow
// the stack for ever.

// begin makes the new task end with the controller: it asks for SIGKILL at the controller's end, which
// clone(2) does not inherit, and then ends the task if the controller has ended before. No other
// order is safe, and the controller cannot make these calls for a task, since it may end first.
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

// serve does what the slot in R12 asks for, one command after the other. It is all that
// runs in the process: it uses no stack and nothing of Go's.
TEXT ·serve(SB),NOSPLIT|NOFRAME,$0
	MOVL done(R12), R13 // the command that was done last
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

// touch is the program's access to its memory, by one instruction. When a signal ends it
// the handler goes on at finish.
TEXT ·touch(SB),NOSPLIT|NOFRAME,$0
	REP; MOVSB
	MOVQ CX, ret(R12)
	LEAQ ·finish(SB), AX
	JMP AX

// finish says that the command is done.
TEXT ·finish(SB),NOSPLIT|NOFRAME,$0
	MOVL R13, done(R12)
	LEAQ done(R12), DI
	MOVL $1, SI         // FUTEX_WAKE
	MOVL $1, DX
	MOVL $SYS_futex, AX
	SYSCALL
	LEAQ ·serve(SB), AX
	JMP AX

// onFault is the handler of SIGSEGV and SIGBUS: the touch ends, with the signal's number
// and the address for a result. 72, 168 and 16 are the places of R12, RIP and si_addr.
TEXT ·onFault(SB),NOSPLIT|NOFRAME,$0
	MOVQ 72(DX), AX
	MOVL DI, sig(AX)
	MOVQ 16(SI), CX
	MOVQ CX, at(AX)
	LEAQ ·finish(SB), CX
	MOVQ CX, 168(DX)
	RET

// onSignal is the handler of SIGUSR1: it does nothing.
TEXT ·onSignal(SB),NOSPLIT|NOFRAME,$0
	RET

// restorer ends a handler.
TEXT ·restorer(SB),NOSPLIT|NOFRAME,$0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	INT $3

// func entryPoints() (fault, signal, restore uintptr)
TEXT ·entryPoints(SB),NOSPLIT,$0-24
	LEAQ ·onFault(SB), AX
	MOVQ AX, fault+0(FP)
	LEAQ ·onSignal(SB), AX
	MOVQ AX, signal+8(FP)
	LEAQ ·restorer(SB), AX
	MOVQ AX, restore+16(FP)
	RET
