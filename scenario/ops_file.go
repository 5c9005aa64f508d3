package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// The operations on descriptors. Their arguments have the order of the system calls.
var fileOperations = []Operation{
	{
		Name:    "read",
		Doc:     "reads messages: the number of bytes, and each message. Without buf= the buffer needs no mapping.",
		Example: "read(fd, 32) = 32 {PAGEFAULT address=0x101000 flags=0}",
		params:  []param{{name: "fd", kind: kindFD}, {name: "n", kind: kindNumber}, {name: "buf", kind: kindAddress, optional: true}},
		run:     runRead,
	},
	{
		Name:    "write",
		Doc:     "writes n bytes from an address. A userfaultfd cannot be written: EINVAL, since 6.1 EBADF.",
		Example: "write(fd, 0x100000, 8) = -1 EBADF",
		params:  []param{{name: "fd", kind: kindFD}, {name: "addr", kind: kindAddress}, {name: "n", kind: kindNumber}},
		run: func(c *call) answer {
			n, err := c.task.Write(c.fd(0), c.number(1), c.number(2))
			return result(n, err, "%d")
		},
	},
	{
		Name:    "lseek",
		Doc:     "moves the position in a file. A userfaultfd has none: ESPIPE, since 6.0 always 0.",
		Example: "lseek(fd, 32, SEEK_SET) = 0",
		params:  []param{{name: "fd", kind: kindFD}, {name: "offset", kind: kindNumber}, {name: "whence", kind: kindNumber, domain: whences}},
		run: func(c *call) answer {
			pos, err := c.task.Lseek(c.fd(0), int64(c.number(1)), int(c.number(2)))
			return result(uint64(pos), err, "%d")
		},
	},
	{
		Name:    "poll",
		Doc:     "returns POLLIN if a fault is pending, POLLERR before the handshake or on a blocking descriptor, otherwise 0. timeout=-1 waits for a fault.",
		Example: "poll(fd) = POLLIN",
		params:  []param{{name: "fd", kind: kindFD}, {name: "timeout", kind: kindTimeout, optional: true, standard: "0"}},
		run:     runPoll,
	},
	{
		Name:    "close",
		Doc:     "closes a descriptor. Closing the last one of a userfaultfd ends all its registrations.",
		Example: "close(fd) = 0",
		params:  []param{{name: "fd", kind: kindFD}},
		run:     func(c *call) answer { return status(c.task.Close(c.fd(0))) },
	},
	{
		Name:    "dup",
		Doc:     "makes another descriptor for the same file.",
		Example: "fd2 = dup(fd) = 4",
		params:  []param{{name: "fd", kind: kindFD}},
		binds:   kindFD,
		run: func(c *call) answer {
			fd, err := c.task.Dup(c.fd(0))
			return result(uint64(fd), err, "%d")
		},
	},
	{
		Name:    "fcntl",
		Doc:     "F_SETFL switches O_NONBLOCK on or off, at any time; F_GETFL returns the flags.",
		Example: "fcntl(fd, F_SETFL, O_NONBLOCK) = 0",
		params: []param{{name: "fd", kind: kindFD}, {name: "cmd", kind: kindName, domain: fcntlCommands},
			{name: "flags", kind: kindNumber, domain: openFlags, optional: true, standard: "0"}},
		run: runFcntl,
	},
}

const (
	fGetfl = 3
	fSetfl = 4
)

var fcntlCommands = &domain{what: "a command of fcntl", names: []constant{{"F_GETFL", fGetfl}, {"F_SETFL", fSetfl}}}

// readBuffer returns the size of the buffer of a read of count bytes that names none, in
// bytes. It has room for two messages of each task, and for 2,048: a blocked read keeps
// its buffer. A read of more messages than that gets EFAULT behind them.
func (s *Session) readBuffer(count uint64) uint64 {
	return min(count, uint64(max(2048, 2*len(s.task)))*abi.MsgSize)
}

func runRead(c *call) answer {
	fd, count := c.fd(0), c.number(1)
	var buf []byte
	var n uint64
	var err error
	if c.given(2) {
		n, err = c.task.Read(fd, c.number(2), count)
	} else {
		buf = make([]byte, c.session.readBuffer(count))
		n, err = c.task.Read(fd, c.task.Lend(0, buf), count)
	}
	if err != nil {
		return failure(err)
	}
	if c.given(2) {
		buf = make([]byte, n)
		if outcome, _ := c.task.Load(c.number(2), buf); outcome != mm.Done {
			buf = nil // the buffer was unmapped meanwhile, and the messages are lost
		}
	}
	var text strings.Builder
	text.WriteString(strconv.FormatUint(n, 10))
	for ; n >= abi.MsgSize && len(buf) >= abi.MsgSize; n, buf = n-abi.MsgSize, buf[abi.MsgSize:] {
		text.WriteString(" " + c.session.formatMsg(buf))
	}
	return answer{text: text.String(), value: n}
}

// formatMsg returns a message as text: "{PAGEFAULT address=0x101000 flags=WRITE}". It
// adds the name of the thread if the message has its number.
func (s *Session) formatMsg(b []byte) string {
	var msg abi.Msg
	msg.Decode(b)
	if msg.Event != abi.EventPagefault {
		return fmt.Sprintf("{event=%#x}", msg.Event)
	}
	text := fmt.Sprintf("{PAGEFAULT address=%#x flags=%s", msg.Address, messageFlags.format(msg.Flags))
	if msg.Ptid != 0 {
		text += " ptid=" + s.threads.name(msg.Ptid)
	}
	return text + "}"
}

var messageFlags = &domain{what: "a flag of a message", names: []constant{
	{"WRITE", abi.PagefaultFlagWrite}, {"WP", abi.PagefaultFlagWP},
}}

func runPoll(c *call) answer {
	fds := []vfs.PollFd{{Fd: c.fd(0), Events: vfs.PollIn}}
	n, err := c.task.Poll(fds, c.given(1) && int32(c.number(1)) != 0)
	switch {
	case err != nil:
		return failure(err)
	case n == 0:
		return answer{text: "0"}
	}
	return answer{text: pollEvents.format(uint64(fds[0].Revents))}
}

func runFcntl(c *call) answer {
	if c.number(1) == fSetfl {
		return status(c.task.FcntlSetFlags(c.fd(0), uint32(c.number(2))))
	}
	flags, err := c.task.FcntlGetFlags(c.fd(0))
	if err != nil {
		return failure(err)
	}
	names := openFlags.format(uint64(flags))
	if flags&3 == 0 {
		names = strings.TrimSuffix("O_RDONLY|"+names, "|0")
	}
	return answer{text: fmt.Sprintf("%#x (flags %s)", flags, names), value: uint64(flags)}
}
