package machine

import "github.com/uffdsim/uffdsim/sim"

// unmodelledIoctl panics with a [*sim.NotModelled] for a command that ioctl(2) handles
// itself for every file, before it asks the file: do_vfs_ioctl. The model has none of
// them.
func unmodelledIoctl(t *sim.Task, cmd uint32) {
	const since = "1.0"
	switch cmd {
	case 0x0002:
		sim.Unmodelled(t, "FIGETBSZ", since)
	case 0x5421:
		sim.Unmodelled(t, "FIONBIO", since)
	case 0x5450:
		sim.Unmodelled(t, "FIONCLEX", since)
	case 0x5451:
		sim.Unmodelled(t, "FIOCLEX", since)
	case 0x5452:
		sim.Unmodelled(t, "FIOASYNC", since)
	}
}
