package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// onHangup calls f on each SIGHUP until stop is called, which waits for a call that
// is under way.
func onHangup(f func()) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var running sync.WaitGroup
	running.Go(func() {
		for range hangups {
			f()
		}
	})
	return func() {
		signal.Stop(hangups) // nothing is sent from here on
		close(hangups)
		running.Wait()
	}
}
