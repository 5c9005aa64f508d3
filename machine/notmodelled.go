package machine

import "github.com/uffdsim/uffdsim/sim"

// genericIoctls are the commands that ioctl(2) handles itself for every file, before it
// asks the file: do_vfs_ioctl. The model has none of them.
var genericIoctls = map[uint32]string{
	0x0002: "FIGETBSZ",
	0x5421: "FIONBIO",
	0x5450: "FIONCLEX",
	0x5451: "FIOCLEX",
	0x5452: "FIOASYNC",
}

// unmodelledIoctl panics with a [*sim.NotModelled] for one of the genericIoctls.
func unmodelledIoctl(t *sim.Task, cmd uint32) {
	if name, ok := genericIoctls[cmd]; ok {
		sim.Unmodelled(t, name, "1.0")
	}
}
