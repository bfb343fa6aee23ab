package metrics

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// exposeProcess appends what the process takes, under the names that the clients of Prometheus have given it.
func exposeProcess(e *exposition, started time.Time) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples)
	e.single("go_goroutines", "gauge", "Goroutines.", float64(runtime.NumGoroutine()))
	e.single("go_memstats_heap_alloc_bytes", "gauge", "Memory of Go objects.", float64(samples[0].Value.Uint64()))
	e.single("go_memstats_sys_bytes", "gauge", "Memory that the Go runtime has of the system.", float64(samples[1].Value.Uint64()))
	e.single("process_start_time_seconds", "gauge", "When the server started, in seconds since 1970.", float64(started.UnixMilli())/1000)
	exposeSystem(e)
}
