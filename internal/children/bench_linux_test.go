package children

import (
	"os/exec"
	"sync"
	"testing"
	"time"
)

// BenchmarkEndMany is how long it takes until all is over of many contained programs that end at
// once, as those of the clients of a server do.
func BenchmarkEndMany(b *testing.B) {
	for b.Loop() {
		var ps []*Process
		for range 400 {
			p, err := Start(exec.Command("/bin/sleep", "1000"), true)
			if err != nil {
				b.Fatal(err)
			}
			ps = append(ps, p)
		}
		began := time.Now()
		var wg sync.WaitGroup
		for _, p := range ps {
			p.Kill()
			wg.Go(func() { p.Wait() })
		}
		wg.Wait()
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-end")
	}
}
