package metrics

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// exposeSystem appends what the system says; what cannot be read is left out.
func exposeSystem(e *exposition) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		ns := usage.Utime.Nano() + usage.Stime.Nano()
		e.single("process_cpu_seconds_total", "counter", "Processor time, user and system.", float64(ns)/1e9)
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if fields := bytes.Fields(statm); err == nil && len(fields) > 1 {
		if pages, err := strconv.ParseUint(string(fields[1]), 10, 64); err == nil {
			e.single("process_resident_memory_bytes", "gauge", "Resident memory.", float64(pages*uint64(os.Getpagesize())))
		}
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		e.single("process_max_fds", "gauge", "How many files and sockets may be open.", float64(limit.Cur))
	}
}
