package scenario

import "bytes"

// The system call itself, and its ioctls.
var userfaultfdOperations = []Operation{
	{
		Name:    "userfaultfd",
		Doc:     "creates a context for the process's memory and returns its descriptor.",
		Example: "fd = userfaultfd(O_NONBLOCK) = 3",
		params:  []param{{name: "flags", kind: kindNumber, domain: openFlags}},
		binds:   kindFD,
		run: func(c *call) answer {
			fd, err := c.task.Userfaultfd(uint32(c.number(0)))
			return result(uint64(fd), err, "%d")
		},
	},
	{
		Name: "ioctl",
		Doc: "UFFDIO_API, _REGISTER, _UNREGISTER, _WAKE, _COPY and _ZEROPAGE with a struct, or any number with an address. " +
			"_WRITEPROTECT, _CONTINUE, _POISON and _MOVE are not modelled on the kernels that have them. " +
			"The result shows the fields that the kernel wrote. byte='A' in UFFDIO_COPY stands for a source filled with that byte.",
		Example: "ioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='A', mode=0}) = 0 {copy=4096}",
		params:  []param{{name: "fd", kind: kindFD}, {name: "cmd", kind: kindNumber, domain: ioctlCommands}, {name: "arg", kind: kindIoctlArg}},
		run:     runIoctl,
	},
}

var ioctlCommands = func() *domain {
	d := &domain{what: "an ioctl"}
	for _, l := range layouts {
		d.names = append(d.names, constant{l.command, uint64(l.cmd)})
	}
	return d
}()

func runIoctl(c *call) answer {
	fd, cmd, arg := c.fd(0), uint32(c.number(1)), c.args[2]
	switch {
	case arg.record != nil:
		return ioctlRecord(c.task, fd, cmd, arg.record)
	case arg.bytes != nil:
		return ioctlBytes(c.task, fd, cmd, arg.bytes)
	}
	return status(c.task.Ioctl(fd, cmd, arg.number))
}

func ioctlRecord(t Thread, fd int, cmd uint32, r *record) answer {
	if r.source != nil {
		r.set("src", t.Lend(1, r.source()))
	}
	b := r.encode()
	err := t.IoctlBytes(fd, cmd, b)
	a := status(err)
	a.text += r.formatOut(b, err != nil)
	return a
}

// ioctlBytes passes the bytes as they are, even if they are too few. The answer shows
// them if the kernel has changed them.
func ioctlBytes(t Thread, fd int, cmd uint32, given []byte) answer {
	b := bytes.Clone(given)
	a := status(t.IoctlBytes(fd, cmd, b))
	if !bytes.Equal(b, given) {
		a.text += " " + quoteWith('"', b)
	}
	return a
}
